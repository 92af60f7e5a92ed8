/** Charts as SVG: `drawChart` draws a `ChartSpec`. */
import type { EChartsOption, TitleComponentOption } from "echarts";
import { BarChart, CustomChart, HeatmapChart, LineChart, ScatterChart } from "echarts/charts";
import {
  GridComponent,
  LegendComponent,
  MarkLineComponent,
  TitleComponent,
  VisualMapContinuousComponent,
} from "echarts/components";
import { init, setPlatformAPI, use } from "echarts/core";
import { SVGRenderer } from "echarts/renderers";
import { bars } from "./bars.ts";
import { boundaries } from "./boundaries.ts";
import { checkChart, checkTexts } from "./check.ts";
import { type Diagram, textWidth } from "./diagram.ts";
import { heatMap } from "./heatMap.ts";
import { lines } from "./lines.ts";
import { drawPictures } from "./pictures.ts";
import type { ChartSpec, PicturesSpec } from "./spec.ts";
import { FAINT_INK, FONT, INK, ORIGIN, PAPER, TITLE } from "./style.ts";
import { asPicture } from "./svg.ts";

use([
  BarChart,
  CustomChart,
  HeatmapChart,
  LineChart,
  ScatterChart,
  GridComponent,
  LegendComponent,
  MarkLineComponent,
  TitleComponent,
  VisualMapContinuousComponent,
  SVGRenderer,
]);

// There is no font here to measure: legends get a spacing that is certainly enough.
setPlatformAPI({
  measureText: (text, font = "12px") => ({
    width: textWidth(text, Number.parseFloat(/([\d.]+)px/.exec(font)?.[1] ?? "12")),
  }),
});

/**
 * Draws a chart. `origin` says where the numbers come from, a line or more.
 * @returns an SVG document
 * @throws RangeError for a chart that cannot be drawn
 */
export function drawChart(spec: ChartSpec, origin: string): string {
  checkChart(spec);
  checkTexts(spec.title, origin);
  if (spec.kind === "pictures") return drawPictures(spec, origin);
  const { width, height, option, titles = [] } = diagramOf(spec);
  const chart = init(null, null, { renderer: "svg", ssr: true, width, height });
  try {
    chart.setOption({ ...frame(spec.title, origin, titles), ...option });
    return asPicture(chart.renderToSVGString(), spec.title);
  } finally {
    chart.dispose();
  }
}

function diagramOf(spec: Exclude<ChartSpec, PicturesSpec>): Diagram {
  switch (spec.kind) {
    case "bars":
      return bars(spec);
    case "lines":
      return lines(spec);
    case "heatMap":
      return heatMap(spec);
    case "boundaries":
      return boundaries(spec);
  }
}

/** The parts of all charts: title, origin and further titles. */
function frame(title: string, origin: string, titles: readonly object[]): EChartsOption {
  const main: TitleComponentOption = {
    text: title,
    subtext: origin,
    left: TITLE.left,
    top: TITLE.top,
    textStyle: { fontSize: TITLE.size, fontWeight: "bold", color: INK },
    subtextStyle: { fontSize: ORIGIN.size, lineHeight: ORIGIN.lineHeight, color: FAINT_INK },
  };
  return {
    animation: false,
    backgroundColor: PAPER,
    textStyle: { fontFamily: FONT, color: INK },
    title: [main, ...titles],
  };
}

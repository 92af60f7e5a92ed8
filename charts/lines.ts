/** Lines between axes, even or logarithmic, with or without marks, and with whiskers where a spread is known. */
import type { EChartsOption, SeriesOption } from "echarts";
import { numbersOf, referenceLines, spreadOf, valueAxis } from "./axes.ts";
import { type Diagram, legendOf } from "./diagram.ts";
import type { LineSeries, LinesSpec } from "./spec.ts";
import { colourOf, HEIGHT, LEFT, RIGHT, SYMBOLS, TOP, WIDTH } from "./style.ts";
import { whiskers } from "./whiskers.ts";

export function lines({ x, y, series, references = [] }: LinesSpec): Diagram {
  const points = series.flatMap((one) => one.points);
  const xs = points.map((point) => point.x);
  const ys = [...numbersOf(points.map((point) => point.y)), ...references.map(({ value }) => value)];
  const legend = legendOf(series.map(({ name, style }) => ({ name, style })));
  const across = referenceLines(references, "yAxis");
  const drawn = series.flatMap((one, index) =>
    // Lines across hang on one of the series.
    drawnSeries(one, index, index === 0 ? across.series : {}),
  );
  const option: EChartsOption = {
    ...legend.option,
    grid: {
      left: LEFT,
      right: Math.max(RIGHT, across.room),
      top: TOP,
      bottom: series.length > 1 ? 104 + legend.furtherRows : 64,
    },
    xAxis: { ...valueAxis(x, xs), nameGap: 30 },
    yAxis: { ...valueAxis(y, ys), nameGap: 56 },
    series: drawn,
  };
  return { width: WIDTH, height: HEIGHT + legend.furtherRows, option };
}

function drawnSeries(
  { name, points, style = "marked", colour }: LineSeries,
  index: number,
  across: object,
): SeriesOption[] {
  const color = colourOf(colour ?? index);
  const data = points.map((point) => [point.x, spreadOf(point.y).median]);
  const marked = style === "marked" || style === "points";
  const symbol = marked ? SYMBOLS[index % SYMBOLS.length] : "none";
  const shared = { name, data, symbol, symbolSize: 8, color, ...across };
  const spread = points.some(({ y }) => typeof y !== "number");
  return [
    style === "points"
      ? { type: "scatter", ...shared }
      : {
          type: "line",
          ...shared,
          lineStyle: { width: 2, ...(style === "dashed" ? { type: "dashed" } : {}) },
        },
    ...(spread
      ? [
          whiskers(
            points.map((point) => [point.x, spreadOf(point.y)]),
            { colour: color, labelled: false, lying: false, shift: () => 0 },
          ),
        ]
      : []),
  ];
}

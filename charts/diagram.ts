/** The drawable parts of every kind of chart, and the legend below. */
import type { EChartsOption } from "echarts";
import type { LineSeries } from "./spec.ts";
import { CHARACTER_WIDTH, INK, WIDTH } from "./style.ts";

/** A diagram, as ECharts takes it, without title and origin. */
export interface Diagram {
  readonly width: number;
  readonly height: number;
  readonly option: EChartsOption;
  /** Further titles, such as those above parts of it. */
  readonly titles?: readonly object[];
}

const FONT_SIZE = 13;
const GAP = 20;
/** The line or bar before a name, with the space behind it. */
const SAMPLE = 30;
const ROW = 34;

/** ECharts would put a mark on every line: a bar, whole or broken, stands for lines without. */
const LINE_ICONS = {
  plain: "path://M0 0H25V2H0Z",
  dashed: "path://M0 0H7V2H0ZM9 0H16V2H9ZM18 0H25V2H18Z",
};

interface LegendItem {
  readonly name: string;
  /** Style of the series, where not the default. */
  readonly style?: LineSeries["style"];
}

/**
 * The names of a diagram's series, below it; nothing where there is but one. `furtherRows` is how much higher than one
 * row it is, in pixels.
 */
export function legendOf(
  items: readonly LegendItem[],
  width = WIDTH,
): { option: EChartsOption; furtherRows: number } {
  const shown = items.length > 1;
  const option: EChartsOption = {
    legend: {
      show: shown,
      data: items.map(({ name, style }) =>
        style === "plain" || style === "dashed" ? { name, icon: LINE_ICONS[style] } : name,
      ),
      bottom: 10,
      itemGap: GAP,
      textStyle: { fontSize: FONT_SIZE, color: INK },
    },
  };
  const rows = shown
    ? rowsOf(
        items.map(({ name }) => name),
        width,
      )
    : 1;
  return { option, furtherRows: (rows - 1) * ROW };
}

/** ECharts breaks rows by the same widths: see `textWidth`. */
function rowsOf(names: readonly string[], width: number): number {
  let rows = 1;
  let filled = 0;
  for (const name of names) {
    const needed = SAMPLE + textWidth(name, FONT_SIZE) + GAP;
    if (filled > 0 && filled + needed > width - 20) {
      rows++;
      filled = 0;
    }
    filled += needed;
  }
  return rows;
}

/** Largest width of text, in pixels: fonts differ between readers' machines. */
export function textWidth(text: string, fontSize: number): number {
  // A letter as wide as high; ECharts takes the height of lines from such a letter.
  const square = (letter: string) => letter >= "\u2e80";
  const widths = Array.from(text, (letter) => (square(letter) ? 12 : CHARACTER_WIDTH));
  return (widths.reduce((sum, width) => sum + width, 0) * fontSize) / 12;
}

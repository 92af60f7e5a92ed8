/** Charts as data. */
import type { Spread } from "./numbers.ts";

/** An axis's quantity and unit: { name: "time a step", unit: "ms" }. */
export interface Axis {
  readonly name: string;
  readonly unit?: string;
  /** Whether it is logarithmic (default: no). */
  readonly log?: boolean;
  /** Base of the logarithm, and of the numbers along the axis (default 10). */
  readonly base?: number;
  /** Ends of an even axis (default: round numbers, with 0 on the axis). */
  readonly from?: number;
  readonly to?: number;
}

/** A measurement: where it is a spread, whiskers show from the lowest to the highest. */
export type Value = number | Spread;

/** A line across the whole diagram at one value, with its meaning. */
export interface Reference {
  readonly value: number;
  readonly label: string;
}

interface AnyChart {
  /** Added to the file's name where a report has several charts. */
  readonly name?: string;
  /** The title; the machine is named below. */
  readonly title: string;
}

/** Bars stand where the names of the categories have room below them, and lie where they do not. */
export interface BarsSpec extends AnyChart {
  readonly kind: "bars";
  readonly categories: readonly string[];
  readonly value: Axis;
  /** A value for each category; undefined where there is none. */
  readonly series: readonly { readonly name: string; readonly values: readonly (Value | undefined)[] }[];
  readonly references?: readonly Reference[];
}

export interface LinesSpec extends AnyChart {
  readonly kind: "lines";
  readonly x: Axis;
  readonly y: Axis;
  readonly series: readonly LineSeries[];
  readonly references?: readonly Reference[];
}

export interface LineSeries {
  readonly name: string;
  readonly points: readonly { readonly x: number; readonly y: Value }[];
  /**
   * `marked`: a line with a mark at every point (the default). `plain`: without, for many points. `dashed`: such as
   * validation beside training. `points`: marks alone.
   */
  readonly style?: "marked" | "plain" | "dashed" | "points";
  /** Which of the palette's colours (default: the place in the row of series). Series that belong together share one. */
  readonly colour?: number;
}

/** Numbers in cells, coloured by size. */
export interface HeatMapSpec extends AnyChart {
  readonly kind: "heatMap";
  readonly x: CategoryAxis;
  readonly y: CategoryAxis;
  /** The cells' quantity. `from` and `to` end the colour bar; charts to be compared need the same. */
  readonly value: Axis;
  /** Row by row from the bottom, as `y.labels` names them; undefined where there is no number. */
  readonly cells: readonly (readonly (number | undefined)[])[];
  /** The text of a cell without a number (default: none). */
  readonly missing?: string;
  /** Format of a number (default: three significant digits). */
  readonly format?: (value: number) => string;
}

export interface CategoryAxis {
  readonly name: string;
  readonly unit?: string;
  readonly labels: readonly string[];
}

/** Decisions of classifiers over a plane, side by side: two colours, the line between them, and samples on top. */
export interface BoundariesSpec extends AnyChart {
  readonly kind: "boundaries";
  readonly x: PlaneAxis;
  readonly y: PlaneAxis;
  /** Names of class 0 and class 1. */
  readonly classes: readonly [string, string];
  readonly panels: readonly BoundaryPanel[];
}

export interface PlaneAxis {
  readonly name: string;
  readonly unit?: string;
  readonly from: number;
  readonly to: number;
}

export interface BoundaryPanel {
  readonly caption: string;
  /**
   * The classifier's probability of class 1 at the points of a grid of `columns` × `rows`: row by row from
   * the bottom left corner, with the outermost points on the ends of the axes. The line is drawn at ½.
   */
  readonly field: ArrayLike<number>;
  readonly columns: number;
  readonly rows: number;
  readonly points: readonly { readonly x: number; readonly y: number; readonly label: 0 | 1 }[];
}

/** Rows of small pictures, such as before, guess and truth. */
export interface PicturesSpec extends AnyChart {
  readonly kind: "pictures";
  readonly rows: readonly {
    readonly label: string;
    readonly pictures: readonly Picture[];
  }[];
  /** Headings above the columns. */
  readonly columns?: readonly string[];
  /** Size of a picture's longer side in the chart, in pixels (default 84). */
  readonly size?: number;
}

export interface Picture {
  /** Row by row from the top, `channels` bytes a pixel. */
  readonly pixels: Uint8Array;
  readonly width: number;
  readonly height: number;
  /** 1: grey, 3: red, green and blue. */
  readonly channels: 1 | 3;
  readonly caption?: string;
}

export type ChartSpec = BarsSpec | LinesSpec | HeatMapSpec | BoundariesSpec | PicturesSpec;

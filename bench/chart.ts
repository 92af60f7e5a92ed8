/** Charts as SVG: grouped bars, and lines over logarithmic axes, with whiskers where a spread is known. */
import type { CustomSeriesOption, EChartsOption, SeriesOption } from "echarts";
import { BarChart, CustomChart, LineChart } from "echarts/charts";
import { GridComponent, LegendComponent, TitleComponent } from "echarts/components";
import { init, use } from "echarts/core";
import { SVGRenderer } from "echarts/renderers";
import { type Spread, significant } from "./measure.ts";

use([BarChart, CustomChart, LineChart, GridComponent, LegendComponent, TitleComponent, SVGRenderer]);

/** What an axis shows, and in which unit: { name: "time a step", unit: "ms" }. */
export interface Axis {
  readonly name: string;
  readonly unit?: string;
  /** Whether it is logarithmic (default: no for bars, yes for lines). */
  readonly log?: boolean;
  /** Of the logarithm, and of the numbers along the axis (default 10). */
  readonly base?: number;
}

/** A measurement: where it is a spread, whiskers show from the lowest to the highest. */
export type Value = number | Spread;

interface AnyChart {
  /** Where a report has several: added to the file's name. */
  readonly name?: string;
  /** What is shown; the machine is told below it. */
  readonly title: string;
}

/** Bars stand where the names of the categories have room below them, and lie where they do not. */
export interface BarsSpec extends AnyChart {
  readonly kind: "bars";
  readonly categories: readonly string[];
  readonly value: Axis;
  /** A value for each category; undefined where there is none. */
  readonly series: readonly { readonly name: string; readonly values: readonly (Value | undefined)[] }[];
}

export interface LinesSpec extends AnyChart {
  readonly kind: "lines";
  readonly x: Axis;
  readonly y: Axis;
  readonly series: readonly {
    readonly name: string;
    readonly points: readonly { readonly x: number; readonly y: Value }[];
  }[];
}

export type ChartSpec = BarsSpec | LinesSpec;

/** Told apart by people who see few colours, too (after Okabe and Ito). */
const COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#332288", "#666666"];
const SYMBOLS = ["circle", "rect", "triangle", "diamond", "emptyCircle", "emptyRect"];
const INK = "#222222";
const FAINT_INK = "#555555";
const GRID_LINE = "#dddddd";
const FONT = "system-ui, 'Segoe UI', 'Helvetica Neue', Arial, 'DejaVu Sans', sans-serif";
const WIDTH = 960;
const HEIGHT = 560;
/** Space beside the diagram, in pixels: for title and origin, for the value axis, and for the end of a label. */
const TOP = 100;
const LEFT = 78;
const RIGHT = 40;
/** Of lying bars, with the space between them. */
const BAR_HEIGHT = 20;
const CATEGORY_GAP = 14;
/** Of letters of 12 pixels, rather too much than too little. */
const CHARACTER_WIDTH = 7;

/** Draws a chart. `origin` says where the numbers come from, a line or more. @returns an SVG document */
export function drawChart(spec: ChartSpec, origin: string): string {
  checkChart(spec);
  const lying = spec.kind === "bars" && namesNeedRoom(spec);
  const height = lying ? lyingHeight(spec) : HEIGHT;
  const chart = init(null, null, { renderer: "svg", ssr: true, width: WIDTH, height });
  try {
    const diagram = spec.kind === "lines" ? lines(spec) : bars(spec, lying);
    chart.setOption({ ...frame(spec, origin), ...diagram });
    return asPicture(chart.renderToSVGString(), spec.title);
  } finally {
    chart.dispose();
  }
}

/**
 * Without what only answers a mouse, and with a title for those who hear it. The same chart is the same text each time.
 */
function asPicture(svg: string, title: string): string {
  const escaped = title.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
  return svg
    .replace(/<style.*?<\/style>\s*/gs, "")
    .replace(/ (?:class|pointer-events|ecmeta_\w+)="[^"]*"/g, "")
    .replace(/\bzr\d+-/g, "")
    .replace(
      /^<svg ([^>]*)>/,
      (_, attributes) => `<svg role="img" ${attributes}>\n<title>${escaped}</title>`,
    );
}

/** @throws RangeError for what cannot be drawn: nothing, NaN, or what has no logarithm */
function checkChart(spec: ChartSpec): void {
  const axes: [Axis, boolean, (Value | undefined)[]][] =
    spec.kind === "bars"
      ? [[spec.value, spec.value.log ?? false, spec.series.flatMap(({ values }) => values)]]
      : [
          [spec.x, spec.x.log ?? true, spec.series.flatMap(({ points }) => points.map(({ x }) => x))],
          [spec.y, spec.y.log ?? true, spec.series.flatMap(({ points }) => points.map(({ y }) => y))],
        ];
  for (const [{ name }, log, values] of axes) {
    const numbers = numbersOf(values);
    if (numbers.length === 0) throw new RangeError(`chart "${spec.title}": there is nothing to draw`);
    const wrong = numbers.find((value) => !Number.isFinite(value) || (log && !(value > 0)));
    if (wrong === undefined) continue;
    const expected = log ? "finite numbers above 0, for a logarithmic axis" : "finite numbers";
    throw new RangeError(`chart "${spec.title}": ${name} is ${wrong}; expected ${expected}`);
  }
}

function spreadOf(value: Value): Spread {
  return typeof value === "number" ? { median: value, lowest: value, highest: value } : value;
}

function numbersOf(values: readonly (Value | undefined)[]): number[] {
  return values.flatMap((value) => (value === undefined ? [] : Object.values(spreadOf(value))));
}

/** What all charts have. */
function frame(spec: ChartSpec, origin: string): EChartsOption {
  return {
    animation: false,
    // A picture of its own: on a dark page, too, ink needs paper.
    backgroundColor: "#ffffff",
    textStyle: { fontFamily: FONT, color: INK },
    title: {
      text: spec.title,
      subtext: origin,
      left: 20,
      top: 14,
      textStyle: { fontSize: 17, fontWeight: "bold", color: INK },
      subtextStyle: { fontSize: 12, lineHeight: 16, color: FAINT_INK },
    },
    legend: {
      show: spec.series.length > 1,
      data: spec.series.map(({ name }) => name),
      bottom: 10,
      itemGap: 20,
      textStyle: { fontSize: 13, color: INK },
    },
  };
}

const LABEL = { fontSize: 12, color: INK };
const AXIS_LINE = { show: true, lineStyle: { color: INK } };

function valueAxis({ name, unit, base = 10 }: Axis, log: boolean, numbers: readonly number[]) {
  return {
    type: log ? ("log" as const) : ("value" as const),
    name: unit === undefined ? name : `${name} (${unit})`,
    nameLocation: "middle" as const,
    nameTextStyle: { fontSize: 13, color: INK },
    axisLine: AXIS_LINE,
    splitLine: { show: true, lineStyle: { color: GRID_LINE } },
    axisLabel: { ...LABEL, formatter: plain },
    ...(log ? { logBase: base, ...powersAround(numbers, base) } : {}),
  };
}

/** Whole powers of the base below and above all numbers. */
function powersAround(numbers: readonly number[], base: number): { min: number; max: number } {
  const power = (value: number) => Math.log(value) / Math.log(base);
  const lowest = Math.floor(power(Math.min(...numbers)) + 1e-9);
  const highest = Math.ceil(power(Math.max(...numbers)) - 1e-9);
  return { min: base ** lowest, max: base ** Math.max(highest, lowest + 1) };
}

/** 1e-7 → "1e-7", 0.001 → "0.001", 20000 → "20,000". */
function plain(value: number): string {
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-4 || size >= 1e7)) return value.toExponential(0).replace("+", "");
  return Number(value.toPrecision(6)).toLocaleString("en-US", { maximumFractionDigits: 6 });
}

function lines({ x, y, series }: LinesSpec): EChartsOption {
  const points = series.flatMap((one) => one.points);
  const xs = points.map((point) => point.x);
  const ys = numbersOf(points.map((point) => point.y));
  const drawn: SeriesOption[] = series.flatMap(({ name, points }, index): SeriesOption[] => [
    {
      type: "line",
      name,
      data: points.map((point) => [point.x, spreadOf(point.y).median]),
      symbol: SYMBOLS[index % SYMBOLS.length],
      symbolSize: 8,
      color: colourOf(index),
      lineStyle: { width: 2 },
    },
    whiskers(
      points.map((point) => [point.x, spreadOf(point.y)]),
      { colour: colourOf(index), labelled: false, lying: false, shift: () => 0 },
    ),
  ]);
  return {
    grid: { left: LEFT, right: RIGHT, top: TOP, bottom: series.length > 1 ? 104 : 64 },
    xAxis: { ...valueAxis(x, x.log ?? true, xs), nameGap: 30 },
    yAxis: { ...valueAxis(y, y.log ?? true, ys), nameGap: 56 },
    series: drawn,
  };
}

function colourOf(series: number): string {
  return COLOURS[series % COLOURS.length];
}

function nameWidth({ categories }: BarsSpec): number {
  return Math.max(...categories.map((category) => category.length)) * CHARACTER_WIDTH;
}

function namesNeedRoom(spec: BarsSpec): boolean {
  const { categories, series } = spec;
  // A bar carries its value, too, in about six characters.
  const needed = Math.max(nameWidth(spec) + CATEGORY_GAP, series.length * 6 * CHARACTER_WIDTH);
  return needed * categories.length > WIDTH - LEFT - RIGHT;
}

function lyingHeight({ categories, series }: BarsSpec): number {
  return TOP + 104 + categories.length * (series.length * BAR_HEIGHT + CATEGORY_GAP);
}

function bars(spec: BarsSpec, lying: boolean): EChartsOption {
  const { categories, value, series } = spec;
  const drawn: SeriesOption[] = series.flatMap(({ name, values }, index): SeriesOption[] => [
    {
      type: "bar",
      name,
      data: values.map((one) => (one === undefined ? null : spreadOf(one).median)),
      color: colourOf(index),
    },
    whiskers(
      values.flatMap((one, category) => (one === undefined ? [] : [[category, spreadOf(one)] as const])),
      { colour: INK, labelled: true, lying, shift: barCentre(index, series.length) },
    ),
  ]);
  const categoryAxis = {
    type: "category" as const,
    data: [...categories],
    axisLine: AXIS_LINE,
    axisTick: { show: false },
    axisLabel: { ...LABEL, interval: 0 },
    // As in a table: the first on top.
    inverse: lying,
  };
  const numbers = numbersOf(series.flatMap(({ values }) => values));
  const measured = { ...valueAxis(value, value.log ?? false, numbers), nameGap: lying ? 30 : 56 };
  const bottom = (series.length > 1 ? 44 : 14) + (lying ? 60 : 40);
  return {
    grid: { left: lying ? nameWidth(spec) + 30 : LEFT, right: lying ? 70 : RIGHT, top: TOP, bottom },
    xAxis: lying ? measured : categoryAxis,
    yAxis: lying ? categoryAxis : measured,
    series: drawn,
  };
}

/** How far a series' bar lies from the middle of its category. */
function barCentre(index: number, count: number): (api: RenderApi) => number {
  return (api) => api.barLayout?.({ count })?.[index]?.offsetCenter ?? 0;
}

/** Half the length of a whisker's ends, in pixels, and how far a label stays away. */
const CAP = 5;
const LABEL_GAP = 5;

type RenderItem = NonNullable<CustomSeriesOption["renderItem"]>;
type RenderApi = Parameters<RenderItem>[1];

interface WhiskerStyle {
  readonly colour: string;
  /** Whether the median is written beyond the end. */
  readonly labelled: boolean;
  /** Whether values run from left to right instead of upwards. */
  readonly lying: boolean;
  /** How far from its place a whisker is drawn, in pixels. */
  readonly shift: (api: RenderApi) => number;
}

/** Lines from the lowest to the highest of each spread, with ends; none where there is but one value. */
function whiskers(spreads: readonly (readonly [number, Spread])[], style: WhiskerStyle): CustomSeriesOption {
  const { colour, labelled, lying, shift } = style;
  return {
    type: "custom",
    data: spreads.map(([place, { lowest, highest, median }]) => [place, lowest, highest, median]),
    z: 5,
    silent: true,
    encode: lying ? { x: [1, 2], y: 0 } : { x: 0, y: [1, 2] },
    renderItem: (_params, api) => {
      const [place, lowest, highest, median] = [0, 1, 2, 3].map((column) => Number(api.value(column)));
      const at = (value: number) => {
        const [x, y] = api.coord(lying ? [value, place] : [place, value]);
        return lying ? { along: x, across: y + shift(api) } : { along: y, across: x + shift(api) };
      };
      const stroke = (along: [number, number], across: [number, number]) => {
        const [xs, ys] = lying ? [along, across] : [across, along];
        const shape = { x1: xs[0], y1: ys[0], x2: xs[1], y2: ys[1] };
        return { type: "line" as const, shape, style: { stroke: colour, lineWidth: 1.5 } };
      };
      const low = at(lowest);
      const high = at(highest);
      const across: [number, number] = [low.across, low.across];
      const end: [number, number] = [low.across - CAP, low.across + CAP];
      const whisker = [
        stroke([low.along, high.along], across),
        stroke([low.along, low.along], end),
        stroke([high.along, high.along], end),
      ];
      const text = {
        type: "text" as const,
        style: {
          text: significant(median),
          fill: INK,
          font: `12px ${FONT}`,
          x: lying ? high.along + LABEL_GAP + 2 : high.across,
          y: lying ? high.across : high.along - LABEL_GAP,
          align: lying ? ("left" as const) : ("center" as const),
          verticalAlign: lying ? ("middle" as const) : ("bottom" as const),
        },
      };
      return { type: "group", children: [...(lowest < highest ? whisker : []), ...(labelled ? [text] : [])] };
    },
  };
}

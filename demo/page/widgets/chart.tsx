/** Line charts of live data, drawn by uPlot in the page's own colours, with a legend of text and a summary for readers. */
import { signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { significant } from "./numbers.ts";

interface Points {
  /** Ascending. */
  readonly x: readonly number[];
  /** As many; null where the line is broken. */
  readonly y: readonly (number | null)[];
}

export interface Series extends Points {
  readonly name: string;
  /** Which of the page's colours: 1 to 6 (default: its place among the series). */
  readonly color?: number;
  /** Default: a line. */
  readonly style?: "line" | "dashed" | "dots" | "steps" | "area";
}

interface ChartAxis {
  /** With its unit: "accuracy (%)". */
  readonly label: string;
  readonly log?: boolean;
  /** Whether values are counts: ticks are whole numbers. */
  readonly whole?: boolean;
  /** Bounds that are kept whatever the data. */
  readonly from?: number;
  readonly to?: number;
  readonly format?: (value: number) => string;
}

interface ChartProps {
  /** The chart in words, for screen readers: "Loss by step". */
  readonly name: string;
  readonly x: ChartAxis;
  readonly y: ChartAxis;
  readonly series: readonly Series[];
  readonly height?: number;
  /** Said in place of an empty chart. */
  readonly empty?: string;
}

/** Counts changes between light and dark, after which charts take the new colours. */
const scheme = signal(0);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  scheme.value++;
});

export function Chart({ name, x, y, series, height = 240, empty = "Nothing yet." }: ChartProps) {
  const holder = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | undefined>(undefined);
  const colors = series.map(({ color }, i) => color ?? i + 1);
  const structure = JSON.stringify([
    scheme.value,
    height,
    x,
    y,
    series.map(({ name, style }, i) => [name, style, colors[i]]),
  ]);
  const data = aligned(series);
  useEffect(() => {
    const element = holder.current as HTMLDivElement;
    const made = new uPlot(optionsOf({ x, y, series }, colors, element.clientWidth, height), data, element);
    plot.current = made;
    const observer = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      made.destroy();
    };
  }, [structure]);
  useEffect(() => {
    if (plot.current?.data !== data) plot.current?.setData(data);
  });
  const lasts = series.map((one) => lastOf(one.y));
  const format = y.format ?? significant;
  const drawn = lasts.some((last) => last !== undefined);
  const summary = series.map(({ name }, i) => `${name} ${format(lasts[i] ?? Number.NaN)}`).join(", ");
  return (
    <div class="chart">
      {series.length > 1 && (
        <ul class="legend">
          {series.map(({ name, style }, i) => (
            <li key={name} style={`--c: var(--s${colors[i]})`} class={style ?? "line"}>
              {name}
            </li>
          ))}
        </ul>
      )}
      <div
        ref={holder}
        class="chart-canvas"
        style={`height: ${height}px`}
        role="img"
        aria-label={`${name}: ${drawn ? `last values: ${summary}` : empty}`}
      >
        {!drawn && <p class="chart-empty">{empty}</p>}
      </div>
    </div>
  );
}

function lastOf(values: readonly (number | null)[]): number | undefined {
  return values.findLast((value) => value !== null) ?? undefined;
}

function aligned(series: readonly Series[]): uPlot.AlignedData {
  const tables = series.map(({ x, y }) => [x, y] as unknown as uPlot.AlignedData);
  return tables.length > 1 ? uPlot.join(tables) : (tables[0] ?? [[], []]);
}

function optionsOf(
  { x, y, series }: Pick<ChartProps, "x" | "y" | "series">,
  colors: readonly number[],
  width: number,
  height: number,
): uPlot.Options {
  const style = getComputedStyle(document.documentElement);
  const token = (name: string) => style.getPropertyValue(name).trim();
  const font = `12px ${token("--font")}`;
  const axis = ({ label, format, log, whole }: ChartAxis): uPlot.Axis => ({
    label,
    incrs: whole ? WHOLE_STEPS : undefined,
    labelSize: 18,
    labelGap: 0,
    labelFont: font,
    font,
    stroke: token("--muted"),
    grid: { stroke: token("--grid"), width: 1 },
    ticks: { stroke: token("--grid"), width: 1, size: 5 },
    // A logarithmic axis names only some of its ticks: those given as null stay bare.
    values: (_plot, ticks) => ticks.map((tick) => (tick === null ? "" : (format ?? tickText(log))(tick))),
  });
  const scale = ({ log, from, to }: ChartAxis, time: boolean): uPlot.Scale => ({
    time,
    distr: log ? 3 : 1,
    range: log
      ? (_plot, least, most) => logRange(from ?? least, to ?? most)
      : (_plot, least, most) => range(least, most, from, to),
  });
  return {
    width,
    height,
    legend: { show: false },
    cursor: { drag: { x: false, y: false }, points: { size: 6 } },
    scales: {
      x: { ...scale(x, false), range: (_plot, least, most) => range(least, most, x.from, x.to, 0) },
      y: scale(y, false),
    },
    axes: [
      { ...axis(x), space: 60, size: 30 },
      { ...axis(y), size: 58 },
    ],
    series: [
      {},
      ...series.map(({ name, style = "line" }, i): uPlot.Series => {
        const color = token(`--s${colors[i]}`);
        return {
          label: name,
          stroke: color,
          width: 1.75,
          dash: style === "dashed" ? [6, 4] : undefined,
          fill: style === "area" ? `color-mix(in srgb, ${color} 22%, transparent)` : undefined,
          paths:
            style === "steps" || style === "area"
              ? uPlot.paths.stepped?.({ align: 1 })
              : style === "dots"
                ? () => null
                : undefined,
          points: { show: style === "dots", size: 5, fill: color },
          spanGaps: true,
        };
      }),
    ],
  };
}

const WHOLE_STEPS = Array.from({ length: 10 }, (_, power) =>
  [1, 2, 5].map((step) => step * 10 ** power),
).flat();

function tickText(log = false): (value: number) => string {
  return (value) =>
    log && (value < 0.001 || value >= 100_000) ? value.toExponential(0) : significant(value, 6);
}

/** A little room above and below, unless bounds are given. An empty chart is from 0 to 1. */
function range(
  least: number | null,
  most: number | null,
  from?: number,
  to?: number,
  room = 0.08,
): [number, number] {
  const low = from ?? least ?? 0;
  const high = to ?? most ?? 1;
  if (!(high > low)) return [from ?? low - 0.5, to ?? low + 0.5];
  const extra = (high - low) * room;
  return [from ?? low - extra, to ?? high + extra];
}

/** From a round number to a round number: 1, 2 or 5 times a power of ten. */
function logRange(least: number | null, most: number | null): [number, number] {
  const low = least !== null && least > 0 ? least : 0.1;
  const high = most !== null && most > low ? most : low * 10;
  return [rounded(low, "down"), rounded(high, "up")];
}

function rounded(value: number, direction: "down" | "up"): number {
  const power = 10 ** Math.floor(Math.log10(value));
  const steps = [1, 2, 5, 10].map((step) => step * power);
  const found =
    direction === "up"
      ? steps.find((step) => step >= value * (1 - 1e-9))
      : steps.findLast((step) => step <= value * (1 + 1e-9));
  return found ?? value;
}

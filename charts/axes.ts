/** Axes, even and logarithmic, and lines across a diagram. */
import type { MarkLineComponentOption } from "echarts";
import { plain, type Spread } from "./numbers.ts";
import type { Axis, Reference, Value } from "./spec.ts";
import { AXIS_LINE, AXIS_NAME, CHARACTER_WIDTH, FAINT_INK, GRID_LINE, LABEL } from "./style.ts";

/** "time a step (ms)". */
export function titleOf({ name, unit }: { readonly name: string; readonly unit?: string }): string {
  return unit === undefined ? name : `${name} (${unit})`;
}

/** An axis of numbers; `numbers` are all that must have a place on it. */
export function valueAxis(axis: Axis, numbers: readonly number[]) {
  const { log = false, base = 10, from, to } = axis;
  return {
    type: log ? ("log" as const) : ("value" as const),
    name: titleOf(axis),
    nameLocation: "middle" as const,
    nameTextStyle: AXIS_NAME,
    axisLine: AXIS_LINE,
    splitLine: { show: true, lineStyle: { color: GRID_LINE } },
    axisLabel: { ...LABEL, formatter: plain },
    ...(log ? { logBase: base, ...powersAround(numbers, base) } : {}),
    ...(!log && from !== undefined ? { min: from } : {}),
    ...(!log && to !== undefined ? { max: to } : {}),
  };
}

/** More marks than this on a logarithmic axis, and every second power has one, or every third … */
const MOST_POWERS = 8;

/** Whole powers of the base below and above all numbers, and how many powers apart the marks are. */
function powersAround(
  numbers: readonly number[],
  base: number,
): { min: number; max: number; interval?: number } {
  const power = (value: number) => Math.log(value) / Math.log(base);
  const lowest = Math.floor(power(Math.min(...numbers)) + 1e-9);
  const highest = Math.max(Math.ceil(power(Math.max(...numbers)) - 1e-9), lowest + 1);
  const interval = Math.ceil((highest - lowest) / MOST_POWERS);
  if (interval === 1) return { min: base ** lowest, max: base ** highest };
  const steps = Math.ceil((highest - lowest) / interval);
  return { min: base ** lowest, max: base ** (lowest + steps * interval), interval };
}

export function spreadOf(value: Value): Spread {
  return typeof value === "number" ? { median: value, lowest: value, highest: value } : value;
}

export function numbersOf(values: readonly (Value | undefined)[]): number[] {
  return values.flatMap((value) => (value === undefined ? [] : Object.values(spreadOf(value))));
}

/**
 * Lines across the diagram, as a series takes them; `along` is the axis that their values are of. `room` is what their
 * labels need beyond the diagram's end, in pixels.
 */
export function referenceLines(
  references: readonly Reference[],
  along: "xAxis" | "yAxis",
): { series: { markLine: MarkLineComponentOption } | object; room: number } {
  if (references.length === 0) return { series: {}, room: 0 };
  // Lines upwards run against lying bars, whose first is on top.
  const label = { ...LABEL, position: along === "yAxis" ? ("end" as const) : ("start" as const) };
  const series = {
    markLine: {
      silent: true,
      symbol: "none",
      // Above bars and lines, below text.
      z: 4,
      lineStyle: { color: FAINT_INK, type: "dashed" as const, width: 1.5 },
      data: references.map(({ value, label: text }) => ({
        [along]: value,
        label: { ...label, formatter: () => text },
      })),
    },
  };
  const longest = Math.max(...references.map(({ label }) => label.length));
  return { series, room: along === "yAxis" ? longest * CHARACTER_WIDTH + 12 : 0 };
}

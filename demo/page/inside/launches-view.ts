/** State shared by the parts of the view: the launches, their times, and the open launch. */
import type { LaunchDetails } from "wgrad/inspect";
import { significant } from "../widgets/numbers.ts";
import type { LaunchMeasurement } from "./messages.ts";
import { isTold } from "./times.ts";

export interface LaunchesView {
  readonly launches: readonly LaunchDetails[];
  /** None before they are measured. */
  readonly times: readonly LaunchMeasurement[] | undefined;
  readonly selected: number;
  readonly onSelect: (launch: number) => void;
}

/** "matmul + matmul". */
export function kernelsOf({ dispatches }: LaunchDetails): string {
  return dispatches.map(({ kernel }) => kernel).join(" + ");
}

/** "3.dense backward": each label once. */
export function layersOf({ dispatches }: LaunchDetails): string {
  return [...new Set(dispatches.map(({ label }) => label))].join(", ");
}

/** "0.123 ms", or words for a launch too short for the clock. */
export function timeText(time: LaunchMeasurement | undefined): string {
  if (!time) return "";
  const { milliseconds, uncertainty } = time;
  if (isTold(time) || Number.isNaN(uncertainty)) return `${significant(milliseconds)} ms`;
  return `< ${significant(Math.max(milliseconds, 0) + 2 * uncertainty, 2)} ms`;
}

/** "[128, 784]". */
export function shapeText(shape: readonly number[]): string {
  return shape.length === 0 ? "[1]" : `[${shape.join(", ")}]`;
}

/** The step in a few numbers. */

import { FigureList } from "../widgets/figure-list.tsx";
import { amount, bytes, percent, significant } from "../widgets/numbers.ts";
import { Panel } from "../widgets/panel.tsx";
import type { Measurement, Recording } from "./messages.ts";

interface FiguresProps {
  readonly recording: Recording;
  readonly measurement: Measurement | undefined;
}

export function Figures({ recording, measurement }: FiguresProps) {
  const { cost, launches, memory, parameters } = recording;
  const figures: [name: string, value: string][] = [
    ["Launches a step", String(cost.dispatches)],
    ["Arithmetic a step", `${amount(cost.flops)}FLOP`],
    ["Memory moved a step", bytes(cost.bytes)],
    ["Memory in use", bytes(memory.bytes)],
    ["Pipelines", String(new Set(launches.map(({ pipeline }) => pipeline)).size)],
    ["Parameters", parameters.toLocaleString("en-US")],
  ];
  const { stepMs, ceiling } = measurement ?? {};
  if (stepMs) {
    figures.push(["Time of a step", `${significant(stepMs)} ms`]);
    figures.push(["Speed", `${significant(cost.flops / stepMs / 1e6)} GFLOP/s`]);
  }
  if (stepMs && ceiling) {
    const least = 1000 * leastSeconds(recording, ceiling);
    figures.push(["Fraction of the peak", percent(least / stepMs, 0)]);
  }
  return (
    <Panel title="The step in numbers">
      <FigureList figures={figures} />
      {ceiling && (
        <p class="hint">
          The device's peak, measured just now: {significant(ceiling.flops / 1e9)} GFLOP/s of multiply-add,{" "}
          {significant(ceiling.bytes / 1e9)} GB/s of copying. A launch's fraction of the peak is its least
          possible time at these rates divided by its measured time. More than 100 % means that the data come
          from caches, or that the work suits this device better than a plain copy.
        </p>
      )}
      {measurement && !ceiling && recording.device.kind === "cpu" && (
        <p class="hint">The CPU engine is built to be right, not fast: it has no peak to compare with.</p>
      )}
      {measurement && !ceiling && recording.device.kind === "wasm" && (
        <p class="hint">This page measures the peak of GPUs alone.</p>
      )}
    </Panel>
  );
}

/** The time of all launches one after the other, each at the device's peak. */
function leastSeconds({ launches }: Recording, ceiling: NonNullable<Measurement["ceiling"]>): number {
  return launches.reduce(
    (sum, { flops, bytes }) => sum + Math.max(flops / ceiling.flops, bytes / ceiling.bytes),
    0,
  );
}

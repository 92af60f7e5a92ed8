/** The first number of a trainer's state that is not finite. */
import type { ArenaEntry, ArenaLayout } from "../../nn/model/layout.ts";
import { elementCount } from "../../program.ts";
import { firstNonFinite } from "../finite.ts";
import type { TrainerState } from "../state.ts";
import type { Trainer } from "../trainer.ts";
import type { DivergenceReport } from "./report.ts";

/** A finding, without the step in which it was made. */
export type Finding = Omit<DivergenceReport, "step" | "epoch">;

/** The first parameter, statistic or moment that is not finite; undefined where all are. */
export function inState(trainer: Trainer, { arenas }: TrainerState): Finding | undefined {
  for (const [arena, values] of Object.entries(arenas)) {
    const at = firstNonFinite(values);
    if (at < 0) continue;
    const { name, ...found } = tensorAt(arena === "statistics" ? trainer.statistics : trainer.layout, at);
    const value = values[at];
    if (arena === "parameters") return { place: "parameter", tensor: name, ...found, value };
    if (arena === "statistics") return { place: "statistic", tensor: name, ...found, value };
    return { place: "moment", tensor: `${arena} of ${name}`, ...found, value };
  }
  return undefined;
}

/** The tensor at a position of an arena, and the position within the tensor. */
export function tensorAt(layout: ArenaLayout<ArenaEntry>, at: number) {
  const { specs } = layout;
  const { name, shape } = specs.filter((spec) => layout.offset(spec.name) <= at).at(-1) as ArenaEntry;
  return { name, shape, element: Math.min(at - layout.offset(name), elementCount(shape)) };
}

/** The dispatches over flat memory behind a backward pass: clipping, the optimizer, running statistics. */
import { OPTIMIZER_BLOCK, optimizerConstants } from "../../kernels/optimizer.ts";
import { reduceConstants } from "../../kernels/reduce.ts";
import { STATISTICS_BLOCK, trackConstants } from "../../kernels/statistics.ts";
import type { BufferSpec, Dispatch, Hook } from "../../program.ts";
import type { ProgramBuilder } from "../graph/lower/builder.ts";
import { type ArenaEntry, type ArenaLayout, arena } from "../model/layout.ts";
import { groupOf, isFrozen, type Optimizer } from "./optimizers.ts";

function blocks(layout: ArenaLayout): BufferSpec {
  return { name: "blocks", kind: "state", dtype: "f32", length: (layout.length / OPTIMIZER_BLOCK) * 2 };
}

/** What the optimizer's kernel knows of each block of the arena: [rate factor, weight decay]. */
export function blockValues(layout: ArenaLayout, optimizer: Optimizer): Float32Array {
  const rates = layout.perBlock(OPTIMIZER_BLOCK, (spec) => {
    const group = groupOf(optimizer, spec.name);
    if (isFrozen(optimizer, spec)) return 0;
    return group?.lr === undefined ? 1 : group.lr / optimizer.learningRate;
  });
  const decays = layout.perBlock(OPTIMIZER_BLOCK, (spec) => {
    const group = groupOf(optimizer, spec.name);
    if (isFrozen(optimizer, spec)) return 0;
    return group?.weightDecay ?? (spec.decay || optimizer.decayBiases ? optimizer.weightDecay : 0);
  });
  return Float32Array.from(rates.flatMap((rate, block) => [rate, decays[block]]));
}

/** The one dispatch that updates all parameters. */
export function optimizerDispatch(
  optimizer: Optimizer,
  layout: ArenaLayout,
  builder: ProgramBuilder,
): Dispatch {
  const names = ["parameters", "gradients", ...optimizer.slots] as const;
  const bindings = Object.fromEntries(
    names.map((name) => [name, builder.view(arena(name, layout), [layout.length])]),
  );
  const learningRate = builder.slot("learningRate");
  const own = Object.entries(optimizer.scalars).map(
    ([constant, scalar]) => [constant, builder.optimizerSlot(scalar)] as const,
  );
  return {
    label: "optimizer",
    kernel: optimizer.kernel,
    constants: {
      ...optimizerConstants(layout.length),
      ...optimizer.constants,
      LEARNING_RATE: learningRate,
      ...Object.fromEntries(own),
    },
    hooks: {},
    bindings: { ...bindings, blocks: builder.view(blocks(layout), [blocks(layout).length]) },
  };
}

/** Bounds on gradients, before the optimizer sees them. */
export interface Clipping {
  /** All gradients shrink together when the norm of all is over this. */
  readonly norm?: number;
  /** Every gradient is brought into ± this. */
  readonly value?: number;
}

/** Partial sums of squares: few enough to add up in one dispatch, many enough to keep a device busy. */
const NORM_PARTS = 64;

const squares: Record<string, Hook> = {
  element: {
    code: [
      { op: "index" },
      { op: "load", binding: "operand0", at: 0 },
      { op: "call", fn: "square", args: [1] },
    ],
    result: 2,
  },
};
const plain: Record<string, Hook> = {
  element: { code: [{ op: "index" }, { op: "load", binding: "operand0", at: 0 }], result: 1 },
};
const stored: Record<string, Hook> = {
  store: { code: [{ op: "index" }, { op: "value" }], stores: [{ binding: "result0", from: 1 }] },
};

/** The dispatches that clip the gradient arena: by value first, then by norm. */
export function clipDispatches(clipping: Clipping, layout: ArenaLayout, builder: ProgramBuilder): Dispatch[] {
  const gradients = builder.view(arena("gradients", layout), [layout.length]);
  const dispatches: Dispatch[] = [];
  const label = "clipping";
  const constants = optimizerConstants(layout.length);
  if (clipping.value !== undefined) {
    dispatches.push({
      label,
      kernel: "clipValue",
      constants: { ...constants, LIMIT: clipping.value },
      hooks: {},
      bindings: { clipped: gradients },
    });
  }
  if (clipping.norm !== undefined) {
    const temporary = (length: number) =>
      builder.view({ name: "squared norm", kind: "temporary", dtype: "f32", length }, [length]);
    const parts = temporary(NORM_PARTS);
    const total = temporary(1);
    dispatches.push(
      {
        label,
        kernel: "reduce",
        constants: reduceConstants("sum", NORM_PARTS, layout.length / NORM_PARTS),
        hooks: { ...squares, ...stored },
        bindings: { operand0: gradients, result0: parts },
      },
      {
        label,
        kernel: "reduce",
        constants: reduceConstants("sum", 1, NORM_PARTS),
        hooks: { ...plain, ...stored },
        bindings: { operand0: parts, result0: total },
      },
      {
        label,
        kernel: "clipNorm",
        constants: { ...constants, LIMIT: clipping.norm },
        hooks: {},
        bindings: { clipped: gradients, squares: total },
      },
    );
  }
  return dispatches;
}

/** The dispatch that moves running statistics towards what the step observed of them. */
export function trackDispatch<Entry extends ArenaEntry>(
  layout: ArenaLayout<Entry>,
  rateOf: (entry: Entry) => number,
  builder: ProgramBuilder,
): Dispatch {
  const values = layout.perBlock(STATISTICS_BLOCK, rateOf);
  const rates: BufferSpec = { name: "rates", kind: "constant", dtype: "f32", length: values.length, values };
  return {
    label: "running statistics",
    kernel: "track",
    constants: trackConstants(layout.length),
    hooks: {},
    bindings: {
      running: builder.view(arena("statistics", layout), [layout.length]),
      observed: builder.view(arena("observed", layout), [layout.length]),
      rates: builder.view(rates, [values.length]),
    },
  };
}

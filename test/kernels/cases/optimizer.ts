/** Kernels over flat memory: several steps over an arena of tensors that do not fill their blocks. */
import { OPTIMIZER_BLOCK, optimizerConstants } from "../../../src/kernels/optimizer.ts";
import { aligned, type StepScalar } from "../../../src/program.ts";
import type { KernelRun } from "../../helpers/kernel-run.ts";
import { uniform } from "../../helpers/samples.ts";
import { type KernelCase, TIGHT } from "./case.ts";

/** Tensors of the arena: how many elements, what the learning rate is multiplied by, and the weight decay. */
const tensors = [
  { size: 5, rate: 1, decay: 0.1 },
  { size: 65, rate: 0.5, decay: 0 },
  { size: 64, rate: 1, decay: 0.01 },
  { size: 1, rate: 0, decay: 0.1 },
];
const STEPS = 5;
const scalars: StepScalar[] = ["correction1", "learningRate", "correction2"].map((name) => ({
  name,
  dtype: "f32",
}));

/** An arena with padding of zeros behind each tensor. */
function arena(low: number, high: number): Float32Array {
  const parts = tensors.map(({ size }) => {
    const padded = new Float32Array(aligned(size));
    padded.set(uniform([size], low, high).data);
    return padded;
  });
  return concatenated(parts);
}

function concatenated(parts: readonly Float32Array[]): Float32Array {
  const whole = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}

/** Positions of the arena that belong to no tensor. */
const padding: number[] = [];
let offset = 0;
for (const { size } of tensors) {
  for (let i = size; i < aligned(size); i++) padding.push(offset + i);
  offset += aligned(size);
}
const LENGTH = offset;

const blocks = Float32Array.from(
  tensors.flatMap(({ size, rate, decay }) =>
    new Array(aligned(size) / OPTIMIZER_BLOCK).fill([rate, decay]).flat(),
  ),
);

function optimizerCase(
  name: string,
  kernel: string,
  state: readonly ("first" | "second")[],
  own: Record<string, number>,
): KernelCase {
  const beta1 = own.BETA1 ?? 0;
  const beta2 = own.BETA2 ?? 0;
  return {
    name,
    run: {
      kernel,
      constants: { ...optimizerConstants(LENGTH), LEARNING_RATE: 1, ...own },
      reads: { gradients: arena(-1, 1), blocks },
      updates: {
        parameters: arena(-1, 1),
        // A state as it might be after some steps; squares are never negative.
        ...Object.fromEntries(state.map((slot) => [slot, arena(slot === "first" ? -0.5 : 0, 0.5)])),
      },
      scalars,
      steps: Array.from({ length: STEPS }, (_, i) => ({
        learningRate: 0.1 / (i + 1),
        correction1: 1 / (1 - beta1 ** (i + 1)),
        correction2: 1 / Math.sqrt(1 - beta2 ** (i + 1)),
      })),
    },
    tolerance: TIGHT,
    padding,
  };
}

/** A kernel that changes memory by other memory, in one step. */
function arenaCase(
  name: string,
  kernel: string,
  constants: Record<string, number>,
  memory: Pick<KernelRun, "reads" | "updates">,
): KernelCase {
  return {
    name,
    run: { kernel, constants: { ...optimizerConstants(LENGTH), ...constants }, ...memory },
    tolerance: TIGHT,
    padding,
  };
}

const squaredNorm = (values: Float32Array) => Float32Array.of(values.reduce((sum, x) => sum + x * x, 0));

function clipNormCase(name: string, limit: number): KernelCase {
  const clipped = arena(-1, 1);
  return arenaCase(
    name,
    "clipNorm",
    { LIMIT: limit },
    { updates: { clipped }, reads: { squares: squaredNorm(clipped) } },
  );
}

/** More elements than the grid has invocations along x. */
function largeSgd(): KernelCase {
  const size = 65535 * 64 + 128;
  const { padding: _none, ...plain } = optimizerCase("an arena larger than a row of the grid", "sgd", [], {});
  const numbers = (modulus: number) => Float32Array.from({ length: size }, (_, i) => (i % modulus) / modulus);
  return {
    ...plain,
    run: {
      ...plain.run,
      constants: { ...optimizerConstants(size), LEARNING_RATE: 1 },
      reads: { gradients: numbers(1009), blocks: numbers(31).subarray(0, (size / OPTIMIZER_BLOCK) * 2) },
      updates: { parameters: numbers(997) },
      steps: plain.run.steps?.slice(0, 1),
    },
  };
}

const adamConstants = { CORRECTION1: 0, CORRECTION2: 2, BETA1: 0.9, BETA2: 0.999, EPSILON: 1e-8 };

export const optimizerCases: Record<string, KernelCase[]> = {
  sgd: [optimizerCase("several steps", "sgd", [], {}), largeSgd()],
  momentum: [
    optimizerCase("Polyak's", "momentum", ["first"], { MOMENTUM: 0.9, NESTEROV: 0 }),
    optimizerCase("Nesterov's", "momentum", ["first"], { MOMENTUM: 0.9, NESTEROV: 1 }),
  ],
  adam: [
    optimizerCase("decay in the gradient", "adam", ["first", "second"], { ...adamConstants, DECOUPLED: 0 }),
    optimizerCase("decoupled decay", "adam", ["first", "second"], { ...adamConstants, DECOUPLED: 1 }),
    optimizerCase("other constants", "adam", ["first", "second"], {
      ...adamConstants,
      BETA1: 0.5,
      BETA2: 0.9,
      EPSILON: 0.1,
      DECOUPLED: 0,
    }),
  ],
  rmsprop: [
    optimizerCase("without momentum", "rmsprop", ["first", "second"], {
      DECAY: 0.99,
      MOMENTUM: 0,
      EPSILON: 1e-8,
    }),
    optimizerCase("with momentum", "rmsprop", ["first", "second"], {
      DECAY: 0.9,
      MOMENTUM: 0.9,
      EPSILON: 1e-3,
    }),
  ],
  adagrad: [optimizerCase("several steps", "adagrad", ["second"], { CORRECTION1: 0, EPSILON: 1e-10 })],
  clipNorm: [
    clipNormCase("over the limit", 0.5),
    { ...clipNormCase("under the limit", 1e3), unchanged: true },
  ],
  clipValue: [
    arenaCase("on both sides", "clipValue", { LIMIT: 0.3 }, { updates: { clipped: arena(-1, 1) } }),
  ],
  track: [
    arenaCase(
      "a rate for each block",
      "track",
      {},
      {
        updates: { running: arena(-1, 1) },
        reads: { observed: arena(-1, 1), rates: Float32Array.from({ length: LENGTH / 64 }, (_, i) => i / 5) },
      },
    ),
  ],
};

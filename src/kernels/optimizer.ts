import shader from "../../shaders/optimizer.wgsl?raw";
import { defineKernel } from "./index.ts";
import { type Kernel, type KernelBinding, spread } from "./kernel.ts";
import { inParts, type TwinCall, type TwinFunction } from "./twin.ts";

/** Invocations of a workgroup, and elements of each. */
const GROUP = 256;
const ELEMENTS = 4;

/** Elements that share one entry of `blocks`. */
export const OPTIMIZER_BLOCK = 64;

/** Constants for an arena of `size` elements, a multiple of {@link OPTIMIZER_BLOCK}. */
export function optimizerConstants(size: number) {
  return { SIZE: size, ROW: groups(size)[0] * GROUP };
}

function groups(size: number) {
  return spread(Math.ceil(size / (ELEMENTS * GROUP)));
}

const memory: Record<string, KernelBinding> = {
  parameters: { binding: 0, access: "read_write" },
  gradients: { binding: 1, access: "read" },
  blocks: { binding: 2, access: "read" },
};
const first: Record<string, KernelBinding> = { first: { binding: 3, access: "read_write" } };
const second: Record<string, KernelBinding> = { second: { binding: 4, access: "read_write" } };

/** The twin of one update rule: how it changes element `i`, given its learning rate and its weight decay. */
function ruleTwin(update: (call: TwinCall, i: number, rate: number, decay: number) => void): TwinFunction {
  return (call) => {
    const { blocks } = call.memory;
    const learningRate = call.scalar(call.constants.LEARNING_RATE);
    return inParts(call.constants.SIZE, (start, end) => {
      for (let i = start; i < end; i++) {
        const block = Math.floor(i / OPTIMIZER_BLOCK) * 2;
        update(call, i, learningRate * blocks[block], blocks[block + 1]);
      }
    });
  };
}

const sgdTwin = ruleTwin(({ memory: { parameters, gradients } }, i, rate, decay) => {
  parameters[i] -= rate * (gradients[i] + decay * parameters[i]);
});

const momentumTwin = ruleTwin(
  ({ memory: { parameters, gradients, first }, constants: { MOMENTUM, NESTEROV } }, i, rate, decay) => {
    const gradient = gradients[i] + decay * parameters[i];
    const velocity = MOMENTUM * first[i] + gradient;
    first[i] = velocity;
    parameters[i] -= rate * (NESTEROV ? gradient + MOMENTUM * velocity : velocity);
  },
);

const adamTwin = ruleTwin(
  ({ memory: { parameters, gradients, first, second }, constants, scalar }, i, rate, decay) => {
    const { BETA1, BETA2, EPSILON, DECOUPLED, CORRECTION1, CORRECTION2 } = constants;
    let parameter = parameters[i];
    let gradient = gradients[i];
    if (DECOUPLED) parameter -= rate * decay * parameter;
    else gradient += decay * parameter;
    const mean = BETA1 * first[i] + (1 - BETA1) * gradient;
    const variance = BETA2 * second[i] + (1 - BETA2) * gradient * gradient;
    first[i] = mean;
    second[i] = variance;
    const denominator = Math.sqrt(variance) * scalar(CORRECTION2) + EPSILON;
    parameters[i] = parameter - (rate * scalar(CORRECTION1) * mean) / denominator;
  },
);

const rmspropTwin = ruleTwin(
  ({ memory: { parameters, gradients, first, second }, constants }, i, rate, decay) => {
    const { DECAY, MOMENTUM, EPSILON } = constants;
    const gradient = gradients[i] + decay * parameters[i];
    const variance = DECAY * second[i] + (1 - DECAY) * gradient * gradient;
    const direction = gradient / (Math.sqrt(variance) + EPSILON);
    // Without momentum, 0 times what went before would be NaN where that is infinite.
    const before = first[i];
    const velocity = MOMENTUM > 0 ? MOMENTUM * before + direction : direction;
    second[i] = variance;
    first[i] = velocity;
    parameters[i] -= rate * velocity;
  },
);

const adagradTwin = ruleTwin(
  ({ memory: { parameters, gradients, second }, constants, scalar }, i, rate, decay) => {
    const gradient = gradients[i] + decay * parameters[i];
    const sum = second[i] + gradient * gradient;
    second[i] = sum;
    parameters[i] -= (rate * scalar(constants.CORRECTION1) * gradient) / (Math.sqrt(sum) + constants.EPSILON);
  },
);

function clipNormTwin({ memory: { clipped, squares }, constants: { LIMIT } }: TwinCall): void {
  const factor = Math.min(1, LIMIT / (Math.sqrt(squares[0]) + 1e-6));
  for (let i = 0; i < clipped.length; i++) clipped[i] *= factor;
}

function clipValueTwin({ memory: { clipped }, constants: { LIMIT } }: TwinCall): void {
  for (let i = 0; i < clipped.length; i++) clipped[i] = Math.min(LIMIT, Math.max(-LIMIT, clipped[i]));
}

/** One update rule. */
function rule(
  name: string,
  bindings: Record<string, KernelBinding>,
  constants: Record<string, "u32" | "f32">,
  flopsPerElement: number,
  twin: TwinFunction,
): Kernel {
  return defineKernel({
    name,
    shader,
    entryPoint: name,
    bindings: { ...memory, ...bindings },
    constants: { SIZE: "u32", ROW: "u32", LEARNING_RATE: "u32", ...constants },
    hooks: {},
    grid: ({ SIZE }) => groups(SIZE),
    workgroup: () => [GROUP, 1],
    flops: ({ SIZE }) => SIZE * flopsPerElement,
    twin,
  });
}

export const sgd = rule("sgd", {}, {}, 4, sgdTwin);

export const momentum = rule("momentum", first, { MOMENTUM: "f32", NESTEROV: "u32" }, 6, momentumTwin);

export const adam = rule(
  "adam",
  { ...first, ...second },
  { CORRECTION1: "u32", CORRECTION2: "u32", BETA1: "f32", BETA2: "f32", EPSILON: "f32", DECOUPLED: "u32" },
  14,
  adamTwin,
);

export const rmsprop = rule(
  "rmsprop",
  { ...first, ...second },
  { DECAY: "f32", MOMENTUM: "f32", EPSILON: "f32" },
  9,
  rmspropTwin,
);

export const adagrad = rule("adagrad", second, { CORRECTION1: "u32", EPSILON: "f32" }, 8, adagradTwin);

/** A change of all gradients in place. */
function clip(name: string, bindings: Record<string, KernelBinding>, twin: TwinFunction): Kernel {
  return defineKernel({
    name,
    shader,
    entryPoint: name,
    bindings: { clipped: { binding: 5, access: "read_write" }, ...bindings },
    constants: { SIZE: "u32", ROW: "u32", LIMIT: "f32" },
    hooks: {},
    grid: ({ SIZE }) => groups(SIZE),
    workgroup: () => [GROUP, 1],
    flops: ({ SIZE }) => SIZE,
    twin,
  });
}

export const clipNorm = clip("clipNorm", { squares: { binding: 6, access: "read" } }, clipNormTwin);

export const clipValue = clip("clipValue", {}, clipValueTwin);

import shader from "../../shaders/optimizer.wgsl?raw";
import { type Kernel, type KernelBinding, spread, type TwinCall } from "./kernel.ts";

const GROUP = 64;

/** Elements that share one entry of `blocks`. */
export const OPTIMIZER_BLOCK = 64;

/** Constants for an arena of `size` elements. */
export function optimizerConstants(size: number) {
  return { SIZE: size, ROW: spread(Math.ceil(size / GROUP))[0] * GROUP };
}

const memory: Record<string, KernelBinding> = {
  parameters: { binding: 0, access: "read_write" },
  gradients: { binding: 1, access: "read" },
  blocks: { binding: 2, access: "read" },
};
const first: Record<string, KernelBinding> = { first: { binding: 3, access: "read_write" } };
const second: Record<string, KernelBinding> = { second: { binding: 4, access: "read_write" } };

/** One update rule: how it changes element `i`, given its learning rate and its weight decay. */
function rule(
  name: string,
  bindings: Record<string, KernelBinding>,
  constants: Record<string, "u32" | "f32">,
  flopsPerElement: number,
  update: (call: TwinCall, i: number, rate: number, decay: number) => void,
): Kernel {
  return {
    name,
    shader,
    entryPoint: name,
    bindings: { ...memory, ...bindings },
    constants: { SIZE: "u32", ROW: "u32", LEARNING_RATE: "u32", ...constants },
    hooks: {},
    grid: ({ SIZE }) => spread(Math.ceil(SIZE / GROUP)),
    flops: ({ SIZE }) => SIZE * flopsPerElement,
    twin(call) {
      const { blocks } = call.memory;
      const learningRate = call.scalar(call.constants.LEARNING_RATE);
      for (let i = 0; i < call.constants.SIZE; i++) {
        const block = Math.floor(i / OPTIMIZER_BLOCK) * 2;
        update(call, i, learningRate * blocks[block], blocks[block + 1]);
      }
    },
  };
}

export const sgd = rule("sgd", {}, {}, 4, ({ memory: { parameters, gradients } }, i, rate, decay) => {
  parameters[i] -= rate * (gradients[i] + decay * parameters[i]);
});

export const momentum = rule(
  "momentum",
  first,
  { MOMENTUM: "f32", NESTEROV: "u32" },
  6,
  ({ memory: { parameters, gradients, first }, constants: { MOMENTUM, NESTEROV } }, i, rate, decay) => {
    const gradient = gradients[i] + decay * parameters[i];
    const velocity = MOMENTUM * first[i] + gradient;
    first[i] = velocity;
    parameters[i] -= rate * (NESTEROV ? gradient + MOMENTUM * velocity : velocity);
  },
);

export const adam = rule(
  "adam",
  { ...first, ...second },
  { CORRECTION1: "u32", CORRECTION2: "u32", BETA1: "f32", BETA2: "f32", EPSILON: "f32", DECOUPLED: "u32" },
  14,
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

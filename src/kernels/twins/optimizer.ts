import { OPTIMIZER_BLOCK } from "../optimizer.ts";
import { inParts, type TwinCall, type TwinFunction } from "./twin.ts";

/** One update rule: how it changes element `i`, given its learning rate and its weight decay. */
function rule(update: (call: TwinCall, i: number, rate: number, decay: number) => void): TwinFunction {
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

export const sgd = rule(({ memory: { parameters, gradients } }, i, rate, decay) => {
  parameters[i] -= rate * (gradients[i] + decay * parameters[i]);
});

export const momentum = rule(
  ({ memory: { parameters, gradients, first }, constants: { MOMENTUM, NESTEROV } }, i, rate, decay) => {
    const gradient = gradients[i] + decay * parameters[i];
    const velocity = MOMENTUM * first[i] + gradient;
    first[i] = velocity;
    parameters[i] -= rate * (NESTEROV ? gradient + MOMENTUM * velocity : velocity);
  },
);

export const adam = rule(
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

export const rmsprop = rule(
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

export const adagrad = rule(
  ({ memory: { parameters, gradients, second }, constants, scalar }, i, rate, decay) => {
    const gradient = gradients[i] + decay * parameters[i];
    const sum = second[i] + gradient * gradient;
    second[i] = sum;
    parameters[i] -= (rate * scalar(constants.CORRECTION1) * gradient) / (Math.sqrt(sum) + constants.EPSILON);
  },
);

export function clipNorm({ memory: { clipped, squares }, constants: { LIMIT } }: TwinCall): void {
  const factor = Math.min(1, LIMIT / (Math.sqrt(squares[0]) + 1e-6));
  for (let i = 0; i < clipped.length; i++) clipped[i] *= factor;
}

export function clipValue({ memory: { clipped }, constants: { LIMIT } }: TwinCall): void {
  for (let i = 0; i < clipped.length; i++) clipped[i] = Math.min(LIMIT, Math.max(-LIMIT, clipped[i]));
}

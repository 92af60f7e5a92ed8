/** Muon: momentum for matrices, with its singular values brought to 1. */
import { checkOptions, inWords } from "../../checks.ts";
import { matmul } from "../graph/ops/matmul.ts";
import { sum } from "../graph/ops/reduce.ts";
import { add, choose, div, mul, sqrt, square, sub } from "../graph/ops/scalar.ts";
import { transpose } from "../graph/ops/view.ts";
import type { Tensor } from "../graph/tensor.ts";
import {
  INFINITE,
  inRange,
  matches,
  type Optimizer,
  type OptimizerOptions,
  optimizer,
  type ParameterGroup,
  type ParameterInfo,
} from "./optimizer.ts";
import type { AdamOptions } from "./optimizers.ts";
import { movingSquare, settingsOf, sharedOf } from "./settings.ts";

export interface MuonOptions extends OptimizerOptions {
  /** Decay of the mean of gradients (default 0.95). */
  readonly momentum?: number;
  /** Whether a step looks ahead, as Nesterov's (default true). */
  readonly nesterov?: boolean;
  /** Iterations that bring singular values near 1 (default 5). */
  readonly iterations?: number;
  /** Matrices that the rest's rule updates: the first layer's and the last one's, as a rule; an embedding's. */
  readonly except?: readonly ParameterGroup["match"][];
  /** AdamW's numbers for what is no matrix, and for `except` (default 3e-4, 0.9, 0.95, 1e-10). */
  readonly rest?: Pick<AdamOptions, "learningRate" | "beta1" | "beta2" | "epsilon">;
}

/**
 * Muon (Jordan et al. 2024, "Muon: an optimizer for hidden layers"): for parameters of two axes or more, [rows, all others], the
 * momentum's nearest matrix with orthogonal rows or columns, by Newton–Schulz iterations; biases, norms and what `except` names are
 * updated by AdamW. Its products are launches of their own. Default learning rate 0.02; decay is apart from the gradient.
 */
export function muon(options: MuonOptions = {}): Optimizer {
  const own = { momentum: [0.95, 0, 1], nesterov: true, iterations: [5, 1, 101] } as const;
  const { momentum, nesterov, iterations } = settingsOf("muon", options, own, {
    except: "array",
    rest: "any",
  });
  const { except = [], rest = {} } = options;
  if (!Number.isInteger(iterations))
    throw new RangeError(`muon: iterations is ${iterations}; give a whole number from 1`);
  if (!except.every((match) => typeof match === "string" || match instanceof RegExp))
    throw new TypeError(
      `muon: except is ${inWords(except)}; give an array of parameters' names, or patterns`,
    );
  checkOptions<NonNullable<MuonOptions["rest"]>>("muon: rest", rest, {
    learningRate: "number",
    beta1: "number",
    beta2: "number",
    epsilon: "number",
  });
  const { learningRate: restRate = 3e-4, beta1 = 0.9, beta2 = 0.95, epsilon = 1e-10 } = rest;
  inRange("muon", "rest's learningRate", restRate, 0, INFINITE);
  inRange("muon", "rest's beta1", beta1, 0, 1);
  inRange("muon", "rest's beta2", beta2, 0, 1);
  inRange("muon", "rest's epsilon", epsilon, 0, INFINITE);
  const matrix = ({ shape, name }: ParameterInfo) =>
    shape.length > 1 && !except.some((match) => matches({ match }, name)) ? 1 : 0;
  const shared = sharedOf(options, 0.02);
  return optimizer({
    ...shared,
    name: "muon",
    decoupled: true,
    settings: {
      momentum,
      nesterov,
      iterations,
      except: except.map(String).join(", "),
      restRate,
      beta1,
      beta2,
      epsilon,
    },
    slots: ["first", "second"],
    scratch: ["directions"],
    scalars: { correction1: (t) => 1 / (1 - beta1 ** t), correction2: (t) => 1 / Math.sqrt(1 - beta2 ** t) },
    perParameter: { matrix },
    rateOf: (parameter) => (matrix(parameter) ? (shared.learningRate ?? shared.lr ?? 0) : restRate),
    update({ parameter, gradient, learningRate, first, second, matrix: isMatrix, ...at }, { eachMatrix }) {
      const beta = choose(isMatrix, momentum, beta1);
      const mean = add(mul(beta, first), mul(sub(1, beta), gradient));
      const ahead = nesterov ? add(gradient, mul(momentum, sub(mean, gradient))) : mean;
      const directions = eachMatrix("directions", ahead, matrix, (part) => orthogonal(part, iterations));
      const variance = movingSquare(beta2, second, gradient);
      const scaled = div(mul(at.correction1, mean), add(mul(sqrt(variance), at.correction2), epsilon));
      const step = mul(learningRate, choose(isMatrix, directions, scaled));
      return { first: mean, second: variance, parameter: sub(parameter, step) };
    },
  });
}

/** The polynomial a·s + b·s³ + c·s⁵ that takes singular values between 0 and 1 near 1 in few iterations. */
const [A, B, C] = [3.4445, -4.775, 2.0315];

/** The nearest matrix to x [rows, columns] whose singular values are about 1, times √max(1, rows / columns). */
function orthogonal(x: Tensor, iterations: number): Tensor {
  const [rows, columns] = x.shape;
  const wide = rows > columns ? transpose(x) : x;
  const norm = sqrt(sum(sum(square(wide), 1)));
  let y = div(wide, add(norm, 1e-7));
  for (let i = 0; i < iterations; i++) {
    const gram = matmul(y, transpose(y));
    y = add(mul(A, y), matmul(add(mul(B, gram), mul(C, matmul(gram, gram))), y));
  }
  return mul(rows > columns ? transpose(y) : y, Math.sqrt(Math.max(1, rows / columns)));
}

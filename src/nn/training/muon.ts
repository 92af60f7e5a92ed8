/** Muon: momentum for matrices, with singular values brought close to 1. */
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
  /** Decay rate of the mean of gradients (default 0.95). */
  readonly momentum?: number;
  /** Whether to use Nesterov's momentum (default true). */
  readonly nesterov?: boolean;
  /** Number of iterations that bring singular values close to 1 (default 5). */
  readonly iterations?: number;
  /** Matrices updated by the rest's rule: usually those of the first and the last layer, and of an embedding. */
  readonly except?: readonly ParameterGroup["match"][];
  /** AdamW's settings for parameters that are no matrices, and for `except` (default 3e-4, 0.9, 0.95, 1e-10). */
  readonly rest?: Pick<AdamOptions, "learningRate" | "beta1" | "beta2" | "epsilon">;
}

/**
 * Muon (Jordan et al. 2024, "Muon: an optimizer for hidden layers"). For parameters of two or more axes, [rows, all
 * others], the step is the matrix with orthogonal rows or columns closest to the momentum, by Newton–Schulz iterations.
 * AdamW updates biases, norms and the matrices in `except`. The products are launches of their own. Decay is decoupled.
 * Default learning rate 0.02.
 * @throws RangeError where a number is out of range
 * @throws TypeError where an option is unknown or of another kind
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
    named: except,
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

/** The polynomial a·s + b·s³ + c·s⁵, which brings singular values between 0 and 1 close to 1 in few iterations. */
const [A, B, C] = [3.4445, -4.775, 2.0315];

/** The matrix closest to x [rows, columns] with singular values of about 1, times √max(1, rows / columns). */
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

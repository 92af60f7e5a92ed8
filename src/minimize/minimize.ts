/** Minimisers of smooth functions, for small models: gradient descent, Newton by conjugate gradients, L-BFGS. */
import { checkSignal } from "../abort.ts";
import { checkOptions, checkPositive, checkWhole, inWords, type OptionKinds } from "../checks.ts";
import type { Objective } from "./objective.ts";

export interface MinimizeOptions {
  /** Most steps (default 100). */
  readonly maxSteps?: number;
  /** The search has converged when no component of the gradient is larger (default 1e-5). */
  readonly tolerance?: number;
  /** The search has converged when the loss is not above this. */
  readonly target?: number;
  readonly onStep?: (step: number, loss: number) => void;
  /** Aborts the search between two evaluations; the signal's reason is the error. The model stays at the best point so far. */
  readonly signal?: AbortSignal;
}

const MINIMIZE_OPTIONS: OptionKinds<MinimizeOptions> = {
  maxSteps: "number",
  tolerance: "number",
  target: "number",
  onStep: "function",
  signal: "any",
};

export interface Minimum {
  readonly position: Float64Array;
  readonly loss: number;
  /** Number of steps taken. */
  readonly steps: number;
  /** Number of evaluations of the loss with its gradient; below, of products with the Hessian. */
  readonly evaluations: number;
  readonly products: number;
  /** Whether the tolerance or the target was reached. */
  readonly converged: boolean;
}

export interface DescentOptions extends MinimizeOptions {
  readonly learningRate?: number;
  /** Short name of `learningRate`; one of the two is required. */
  readonly lr?: number;
}

interface Point {
  readonly x: Float64Array;
  readonly loss: number;
  readonly gradient: Float64Array;
}

/** Relative rounding error of a loss summed in 32 bits. */
const LOSS_ROUNDING = 2 ** -21;

/** State and counters of a search. */
class Search {
  evaluations = 0;
  products = 0;
  steps = 0;

  constructor(
    readonly objective: Objective,
    readonly options: MinimizeOptions,
  ) {
    if (typeof objective?.position !== "function") {
      throw new TypeError(
        `minimize: the objective is ${inWords(objective)}; give the result of await objective(…)`,
      );
    }
    const { maxSteps = 100, tolerance = 0, target = 0, signal } = options;
    checkSignal("minimize", signal);
    checkWhole("minimize: maxSteps", maxSteps);
    if (!(tolerance >= 0)) throw new RangeError(`minimize: tolerance is ${tolerance}; give a number from 0`);
    if (Number.isNaN(target)) throw new RangeError("minimize: target is NaN; give a number, or leave it out");
  }

  async evaluate(x: Float64Array): Promise<Point> {
    this.options.signal?.throwIfAborted();
    this.evaluations++;
    const { loss, gradient } = await this.objective.at(x);
    if (!Number.isFinite(loss))
      throw new Error(`minimize: the loss is ${loss}; start elsewhere, or take smaller steps`);
    return { x, loss, gradient };
  }

  async hessianTimes(direction: Float64Array): Promise<Float64Array> {
    this.options.signal?.throwIfAborted();
    this.products++;
    return this.objective.hessianTimes(direction);
  }

  reached({ loss, gradient }: Point): boolean {
    const { tolerance = 1e-5, target = Number.NEGATIVE_INFINITY } = this.options;
    return loss <= target || gradient.every((part) => Math.abs(part) <= tolerance);
  }

  /** Repeats `next` until the search ends; `next` returns undefined where it finds no better point. */
  async run(next: (point: Point) => Promise<Point | undefined>): Promise<Minimum> {
    const { maxSteps = 100, onStep, signal } = this.options;
    signal?.throwIfAborted();
    let point = await this.evaluate(await this.objective.position());
    try {
      while (this.steps < maxSteps && !this.reached(point)) {
        signal?.throwIfAborted();
        const better = await next(point);
        if (!better) break;
        point = better;
        this.steps++;
        onStep?.(this.steps, point.loss);
      }
    } catch (error) {
      await this.objective.at(point.x).catch(() => {});
      throw error;
    }
    // Leaves the model at the best point, whatever was tried last.
    await this.objective.at(point.x);
    const { steps, evaluations, products } = this;
    return {
      position: point.x,
      loss: point.loss,
      steps,
      evaluations,
      products,
      converged: this.reached(point),
    };
  }

  /**
   * Armijo's backtracking (Nocedal & Wright 2006, algorithm 3.1): halves the step until the loss falls enough. Near a
   * minimum, 32-bit losses no longer distinguish points, but gradients do (compare Hager & Zhang 2005, section 3).
   */
  async lineSearch(point: Point, direction: Float64Array): Promise<Point | undefined> {
    const slope = dot(point.gradient, direction);
    const rounding = LOSS_ROUNDING * Math.abs(point.loss);
    for (let length = 1; length > 1e-8 && !(length * -slope < rounding * 1e-3); length /= 2) {
      const tried = await this.evaluate(along(point.x, direction, length));
      const wanted = 1e-4 * length * slope;
      if (tried.loss <= point.loss + wanted) return tried;
      const closer = dot(tried.gradient, tried.gradient) < dot(point.gradient, point.gradient);
      if (-wanted < rounding && tried.loss <= point.loss + rounding && closer) return tried;
    }
    return undefined;
  }
}

/**
 * Gradient descent with a fixed learning rate.
 * @throws RangeError where `learningRate` is no finite number above 0, or another option is out of range
 * @throws TypeError where `objective` is none, or an option is unknown; the promise rejects with an Error where the
 *   loss is not finite, and with the signal's reason
 */
export function gradientDescent(objective: Objective, options: DescentOptions): Promise<Minimum> {
  checkOptions("gradientDescent", options, { ...MINIMIZE_OPTIONS, learningRate: "number", lr: "number" });
  if (options.learningRate !== undefined && options.lr !== undefined)
    throw new TypeError("gradientDescent: learningRate and lr are both given, and are the same; give one");
  const learningRate = options.learningRate ?? options.lr;
  checkPositive("gradientDescent: learningRate", learningRate);
  const search = new Search(objective, options);
  return search.run((point) => search.evaluate(along(point.x, point.gradient, -learningRate)));
}

/**
 * Newton's method with backtracking. Truncated conjugate gradients solve its equation from products with the Hessian
 * (Nocedal & Wright 2006, algorithm 7.1).
 * @throws RangeError where an option is out of range
 * @throws TypeError where `objective` is none, or an option is unknown; the promise rejects with an Error where the
 *   loss is not finite, and with the signal's reason
 */
export function newtonCG(objective: Objective, options: MinimizeOptions = {}): Promise<Minimum> {
  checkOptions("newtonCG", options, MINIMIZE_OPTIONS);
  const search = new Search(objective, options);
  return search.run(async (point) => search.lineSearch(point, await newtonDirection(search, point)));
}

async function newtonDirection(search: Search, { gradient }: Point): Promise<Float64Array> {
  const norm = Math.sqrt(dot(gradient, gradient));
  const enough = Math.min(0.5, Math.sqrt(norm)) * norm;
  let solution = new Float64Array(gradient.length);
  let residual = gradient;
  let direction = gradient.map((part) => -part);
  for (let i = 0; i < 2 * gradient.length; i++) {
    const product = await search.hessianTimes(direction);
    const curvature = dot(direction, product);
    // Where the curvature is negative, the equation has no minimum: keep the solution so far, or go downhill.
    if (curvature <= 0) return i === 0 ? direction : solution;
    const square = dot(residual, residual);
    const length = square / curvature;
    solution = along(solution, direction, length);
    residual = along(residual, product, length);
    const next = dot(residual, residual);
    if (Math.sqrt(next) < enough) break;
    direction = along(
      residual.map((part) => -part),
      direction,
      next / square,
    );
  }
  return solution;
}

export interface LbfgsOptions extends MinimizeOptions {
  /** Number of past steps from which the Hessian is estimated (default 10). */
  readonly memory?: number;
}

/**
 * Limited-memory BFGS (Nocedal 1980; Nocedal & Wright 2006, algorithms 7.4 and 7.5), with backtracking.
 * @throws RangeError where an option is out of range
 * @throws TypeError where `objective` is none, or an option is unknown; the promise rejects with an Error where the
 *   loss is not finite, and with the signal's reason
 */
export function lbfgs(objective: Objective, options: LbfgsOptions = {}): Promise<Minimum> {
  checkOptions("lbfgs", options, { ...MINIMIZE_OPTIONS, memory: "number" });
  const { memory = 10 } = options;
  checkWhole("lbfgs: memory", memory);
  const search = new Search(objective, options);
  const pairs: { s: Float64Array; y: Float64Array }[] = [];
  return search.run(async (point) => {
    const better = await search.lineSearch(point, quasiNewtonDirection(point.gradient, pairs));
    if (!better) return undefined;
    const s = along(better.x, point.x, -1);
    const y = along(better.gradient, point.gradient, -1);
    // Backtracking does not ensure positive curvature along the step; a pair without it would mislead the estimate.
    if (dot(s, y) > 1e-10 * dot(y, y)) pairs.push({ s, y });
    if (pairs.length > memory) pairs.shift();
    return better;
  });
}

/** The two-loop recursion: -H · gradient, H estimated from past steps `s` and changes of the gradient `y`. */
function quasiNewtonDirection(
  gradient: Float64Array,
  pairs: readonly { s: Float64Array; y: Float64Array }[],
) {
  let q = gradient.map((part) => -part);
  const last = pairs[pairs.length - 1];
  if (!last) return q.map((part) => part / Math.max(1, Math.sqrt(dot(q, q))));
  const weights = pairs.map(() => 0);
  for (let i = pairs.length - 1; i >= 0; i--) {
    const { s, y } = pairs[i];
    weights[i] = dot(s, q) / dot(s, y);
    q = along(q, y, -weights[i]);
  }
  const scale = dot(last.s, last.y) / dot(last.y, last.y);
  q = q.map((part) => part * scale);
  pairs.forEach(({ s, y }, i) => {
    q = along(q, s, weights[i] - dot(y, q) / dot(s, y));
  });
  return q;
}

function dot(a: Float64Array, b: Float64Array): number {
  return a.reduce((sum, part, i) => sum + part * b[i], 0);
}

/** x + length · direction. */
function along(x: Float64Array, direction: Float64Array, length: number): Float64Array<ArrayBuffer> {
  return Float64Array.from(x, (part, i) => part + length * direction[i]);
}

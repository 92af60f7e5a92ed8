/**
 * The gradients that the CPU engine computes of a random model's loss, against differences of the loss in 64 bits.
 *
 * The loss is the traced graph's, evaluated naively (`interpreter.ts`), which shares no code with kernels and engines. So
 * steps can be as small as 1e-5, and kinks are rare: they show as slopes that differ on both sides, and the point is then
 * left for another one.
 */

import type { Field } from "../../../src/data/index.ts";
import * as w from "../../../src/index.ts";
import { inputSource } from "../../../src/nn/graph/ops/source.ts";
import { applyModel } from "../../../src/nn/model/model.ts";
import { ModelTrace, Scope } from "../../../src/nn/model/parameters.ts";
import { asLoss } from "../../../src/nn/training/losses.ts";
import { elementCount } from "../../../src/program.ts";
import { uniform } from "../../../src/random.ts";
import { typeOf } from "../../../src/train/source.ts";
import { evaluate } from "../interpreter.ts";
import type { RandomModel } from "./model.ts";

const H = 1e-5;
const DIRECTIONS = 3;
const POINTS = 8;
/** Error of a gradient in 32 bits, beside the sum of all parts of the slope. */
const RTOL = 2e-4;

type Numbers = Readonly<Record<string, ArrayLike<number>>>;

export interface Slopes {
  readonly faults: string[];
  /** Points that were left because of a kink close by. */
  readonly kinks: number;
}

export async function slopeFaults(engine: w.Engine, model: RandomModel): Promise<Slopes> {
  const { options, data } = model;
  const seed = options.seed ?? 0;
  const trainer = w.createTrainer(engine, model.model, { inputShape: data.inputs.shape, seed });
  const size = options.batchSize ?? 1;
  const sourceOf = (name: string, { shape }: Field, of: Field) =>
    w.mul(inputSource(name, [size, ...shape], typeOf(of) === "u8" ? "i32" : typeOf(of)), of.scale);
  const inputs = { x: firstRows(data.inputs, size), y: firstRows(data.targets, size) };
  const specs = {
    x: { shape: [size, ...data.inputs.shape], dtype: dtypeOf(inputs.x) },
    y: { shape: [size, ...data.targets.shape], dtype: dtypeOf(inputs.y) },
  };
  const loss = asLoss("test", options.loss);
  const step = await trainer.compile(
    ({ x, y }, call) => {
      const value = loss.apply(call(w.mul(x, data.inputs.scale)), w.mul(y, data.targets.scale));
      const names = [...call.parameters.keys()];
      const found = w.gradients(value, [...call.parameters.values()]);
      return { value, ...Object.fromEntries(names.map((name, i) => [`gradient of ${name}`, found[i]])) };
    },
    { inputs: specs },
  );
  const trace = new ModelTrace(trainer.layout.specs);
  for (const spec of trainer.statistics.specs) trace.statistics.specs.set(spec.name, spec);
  const x = sourceOf("x", data.inputs, data.inputs);
  const y = sourceOf("y", data.targets, data.targets);
  const root = loss.apply(applyModel(model.model, x, new Scope(trace, true)), y);
  const statistics = await trainer.weights();
  const given = {
    ...Object.fromEntries(trainer.statistics.specs.map(({ name }) => [name, statistics[name].data])),
    ...inputs,
    seed: [seed],
    step: [0],
  };
  const lossAt = (parameters: Numbers) =>
    (evaluate([root], { ...given, ...parameters }).elements.get(root) as Float64Array)[0];
  let kinks = 0;
  try {
    for (let point = 0; point < POINTS; point++) {
      const parameters = pointNear(statistics, trainer.layout.specs, point);
      await trainer.load(parameters);
      const { value, ...gradients } = await step.run(inputs);
      const found = faultsAt(model, parameters, gradients as Numbers, lossAt, value[0]);
      if (found !== "kink") return { faults: found, kinks };
      kinks++;
    }
    return { faults: [`kinks near all of ${POINTS} points`], kinks };
  } finally {
    step.release();
    trainer.release();
  }
}

function dtypeOf(values: ArrayLike<number>): "f32" | "i32" {
  return values instanceof Float32Array ? "f32" : "i32";
}

function firstRows({ data, shape }: Field, count: number): Float32Array | Int32Array {
  const rows = data.slice(0, count * elementCount(shape));
  return rows instanceof Uint8Array ? Int32Array.from(rows) : rows;
}

/** Weights off the initial ones: a bias of 0 behind dead units lies on a kink. */
function pointNear(
  weights: Readonly<Record<string, w.TensorData>>,
  specs: readonly { readonly name: string }[],
  point: number,
): Record<string, w.TensorData> {
  let drawn = 0;
  const moved = Object.entries(weights).map(([name, { shape, data }]) => {
    const isParameter = specs.some((spec) => spec.name === name);
    const values = isParameter
      ? data.map((value) => value + 0.1 * (uniform(point, 80, drawn++) - 0.5))
      : data;
    return [name, { shape, data: values }];
  });
  return Object.fromEntries(moved);
}

/** What is wrong at a point, or that it lies on a kink. */
function faultsAt(
  { seed }: RandomModel,
  parameters: Readonly<Record<string, w.TensorData>>,
  gradients: Numbers,
  lossAt: (parameters: Numbers) => number,
  value: number,
): string[] | "kink" {
  const start = Object.fromEntries(Object.entries(parameters).map(([name, { data }]) => [name, data]));
  const here = lossAt(start);
  const faults: string[] = [];
  if (!(Math.abs(here - value) <= 2e-5 * Math.abs(here) + 1e-6))
    faults.push(`loss: ${value}, expected ${here} by 64 bits`);
  for (let direction = 0; direction < DIRECTIONS; direction++) {
    let drawn = 0;
    let claimed = 0;
    let size = 0;
    const along = new Map<string, Float64Array>();
    for (const [output, gradient] of Object.entries(gradients)) {
      const name = output.slice("gradient of ".length);
      // Each tensor has its share of the slope, however small its gradient is.
      const norm = Math.sqrt(Array.from(gradient).reduce((sum, g) => sum + g * g, 0));
      const scale = norm > 1e-6 ? Math.min(1 / norm, 100) : 1;
      const v = Float64Array.from(gradient, () => scale * (2 * uniform(seed, 81 + direction, drawn++) - 1));
      along.set(name, v);
      const part = v.reduce((sum, by, i) => sum + by * gradient[i], 0);
      claimed += part;
      size += Math.sqrt(v.reduce((sum, by, i) => sum + (by * gradient[i]) ** 2, 0));
    }
    const longest = Math.max(
      1,
      ...[...along.values()].map((v) => v.reduce((most, by) => Math.max(most, Math.abs(by)), 0)),
    );
    const moved = (h: number) =>
      lossAt(
        Object.fromEntries(
          Object.entries(start).map(([name, data]) => [
            name,
            along.has(name)
              ? Float64Array.from(
                  data,
                  (one, i) => one + (h / longest) * (along.get(name) as Float64Array)[i],
                )
              : data,
          ]),
        ),
      );
    const [ahead, behind] = [moved(H), moved(-H)];
    const slopes = [ahead - here, here - behind].map((difference) => (difference / H) * longest);
    const noise = (1e-13 * Math.abs(here) * longest) / H;
    // Curvature turns the slope by a little; a kink, by much.
    if (Math.abs(slopes[0] - slopes[1]) > 5e-3 * size + noise + 1e-6) return "kink";
    const measured = (slopes[0] + slopes[1]) / 2;
    const bound = RTOL * size + noise + 1e-6;
    if (!(Math.abs(measured - claimed) <= bound))
      faults.push(`slope ${direction}: ${claimed}, by differences ${measured} ± ${bound}`);
  }
  return faults;
}

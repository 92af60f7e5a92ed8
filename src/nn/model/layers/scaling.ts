import { checkOptions, inWords } from "../../../checks.ts";
import { formatShape, type Shape } from "../../../program.ts";
import { add, div, mul, sub } from "../../graph/ops/scalar.ts";
import { ShapeError, type Tensor } from "../../graph/tensor.ts";
import type { Layer } from "../model.ts";
import type { Scope } from "../parameters.ts";

const REMEDY = "fit a scaler and give it to scaling(…), or load a saved model first";

/** A fitted scaler as `wgrad/data` makes them, or the shape that its values will have. */
export interface ScalingOptions {
  /** [features], [channels, 1, 1], the shape of a sample, or [] for one offset and one factor that serve all. */
  readonly shape?: Shape;
  readonly offset?: ArrayLike<number>;
  readonly factor?: ArrayLike<number>;
}

/** The greatest distance from 0, as a multiple of what becomes 1, whose neighbours 32-bit floats can tell apart. */
const FARTHEST = 2 ** 20;

/**
 * (x − offset) · factor: a scaler that was fitted on the training set, as a layer, so that it is saved and loaded with
 * the model. [batch, …] → the same. Statistics: `offset` and `factor` of the scaler's shape, or where that is [] one for each feature or channel;
 * nothing moves them.
 * Without a scaler they come with `trainer.load`, and no step runs before. Rows come to the layer in 32-bit floats:
 * what these run together, a scaler must scale before, in 64 bits.
 * @throws TypeError when the scaler was not fitted; RangeError when what it scales lies so far from 0 that 32-bit floats
 *   cannot tell it apart; while the model is traced, ShapeError when it does not fit the input
 */
export function scaling(scaler: ScalingOptions = {}): Layer {
  checkScaler("scaling", scaler);
  const { offset, factor } = scaler;
  const far = Array.from(offset ?? []).findIndex(
    (value, i) => Math.abs(value * Number(factor?.[i])) > FARTHEST,
  );
  if (far >= 0) {
    const [from, width] = [Number(offset?.[far]), 1 / Number(factor?.[far])];
    throw new RangeError(
      `scaling: feature ${far} becomes 1 for each ${rough(width)} from ${from} on, which 32-bit floats know to ` +
        `${rough(2 ** (Math.floor(Math.log2(Math.abs(from))) - 23))} only: rows would arrive here run together. ` +
        "Scale them in 64 bits before: fit on scaler.transform(train), predict from scaler.transformRows(rows)",
    );
  }
  return {
    name: "scaling",
    apply(x, scope) {
      const sample = x.shape.slice(1);
      // Of images a value for each channel, of anything else one for each feature.
      const shape =
        ownShape(scaler) ?? sample.map((size, axis) => (axis > 0 && sample.length > 2 ? 1 : size));
      // A size of 1 serves a whole axis, but never the first: a scaler of 1 feature is not one of 3.
      const fits = sample.map((size, axis) => shape[axis] === size || (axis > 0 && shape[axis] === 1));
      if (shape.length !== sample.length || fits.includes(false)) {
        throw new ShapeError(
          "scaling",
          `the input is ${formatShape(x.shape)}, the scaler is for samples ${formatShape(shape)}; fit one on such samples`,
        );
      }
      const kept = (name: string, values?: ArrayLike<number>) => keptValues(scope, name, shape, values);
      return mul(sub(x, kept("offset", offset)), kept("factor", factor));
    },
  };
}

/**
 * x / factor + offset: the end of a model that learns targets as a scaler of them gives them, so that its outputs are in the
 * targets' own unit; see `scaledLoss`. [batch, outputs] → the same. Statistics: `target_offset` and `target_factor` [outputs];
 * saved and loaded with the model, and moved by nothing.
 * @param scaler fitted on the targets of the training set: `standardScaler().fit(train, { of: "targets" })`
 * @throws as {@link scaling}
 */
export function unscaling(scaler: ScalingOptions = {}): Layer {
  checkScaler("unscaling", scaler);
  const { offset, factor } = scaler;
  return {
    name: "unscaling",
    apply(x, scope) {
      const sample = x.shape.slice(1);
      const shape = ownShape(scaler) ?? sample;
      if (formatShape(shape) !== formatShape(sample)) {
        throw new ShapeError(
          "unscaling",
          `the outputs are ${formatShape(x.shape)}, the scaler is for targets ${formatShape(shape)}; fit it on such targets`,
        );
      }
      const kept = (name: string, values?: ArrayLike<number>) => keptValues(scope, name, shape, values);
      return add(div(x, kept(TARGET_FACTOR, factor)), kept("target_offset", offset));
    },
  };
}

/** The shape that a scaler prescribes. One of [] has one number for all, and prescribes none. */
function ownShape({ shape }: ScalingOptions): Shape | undefined {
  return shape?.length ? shape : undefined;
}

/** Numbers of a scaler as a statistic of `shape`, whether there are as many or one for all: so one file fits both. */
function keptValues(scope: Scope, name: string, shape: Shape, values?: ArrayLike<number>): Tensor {
  const initial = values?.length === 1 ? values[0] : values;
  return scope.statistic(name, shape, { initial: initial ?? 0, rate: 0, remedy: values ? undefined : REMEDY })
    .value;
}

/** The last part of the name of a statistic that tells that a model gives targets in their own unit. */
export const TARGET_FACTOR = "target_factor";

function checkScaler(owner: string, scaler: ScalingOptions): void {
  if (typeof scaler !== "object" || scaler === null) {
    throw new TypeError(`${owner}: the scaler is ${inWords(scaler)}; give it what scaler.fit(train) returns`);
  }
  const { offset, factor } = scaler;
  if (!offset && !factor && !("fit" in scaler))
    checkOptions<ScalingOptions>(owner, scaler, { shape: "array", offset: "any", factor: "any" });
  if ("fit" in scaler || !offset !== !factor) {
    throw new TypeError(`${owner}: the scaler is not fitted; give it what scaler.fit(train) returns`);
  }
}

function rough(value: number): string {
  return String(Number(value.toPrecision(3)));
}

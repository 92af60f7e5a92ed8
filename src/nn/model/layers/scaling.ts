import { checkOptions, inWords } from "../../../checks.ts";
import { formatShape, type Shape } from "../../../program.ts";
import { add, div, mul, sub } from "../../graph/ops/scalar.ts";
import { ShapeError, type Tensor } from "../../graph/tensor.ts";
import type { Layer } from "../model.ts";
import type { Scope } from "../parameters.ts";

const UNFITTED = "fit a scaler and give it to scaling(…), or load a saved model first";

/** A fitted scaler of `wgrad/data`, or the shape of the values to be loaded. */
export interface ScalingOptions {
  /** [features], [channels, 1, 1], the shape of a sample, or [] for one offset and one factor for all elements. */
  readonly shape?: Shape;
  readonly offset?: ArrayLike<number>;
  readonly factor?: ArrayLike<number>;
}

/** Largest distance from 0, in multiples of the scaled unit, at which 32-bit floats still distinguish neighbours. */
const FARTHEST = 2 ** 20;

/**
 * Applies a scaler fitted on the training set, (x − offset) · factor, as a layer that is saved and loaded with the
 * model: [batch, …] → the same shape. Statistics `offset` and `factor` have the scaler's shape, or for [] one value for
 * each feature or channel; training does not change them. Without a scaler, `trainer.load` brings the values, and no
 * step runs before. The layer receives 32-bit floats: values that 32 bits merge must be scaled beforehand, in 64 bits.
 * @throws RangeError where the scaled values lie so far from 0 that 32-bit floats cannot distinguish them
 * @throws TypeError where the scaler is not fitted; in a trace, ShapeError where it does not fit the input
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
      // One value for each channel of images, or for each feature of other inputs.
      const shape =
        ownShape(scaler) ?? sample.map((size, axis) => (axis > 0 && sample.length > 2 ? 1 : size));
      // A size of 1 broadcasts along an axis, except the first: a scaler of 1 feature is not one of 3.
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
 * Undoes a targets' scaler, x / factor + offset, at the end of a model that learns scaled targets: its outputs are in
 * the targets' own unit; see `scaledLoss`. [batch, outputs] → the same shape. Statistics `target_offset` and
 * `target_factor` [outputs] are saved and loaded with the model; training does not change them.
 * @param scaler fitted on the targets of the training set: `standardScaler().fit(train, { of: "targets" })`
 * @throws RangeError and TypeError as {@link scaling}
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

/** The shape that a scaler prescribes; [] has one number for all elements, and prescribes none. */
function ownShape({ shape }: ScalingOptions): Shape | undefined {
  return shape?.length ? shape : undefined;
}

/** A scaler's numbers as a statistic of `shape`, also where one number serves all: one file then fits both. */
function keptValues(scope: Scope, name: string, shape: Shape, values?: ArrayLike<number>): Tensor {
  const initial = values?.length === 1 ? values[0] : values;
  return scope.statistic(name, shape, {
    initial: initial ?? 0,
    momentum: 0,
    hint: values ? undefined : UNFITTED,
  }).value;
}

/** Last part of a statistic's name that marks outputs in the targets' own unit. */
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

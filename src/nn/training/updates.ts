/** Updates in place after the backward pass: parameters by the optimizer, and running statistics. */
import { inWords, isPromise } from "../../checks.ts";
import { ALIGNMENT, elementCount, formatShape, type Shape } from "../../program.ts";
import type { Place } from "../graph/lower/lowering.ts";
import type { UpdateRequest } from "../graph/lower/update.ts";
import { add, broadcastTo, mul, sub } from "../graph/ops/scalar.ts";
import { slice } from "../graph/ops/slice.ts";
import { optimizerScalar, stateSource, stepScalar, tensor } from "../graph/ops/source.ts";
import { reshape } from "../graph/ops/view.ts";
import { sameShape } from "../graph/shape.ts";
import { Tensor, withLabel } from "../graph/tensor.ts";
import type { ArenaEntry, ArenaLayout } from "../model/layout.ts";
import type { ParameterSpec } from "../model/parameters.ts";
import { groupOf, isFrozen, type Optimizer, type ParameterInfo, type UpdateTools } from "./optimizer.ts";

/** A parameter, as the optimizer sees it. */
function infoOf(optimizer: Optimizer, spec: ParameterSpec): ParameterInfo {
  const { name, shape, decay } = spec;
  return { name, shape, decay, frozen: isFrozen(optimizer, spec), group: groupOf(optimizer, name) };
}

/** The numbers that differ between parameters, by name: only those that an update needs. */
function columns(
  layout: ArenaLayout,
  optimizer: Optimizer,
): [string, (parameter: ParameterInfo) => number][] {
  const { learningRate, rateOf = () => learningRate, perParameter } = optimizer;
  const factor = (parameter: ParameterInfo) =>
    learningRate === 0 ? 1 : (parameter.group?.lr ?? rateOf(parameter)) / learningRate;
  const parameters = layout.specs.map((spec) => infoOf(optimizer, spec));
  const all: [string, (parameter: ParameterInfo) => number][] = Object.entries(perParameter);
  if (parameters.some((parameter) => factor(parameter) !== 1)) all.push([RATE, factor]);
  if (parameters.some(({ frozen }) => frozen)) all.push(["frozen", ({ frozen }) => (frozen ? 1 : 0)]);
  return all;
}

const RATE = "rate of each";

/**
 * The numbers for each block of the arena, the content of the buffer `blocks`. A block belongs to one parameter.
 * @throws RangeError where a number of an optimizer's `perParameter` is not finite
 */
export function blockValues(layout: ArenaLayout, optimizer: Optimizer): Float32Array {
  const each = columns(layout, optimizer).map(([column, of]) =>
    layout.perBlock(ALIGNMENT, (spec) => {
      const value = of(infoOf(optimizer, spec));
      if (typeof value === "number" && Number.isFinite(value)) return value;
      throw new RangeError(
        `${optimizer.name}: perParameter "${column}" is ${inWords(value)} for ${spec.name}; give a finite number`,
      );
    }),
  );
  return Float32Array.from(
    { length: (each[0]?.length ?? 0) * each.length },
    (_, i) => each[i % each.length][Math.floor(i / each.length)],
  );
}

/** Expands a number for each block to one for each element. */
function eachElement(blocks: Tensor, column: number): Tensor {
  const own = slice(blocks, column, column + 1, 1);
  return reshape(broadcastTo(own, [blocks.shape[0], ALIGNMENT]), [-1]);
}

/**
 * The update of all parameters, in one launch.
 * @throws TypeError naming the value that an optimizer's update lacks, or returns wrongly
 */
export function optimizerUpdate(optimizer: Optimizer, layout: ArenaLayout): UpdateRequest {
  const shape = [layout.length];
  const { slots, scalars, scratch, name } = optimizer;
  const each = columns(layout, optimizer);
  const blocks = stateSource("blocks", [layout.length / ALIGNMENT, Math.max(1, each.length)]);
  const perParameter = Object.fromEntries(each.map(([column], i) => [column, eachElement(blocks, i)]));
  const { [RATE]: factor, ...values } = perParameter;
  const rate = stepScalar("learningRate");
  const state = {
    ...Object.fromEntries(Object.keys(scalars).map((scalar) => [scalar, optimizerScalar(scalar)])),
    ...values,
    ...Object.fromEntries(slots.map((slot) => [slot, stateSource(slot, shape)])),
    parameter: stateSource("parameters", shape),
    gradient: stateSource("gradients", shape),
    learningRate: factor ? mul(rate, factor) : rate,
  };
  const before: { tensor: Tensor; place: Place }[] = [];
  const filled = new Set<string>();
  const eachMatrix: UpdateTools["eachMatrix"] = (into, x, of, compute) => {
    if (!scratch.includes(into))
      throw new Error(`${name}: there is no scratch "${into}"; it has ${scratch.join(", ") || "none"}`);
    if (filled.has(into))
      throw new Error(`${name}: scratch "${into}" is filled twice; name another, for each use of eachMatrix`);
    filled.add(into);
    for (const spec of layout.specs) {
      const parameter = infoOf(optimizer, spec);
      if (parameter.frozen || spec.shape.length < 2 || of(parameter) === 0) continue;
      const offset = layout.offset(spec.name);
      const flat = slice(x, offset, offset + elementCount(spec.shape));
      const matrix = reshape(flat, [spec.shape[0], -1]);
      const result: unknown = withLabel(`${name} of ${spec.name}`, () => compute(matrix));
      if (!(result instanceof Tensor && sameShape(result.shape, matrix.shape)))
        throw new TypeError(
          `${name}: eachMatrix: compute gives ${inWords(result)} for ${spec.name}; return a tensor ${formatShape(matrix.shape)}`,
        );
      before.push({ tensor: result, place: layout.place(into, spec.name) });
    }
    return stateSource(into, shape);
  };
  const updated: unknown = withLabel("optimizer", () => optimizer.update(state, { eachMatrix }));
  const given = checkUpdated(optimizer, updated, shape);
  const changes = Object.fromEntries(
    ["parameter", ...slots, "gradient"].flatMap((key) =>
      given[key] ? [[MEMORY[key] ?? key, given[key]] as const] : [],
    ),
  );
  return { label: "optimizer", from: state.gradient, changes, before };
}

/** Arenas of the operands whose names differ. */
const MEMORY: Readonly<Record<string, string>> = { parameter: "parameters", gradient: "gradients" };

function checkUpdated({ name, slots }: Optimizer, updated: unknown, shape: Shape): Record<string, Tensor> {
  if (typeof updated !== "object" || updated === null || updated instanceof Tensor || isPromise(updated))
    throw new TypeError(
      `${name}: update gives ${inWords(updated)}; return new values by name: { ${["parameter", ...slots].join(", ")} }`,
    );
  const given = updated as Readonly<Record<string, unknown>>;
  for (const key of ["parameter", ...slots])
    if (given[key] === undefined)
      throw new TypeError(`${name}: update gives no ${key}; return its new value`);
  for (const [key, value] of Object.entries(given)) {
    if (!["parameter", "gradient", ...slots].includes(key))
      throw new TypeError(
        `${name}: update gives "${key}", which is no slot; name it among slots, or leave it out`,
      );
    if (!(value instanceof Tensor))
      throw new TypeError(`${name}: update gives ${inWords(value)} for ${key}; return a tensor`);
    if (!sameShape(value.shape, shape))
      throw new TypeError(
        `${name}: update gives ${formatShape(value.shape)} for ${key}; all parameters are ${formatShape(shape)} together`,
      );
  }
  return given as Record<string, Tensor>;
}

/** Moves running statistics towards the observed values by each entry's rate. */
export function statisticsUpdate<Entry extends ArenaEntry>(
  layout: ArenaLayout<Entry>,
  rateOf: (entry: Entry) => number,
): UpdateRequest {
  const rates = layout.perBlock(ALIGNMENT, rateOf);
  const rate = eachElement(tensor(rates, [rates.length, 1]), 0);
  const running = stateSource("statistics", [layout.length]);
  const observed = stateSource("observed", [layout.length]);
  const moved = add(mul(sub(1, rate), running), mul(rate, observed));
  return { label: "running statistics", from: observed, changes: { statistics: moved } };
}

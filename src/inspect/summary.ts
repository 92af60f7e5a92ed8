/** Prints a model: layers, output shapes, parameters, FLOPs and memory. */
import { checkOptions, checkWhole } from "../checks.ts";
import { dispatchCost } from "../kernels/cost.ts";
import { owner } from "../nn/graph/lower/analysis.ts";
import { inputSource } from "../nn/graph/ops/source.ts";
import type { Tensor } from "../nn/graph/tensor.ts";
import { declaredLayout } from "../nn/model/layout.ts";
import { applyModel, asLayer, isSequential, type Layer, type Model } from "../nn/model/model.ts";
import { ModelTrace, type ParameterSpec, Scope } from "../nn/model/parameters.ts";
import { buildStep } from "../nn/training/step.ts";
import { elementCount, formatShape, type Shape } from "../program.ts";
import { table } from "../text.ts";

export interface SummaryOptions {
  /** Shape of one sample, without the batch. */
  readonly inputShape: Shape;
  /** Number of samples for FLOPs and activations (default 1). */
  readonly batchSize?: number;
}

interface Row {
  /** Path of the layer, as in labels and parameter names: `0.conv2d`. */
  readonly name: string;
  readonly output: Tensor;
  readonly parameters: number;
  readonly flops: number;
}

/**
 * The model as a table: a row for each layer of a `sequential`, or one row for any other model. FLOPs are those of a
 * forward pass in evaluation mode, with a multiplication and an addition counted as two. Activations are the layers'
 * outputs, before fusion avoids some of them.
 * @throws RangeError where `batchSize` is no whole number from 1
 * @throws ShapeError where a layer refuses its input
 * @throws TypeError where an option is unknown or of another kind, or `model` is no layer
 */
export function summary(model: Model, options: SummaryOptions): string {
  const layer = asLayer(model, "summary");
  checkOptions("summary", options, { inputShape: "array", batchSize: "number" });
  const { inputShape, batchSize = 1 } = options;
  checkWhole("summary: batchSize", batchSize);
  const rows = layerRows(layer, [batchSize, ...inputShape]);
  const { parameters, statistics } = declaredLayout(layer, inputShape);
  const parameterCount = count(parameters.specs);
  const statisticCount = count(statistics.specs);
  const flops = rows.reduce((sum, row) => sum + row.flops, 0);
  const cells = [
    ["layer", "output shape", "parameters", "FLOPs"],
    ...rows.map(({ name, output, parameters, flops }) => [
      name,
      formatShape(output.shape),
      grouped(parameters),
      grouped(flops),
    ]),
    ["total", "", grouped(parameterCount), grouped(flops)],
  ];
  const lines = table(cells, (column) => column >= 2);
  const rule = "─".repeat(lines[0].length);
  const memory = [
    `parameters ${bytes(parameterCount)}`,
    ...(statisticCount > 0 ? [`running statistics ${bytes(statisticCount)}`] : []),
    `activations ${bytes(activationCount(rows))}`,
  ];
  return [
    lines[0],
    rule,
    ...lines.slice(1, -1),
    rule,
    lines[lines.length - 1],
    "",
    `input   ${formatShape([batchSize, ...inputShape])}`,
    `memory  ${memory.join(", ")}`,
  ].join("\n");
}

/** Traces the model and records its layers. */
function layerRows(model: Layer, inputShape: Shape): Row[] {
  const rows: Row[] = [];
  const trace = new ModelTrace();
  const paths: string[] = [];
  const watched = watch(model, (layer, path, x, output) => {
    paths.push(path);
    rows.push({
      name: path ? `${path}.${layer.name}` : layer.name,
      output,
      parameters: 0,
      flops: forwardFlops(layer, x.shape),
    });
  });
  applyModel(watched, inputSource("x", inputShape), new Scope(trace, false));
  const counts = parameterCounts([...trace.parameters.specs.values()]);
  return rows.map((row, i) => ({ ...row, parameters: counts.get(paths[i]) ?? 0 }));
}

/** Number of parameters below each path; "" holds the total. */
function parameterCounts(specs: readonly ParameterSpec[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { name, shape } of specs) {
    for (let path = name; path; ) {
      path = path.slice(0, Math.max(0, path.lastIndexOf(".")));
      counts.set(path, (counts.get(path) ?? 0) + elementCount(shape));
    }
  }
  return counts;
}

type Watcher = (layer: Layer, path: string, x: Tensor, output: Tensor) => void;

/** The model with each layer reporting its output. */
function watch(model: Layer, seen: Watcher): Layer {
  if (isSequential(model)) return model.withLayers(model.layers.map((layer) => watch(layer, seen)));
  return {
    ...model,
    apply(x, scope) {
      const output = model.apply(x, scope);
      seen(model, scope.path, x, output);
      return output;
    },
  };
}

/** FLOPs of a layer alone; in a whole model, another kernel may do part of its work. */
function forwardFlops(layer: Layer, inputShape: Shape): number {
  const program = buildStep({
    name: layer.name,
    model: layer,
    layout: declaredLayout(layer, inputShape.slice(1)),
    training: false,
    body: (call) => ({ output: call(inputSource("x", inputShape)) }),
  });
  return program.dispatches.reduce((sum, dispatch) => sum + dispatchCost(program, dispatch).flops, 0);
}

/** Elements of all outputs; several shapes of the same memory count once. */
function activationCount(rows: readonly Row[]): number {
  return count([...new Set(rows.map(({ output }) => owner(output)))]);
}

function count(entries: readonly { readonly shape: Shape }[]): number {
  return entries.reduce((sum, { shape }) => sum + elementCount(shape), 0);
}

function grouped(value: number): string {
  return value.toLocaleString("en-US");
}

/** Memory of that many 32-bit numbers. */
function bytes(numbers: number): string {
  const size = 4 * numbers;
  const units = ["B", "KB", "MB", "GB"];
  const power = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(1, size)) / 3));
  return `${(size / 1000 ** power).toFixed(power === 0 ? 0 : 1)} ${units[power]}`;
}

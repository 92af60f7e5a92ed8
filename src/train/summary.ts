/** A model, printed: layers, output shapes, parameters, memory and FLOPs. */
import { dispatchCost } from "../kernels/index.ts";
import { asLayer, isSequential, type Layer, type Model } from "../nn/model.ts";
import { inputSource } from "../nn/ops/source.ts";
import { ModelTrace, Scope } from "../nn/parameters.ts";
import { buildStep, declaredLayout } from "../nn/step.ts";
import type { Tensor } from "../nn/tensor.ts";
import { elementCount, formatShape, type Shape } from "../program.ts";

export interface SummaryOptions {
  /** Shape of one sample, without the batch. */
  readonly inputShape: Shape;
  /** Samples that FLOPs and activations are counted for (default 1). */
  readonly batchSize?: number;
}

interface Row {
  readonly name: string;
  readonly shape: Shape;
  readonly parameters: number;
  readonly flops: number;
}

/** The model as a table, as Keras prints it. FLOPs and memory are those of a forward pass. */
export function summary(model: Model, { inputShape, batchSize = 1 }: SummaryOptions): string {
  const layer = asLayer(model);
  const layout = declaredLayout(layer, inputShape);
  const rows = layerRows(layer, inputShape, batchSize);
  const parameters = count(layout.parameters.specs);
  const statistics = count(layout.statistics.specs);
  const activations = rows.reduce((sum, { shape }) => sum + elementCount(shape), 0);
  const flops = rows.reduce((sum, row) => sum + row.flops, 0);
  const header = ["layer", "output shape", "parameters", "FLOPs"];
  const cells = rows.map((row) => [
    row.name,
    formatShape(row.shape),
    group(row.parameters),
    group(row.flops),
  ]);
  const lines = table([header, ...cells]);
  const rule = "─".repeat(Math.max(...lines.map((line) => line.length)));
  return [
    lines[0],
    rule,
    ...lines.slice(1),
    rule,
    `input ${formatShape([batchSize, ...inputShape])}`,
    `parameters ${group(parameters)} (${bytes(parameters * 4)})${statistics > 0 ? `, running statistics ${group(statistics)}` : ""}`,
    `activations ${bytes(activations * 4)}, forward pass ${group(flops)} FLOPs, for ${batchSize} sample${batchSize === 1 ? "" : "s"}`,
  ].join("\n");
}

/** One row a layer: of a `sequential`, or the whole model where it is no such list. */
function layerRows(model: Layer, inputShape: Shape, batchSize: number): Row[] {
  const shapes: { name: string; path: string; shape: Shape }[] = [];
  const trace = new ModelTrace();
  const watched = watch(model, (name, path, output) => shapes.push({ name, path, shape: output.shape }));
  watched.apply(inputSource("x", [batchSize, ...inputShape]), new Scope(trace, false));
  const flops = flopsByLabel(model, inputShape, batchSize);
  return shapes.map(({ name, path, shape }) => {
    const own = [...trace.parameters.specs.values()].filter(
      (spec) => path === "" || spec.name.startsWith(`${path}.`),
    );
    const label = path ? `${path}.${name}` : name;
    const cost = [...flops].filter(([key]) => path === "" || key === label || key.startsWith(`${path}.`));
    return {
      name: label,
      shape,
      parameters: count(own),
      flops: cost.reduce((sum, [, value]) => sum + value, 0),
    };
  });
}

/** The model with each of its top layers reporting what it returns. */
function watch(model: Layer, seen: (name: string, path: string, output: Tensor) => void): Layer {
  const report = (layer: Layer): Layer => ({
    ...layer,
    apply(x, scope) {
      const output = layer.apply(x, scope);
      seen(layer.name, scope.path, output);
      return output;
    },
  });
  return isSequential(model) ? model.withLayers(model.layers.map(report)) : report(model);
}

/** Operations of a forward pass, by the label of the layer they belong to. */
function flopsByLabel(model: Layer, inputShape: Shape, batchSize: number): Map<string, number> {
  const layout = declaredLayout(model, inputShape);
  const body = (call: (x: Tensor) => Tensor) => ({
    outputs: call(inputSource("x", [batchSize, ...inputShape])),
  });
  const program = buildStep({ name: "forward", model, layout, training: false, body });
  const totals = new Map<string, number>();
  for (const dispatch of program.dispatches) {
    const sofar = totals.get(dispatch.label) ?? 0;
    totals.set(dispatch.label, sofar + dispatchCost(program, dispatch).flops);
  }
  return totals;
}

function count(entries: readonly { readonly shape: Shape }[]): number {
  return entries.reduce((sum, { shape }) => sum + elementCount(shape), 0);
}

function group(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}

function bytes(value: number): string {
  const units = ["B", "KB", "MB", "GB"];
  const power = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(1, value)) / 3));
  return `${(value / 1000 ** power).toFixed(power === 0 ? 0 : 1)} ${units[power]}`;
}

/** Columns aligned: texts to the left, numbers to the right. */
function table(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  return rows.map((row) =>
    row.map((cell, i) => (i < 2 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join("  "),
  );
}

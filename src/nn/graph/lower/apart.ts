/**
 * Lowering op by op: each op has a dispatch of its own, in the graph's order, and its result lies in memory, where it can be
 * looked at. The numbers are those of `lower` but for rounding; the step takes longer, and more memory.
 */
import { elementwiseConstants } from "../../../kernels/elementwise.ts";
import { type Dispatch, elementCount, type Program, type Shape, type View } from "../../../program.ts";
import { reduceOp } from "../ops/reduce.ts";
import { inputSource, isSource, type SourceAttributes } from "../ops/source.ts";
import { type Op, type Tensor, topological } from "../tensor.ts";
import { ProgramBuilder } from "./builder.ts";
import type { LowerRequest } from "./lower.ts";
import { Lowering, type Place } from "./lowering.ts";
import { rewriteOps, withInputs } from "./rewrite.ts";
import { targetsOf } from "./roots.ts";
import { stateName, type UpdateRequest } from "./update.ts";

/** As `lower`, op by op. */
export function lowerApart({ name, outputs, assignments = [], place, updates = [] }: LowerRequest): Program {
  const builder = new ProgramBuilder();
  const entries = Object.entries(outputs);
  const wanted = [...Object.values(outputs), ...assignments.map(({ tensor }) => tensor)];
  compute(builder, wanted, place, ({ shape, dtype }, i) => {
    if (i >= entries.length) return placed(builder, assignments[i - entries.length].place, shape);
    const [output] = entries[i];
    const view = builder.view({ name: output, kind: "output", dtype, length: elementCount(shape) }, shape);
    builder.output(output, view);
    return view;
  });
  for (const update of updates) updateApart(builder, update);
  return builder.finish(name);
}

function placed(builder: ProgramBuilder, { buffer, offset }: Place, shape: Shape): View {
  return builder.view(buffer, shape, offset);
}

/** Computes all new values of an update, and puts them in place of the old ones at the end. */
function updateApart(builder: ProgramBuilder, { label, changes, before = [] }: UpdateRequest): void {
  const first = builder.dispatches.length;
  const place = ({ name }: { readonly name: string }): never => {
    throw new Error(`${label}: an update reads whole states, and ${name} is a part of one`);
  };
  const prepared = before.map(({ tensor }) => tensor);
  compute(builder, prepared, place, ({ shape }, i) => placed(builder, before[i].place, shape));
  const changed = Object.entries(changes).filter(([name, tensor]) => stateName(tensor) !== name);
  const memory = (kind: "state" | "temporary", i: number) => {
    const [name, { shape }] = changed[i];
    return builder.view({ name, kind, dtype: "f32", length: elementCount(shape) }, shape);
  };
  const values = changed.map((_, i) => memory("temporary", i));
  const wanted = changed.map(([, tensor]) => tensor);
  compute(builder, wanted, place, (_tensor, i) => values[i]);
  // Named after the update, whatever their own label.
  const computing = builder.dispatches.splice(first).map((dispatch) => {
    const own = dispatch.label === label || dispatch.label === "";
    return { ...dispatch, label: own ? label : `${label}: ${dispatch.label}` };
  });
  const storing = values.map((view, i) => copyDispatch(label, view, memory("state", i)));
  builder.dispatches.push(...computing, ...storing);
}

/** Computes `wanted` into the memory that `viewOf` gives. */
function compute(
  builder: ProgramBuilder,
  wanted: readonly Tensor[],
  place: (source: SourceAttributes) => Place,
  viewOf: (tensor: Tensor, i: number) => View,
): void {
  const targets = targetsOf(rewriteOps(wanted), 0, viewOf);
  /** What stands for a node in the graphs of others: itself, or a source with its memory. */
  const standIns = new Map<Tensor, Tensor>();
  const views = new Map<Tensor, View>();
  for (const node of topological([...targets.keys()])) {
    const own = withInputs(
      node,
      node.inputs.map((input) => standIns.get(input) as Tensor),
    );
    if (!isComputed(node) && !targets.has(node)) {
      standIns.set(node, own);
      continue;
    }
    const { shape, dtype, label } = node;
    const name = opName(node);
    const view =
      targets.get(node) ??
      builder.view({ name, kind: "temporary", dtype, length: elementCount(shape) }, shape);
    const first = builder.dispatches.length;
    const known = topological([own]).flatMap((tensor) => {
      const memory = views.get(tensor);
      return memory ? [[tensor, memory] as const] : [];
    });
    new Lowering(builder, new Map([[own, view], ...known]), place).finish();
    const made = builder.dispatches.splice(first);
    builder.dispatches.push(...made.map((dispatch) => ({ ...dispatch, label, op: name })));
    const standIn = inputSource(name, shape, dtype);
    standIns.set(node, standIn);
    views.set(standIn, view);
  }
}

/** Whether the node's values are neither in memory, nor known before the step, nor those of its input. */
function isComputed(node: Tensor): boolean {
  return !isSource(node) && node.op.lowering.kind !== "view" && node.inputs.length > 0;
}

/** For people: a reduction by its kind. */
function opName({ op, attributes }: Tensor): string {
  return op === (reduceOp as Op) ? (attributes as { readonly mode: string }).mode : op.name;
}

/** Copies the elements of one view into another. */
export function copyDispatch(label: string, from: View, to: View): Dispatch {
  return {
    label,
    op: "copy",
    kernel: "elementwise",
    constants: elementwiseConstants(elementCount(from.shape)),
    hooks: {
      element: {
        code: [{ op: "index" }, { op: "load", binding: "operand0", at: 0 }],
        result: 1,
      },
      store: { code: [{ op: "value" }], stores: [{ binding: "result0", from: 0 }] },
    },
    bindings: { operand0: from, result0: to },
  };
}

/** Lowering: a graph to a Program. */
import { elementCount, type Program, type View } from "../../../program.ts";
import type { SourceAttributes } from "../ops/source.ts";
import type { Tensor } from "../tensor.ts";
import { ProgramBuilder } from "./builder.ts";
import { indexRanges } from "./indices.ts";
import { Lowering, type Place } from "./lowering.ts";
import { rewrite } from "./rewrite.ts";
import { targetsOf } from "./roots.ts";
import { targetRules } from "./targets.ts";
import { lowerUpdate, type UpdateRequest } from "./update.ts";

export interface LowerRequest {
  readonly name: string;
  /** Tensors that the host reads after each step. */
  readonly outputs: Readonly<Record<string, Tensor>>;
  /** Tensors that the step writes into memory that outlives it. */
  readonly assignments?: readonly { readonly tensor: Tensor; readonly place: Place }[];
  /** Place of a parameter or a running statistic. */
  place(source: SourceAttributes): Place;
  /** Lowers what the updates go by, once all of that is in memory; returns the memory of sources that they read. */
  readonly beforeUpdates?: ((builder: ProgramBuilder) => ReadonlyMap<Tensor, View>) | undefined;
  /** Updates that follow in order. */
  readonly updates?: readonly UpdateRequest[];
}

/** @throws Error when something cannot be lowered; ops refuse bad shapes earlier, when they are traced. */
export function lower(request: LowerRequest): Program {
  const assignments = request.assignments ?? [];
  const names = Object.keys(request.outputs);
  const wanted = [...Object.values(request.outputs), ...assignments.map(({ tensor }) => tensor)];
  const roots = rewrite(wanted);
  const builder = new ProgramBuilder();
  const targets = targetsOf(roots, names.length, (tensor, i) => {
    if (i >= names.length) {
      const { buffer, offset } = assignments[i - names.length].place;
      return builder.view(buffer, tensor.shape, offset);
    }
    return addOutput(builder, names[i], tensor);
  });
  // Before rewrites: a rewrite may read rows by indices without the op that declared them.
  builder.indexRanges = indexRanges(wanted);
  builder.targetRules = targetRules(wanted);
  new Lowering(builder, targets, (source) => request.place(source)).finish();
  const known = request.beforeUpdates?.(builder) ?? new Map();
  for (const update of request.updates ?? []) lowerUpdate(builder, update, known);
  return builder.finish(request.name);
}

/** The memory of an output, which the builder then has. */
export function addOutput(builder: ProgramBuilder, name: string, { shape, dtype }: Tensor): View {
  const view = builder.view({ name, kind: "output", dtype, length: elementCount(shape) }, shape);
  builder.output(name, view);
  return view;
}

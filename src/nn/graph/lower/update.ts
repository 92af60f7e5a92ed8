/**
 * Updates: memory that outlives the step, changed in place by one launch.
 *
 * WebGPU refuses a buffer that one dispatch binds to be read and to be written. So the new values of all states come out of a
 * single hook, which reads the old ones through the bindings that it writes.
 */
import { elementwise4Constants } from "../../../kernels/elementwise.ts";
import { HOOK_LIMITS } from "../../../kernels/kernel.ts";
import { fitVectors } from "../../../kernels/vectors.ts";
import { elementCount, type Flag, type Hook, MAX_STORAGE_BINDINGS, type View } from "../../../program.ts";
import { isSource } from "../ops/source.ts";
import { elementwiseCall } from "../ops/stored.ts";
import type { Tensor } from "../tensor.ts";
import type { ProgramBuilder } from "./builder.ts";
import { HookEmitter } from "./emitter.ts";
import type { Watch } from "./flags.ts";
import { Lowering, type Place } from "./lowering.ts";
import { rewrite } from "./rewrite.ts";
import { targetsOf } from "./roots.ts";

export interface UpdateRequest {
  /** For people, as a dispatch's; messages begin with it. */
  readonly label: string;
  /** The state that holds what the step has found: gradients, or statistics of the batch. */
  readonly from: Tensor;
  /** The states' new values by their names: flat, all of one length. They may read every state, as it was before. */
  readonly changes: Readonly<Record<string, Tensor>>;
  /** Tensors computed before, into places of states that the changes read. */
  readonly before?: readonly { readonly tensor: Tensor; readonly place: Place }[];
  /** Flags what is not finite among new values of other states than `from`. */
  readonly watch?: Watch;
}

/**
 * @param known memory of sources that the step has computed
 * @throws RangeError where the changes take more memory than one launch can have
 * @throws TypeError where an element's new value depends on other elements of a changed state, unless a kernel has
 *   combined them before: the launch may have changed those already
 */
export function lowerUpdate(
  builder: ProgramBuilder,
  request: UpdateRequest,
  known: ReadonlyMap<Tensor, View>,
): void {
  const { label, from, changes, before = [], watch } = request;
  const names = Object.keys(changes);
  const roots = rewrite([...before.map(({ tensor }) => tensor), ...Object.values(changes)]);
  const targets = targetsOf(roots.slice(0, before.length), 0, ({ shape }, i) => {
    const { buffer, offset } = before[i].place;
    return builder.view(buffer, shape, offset);
  });
  // Unchanged values need not be written.
  const changed = roots
    .slice(before.length)
    .map((tensor, i) => ({ name: names[i], tensor }))
    .filter(({ name, tensor }) => !(isSource(tensor) && stateName(tensor) === name));
  if (changed.length === 0) return;
  const { shape } = changed[0].tensor;
  const place = ({ name }: { readonly name: string }): never => {
    throw new Error(`${label}: an update reads whole states, and ${name} is a part of one`);
  };
  const kernels = nearestKernels(changed.map(({ tensor }) => tensor));
  const lowering = new Lowering(builder, targets, place, { kernels, known });
  const bindings: Record<string, View> = {};
  const results = new Map<string | undefined, string>();
  changed.forEach(({ name }, i) => {
    results.set(name, `result${i}`);
    bindings[`result${i}`] = builder.view(
      { name, kind: "state", dtype: "f32", length: elementCount(shape) },
      shape,
    );
  });
  const operands = new Map<Tensor, string>();
  const emitter = new HookEmitter({
    hasMemory: (tensor) => lowering.isStored(tensor),
    bind: (tensor) => {
      const name = results.get(stateName(tensor)) ?? operands.get(tensor) ?? `operand${operands.size}`;
      if (name.startsWith("operand")) operands.set(tensor, name);
      return name;
    },
    useScalar: (name, dtype) => builder.slot(name, dtype),
  });
  const at = emitter.index();
  const stores = changed.map(({ tensor }, i) => ({
    binding: `result${i}`,
    from: emitter.load(tensor, at),
  }));
  const count = operands.size + changed.length;
  if (changed.length > HOOK_LIMITS.inPlace || count > MAX_STORAGE_BINDINGS) {
    throw new RangeError(
      `${label}: one launch changes ${changed.length} states and reads ${operands.size} others; at most ${HOOK_LIMITS.inPlace} can be changed, and ${MAX_STORAGE_BINDINGS} used: keep fewer slots, or wrap in fewer others`,
    );
  }
  for (const code of emitter.code) {
    if (code.op !== "load" || code.at === at || !(code.binding in bindings)) continue;
    throw new TypeError(
      `${label}: an element's new value depends on other elements of ${names[Object.keys(bindings).indexOf(code.binding)]}, which the same launch changes; combine elements by sums and products alone`,
    );
  }
  // Looked at where they are in registers, if there is a binding for the flag.
  const isRead = results.has(stateName(from)) || operands.has(from);
  const flagged = count + (watch?.found && !isRead ? 2 : 1);
  const isInside = changed.length < HOOK_LIMITS.inPlace && flagged <= MAX_STORAGE_BINDINGS;
  const isNew = changed.map(({ name }) => name !== stateName(from));
  const flags: Flag[] = [];
  if (watch && isInside) {
    const binding = `result${changed.length}`;
    const registers = stores.filter((_, i) => isNew[i]).map((store) => store.from);
    if (watch.found) registers.push(emitter.load(from, at));
    flags.push(watch.flag(binding, emitter.code, registers));
    bindings[binding] = watch.view(builder);
  }
  for (const [tensor, name] of operands) bindings[name] = lowering.view(tensor);
  const hooks: Record<string, Hook> = {
    element: { code: [{ op: "constant", value: 0 }], result: 0 },
    store: { code: emitter.code, stores, ...(flags.length > 0 && { flags }) },
  };
  const plain = elementwiseCall(changed[0].tensor);
  const size = elementCount(shape);
  const fits = size % 4 === 0 && fitVectors(Object.values(hooks));
  lowering.finish();
  const apart = (views: readonly View[]) => {
    if (watch && !isInside) builder.dispatches.push(watch.apart(builder, label, views));
  };
  if (watch?.found) apart([lowering.view(from)]);
  builder.dispatches.push({
    label,
    kernel: fits ? "elementwise4" : plain.kernel,
    constants: fits ? elementwise4Constants(size) : plain.constants,
    hooks,
    bindings,
  });
  apart(stores.filter((_, i) => isNew[i]).map(({ binding }) => bindings[binding]));
}

/** The state that a tensor is, as a whole. */
export function stateName(tensor: Tensor): string | undefined {
  if (!isSource(tensor)) return undefined;
  const { role, name } = tensor.attributes;
  return role === "state" ? name : undefined;
}

/** Results of kernels that elementwise values use. */
function nearestKernels(roots: readonly Tensor[]): Tensor[] {
  const found = new Set<Tensor>();
  const seen = new Set<Tensor>();
  const visit = (tensor: Tensor) => {
    if (seen.has(tensor)) return;
    seen.add(tensor);
    if (tensor.op.lowering.kind === "kernel") found.add(tensor);
    else tensor.inputs.forEach(visit);
  };
  roots.forEach(visit);
  return [...found];
}

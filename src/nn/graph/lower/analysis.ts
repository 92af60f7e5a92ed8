/** Analyses a graph before lowering: which values need memory, and which can be computed inside other kernels. */
import { cheapFunctions, scalarFunctions } from "../../../kernels/scalar.ts";
import { elementCount } from "../../../program.ts";
import type { KernelCall, Tensor } from "../tensor.ts";

/** Above this cost, a value with several users is stored rather than recomputed by each. */
const RECOMPUTE_LIMIT = 12;
const CHEAP = 1;
const DEAR = 4;

export interface Analysis {
  readonly calls: ReadonlyMap<Tensor, KernelCall>;
  /** Number of nodes that use a value; users of a view count for the viewed value. */
  readonly uses: ReadonlyMap<Tensor, number>;
  /** Elementwise values and views that need their own memory. */
  readonly stored: ReadonlySet<Tensor>;
  /** Elementwise values to be computed where their only kernel input is produced, if they fit there. */
  readonly hosted: ReadonlySet<Tensor>;
}

/** The tensor whose memory `tensor` shares: itself, or the input of a contiguous view. */
export function owner(tensor: Tensor): Tensor {
  let memory = tensor;
  for (
    let { lowering } = memory.op;
    lowering.kind === "view" && lowering.contiguous;
    { lowering } = memory.op
  )
    memory = memory.inputs[0];
  return memory;
}

/** The viewed tensor, contiguous or not. */
function behindViews(tensor: Tensor): Tensor {
  let viewed = tensor;
  while (viewed.op.lowering.kind === "view") viewed = viewed.inputs[0];
  return viewed;
}

/**
 * @param order nodes in topological order
 * @param roots nodes that the program must store
 */
export function analyse(order: readonly Tensor[], roots: ReadonlySet<Tensor>): Analysis {
  const calls = new Map<Tensor, KernelCall>();
  const stored = new Set<Tensor>();
  const uses = countUses(order, roots);
  for (const node of order) {
    if (node.op.lowering.kind !== "kernel") continue;
    const call = node.op.lowering.call(node);
    calls.set(node, call);
    for (const read of Object.values(call.reads)) {
      const memory = owner(read);
      if (isFusible(memory)) stored.add(memory);
    }
    for (const value of (call.compared ?? []).map(behindViews)) {
      if (isFusible(value) && (uses.get(value) ?? 0) > 1) stored.add(value);
    }
  }
  const hosted = new Set<Tensor>();
  const cost = new Map<Tensor, number>();
  for (const node of order) {
    if (!isFusible(node)) continue;
    if (roots.has(node)) stored.add(node);
    const own = node.op.lowering.kind === "elementwise" ? costOf(node) : 0;
    const total = node.inputs.reduce(
      (sum, input) => sum + (stored.has(input) ? 0 : (cost.get(input) ?? 0)),
      own,
    );
    cost.set(node, total);
    if (own > 0 && (uses.get(node) ?? 0) > 1 && total > RECOMPUTE_LIMIT) stored.add(node);
    if (own > 0 && !stored.has(node) && ridesAlong(node, uses, hosted)) hosted.add(node);
  }
  return { calls, uses, stored, hosted };
}

function isFusible(node: Tensor): boolean {
  const { kind } = node.op.lowering;
  return kind === "elementwise" || kind === "view";
}

/** Number of kernels or elementwise nodes that use a value; users of a view count for the viewed value. */
function countUses(order: readonly Tensor[], roots: ReadonlySet<Tensor>): Map<Tensor, number> {
  const uses = new Map<Tensor, number>();
  for (const node of [...order].reverse()) {
    if (roots.has(node)) uses.set(node, (uses.get(node) ?? 0) + 1);
    const passed = node.op.lowering.kind === "view" ? (uses.get(node) ?? 0) : 1;
    for (const input of new Set(node.inputs)) uses.set(input, (uses.get(input) ?? 0) + passed);
  }
  return uses;
}

/** Cost by name in the table of scalar functions; other ops are cheap. */
function costOf(node: Tensor): number {
  const names: Record<string, string> = {
    exp: "exponential",
    log: "logarithm",
    sqrt: "squareRoot",
    tanh: "hyperbolicTangent",
  };
  const fn = names[node.op.name] ?? node.op.name;
  return fn in scalarFunctions && !cheapFunctions.has(fn) ? DEAR : CHEAP;
}

/**
 * Whether the value has an input of its own size from a kernel that no other node uses: the value can then be stored in
 * place of that input.
 */
function ridesAlong(node: Tensor, uses: ReadonlyMap<Tensor, number>, hosted: ReadonlySet<Tensor>): boolean {
  return node.inputs.some((input) => {
    const producer = owner(input);
    const fromKernel = producer.op.lowering.kind === "kernel" || hosted.has(producer);
    return (
      fromKernel && uses.get(producer) === 1 && elementCount(producer.shape) === elementCount(node.shape)
    );
  });
}

/**
 * Writes the instructions of one hook: values of tensors at positions, from memory, from the kernel's result, or
 * computed in place.
 */
import { elementCount, type IndexTerm, type Instruction, type Shape } from "../../../program.ts";
import { stridesOf } from "../shape.ts";
import type { Emitter, Tensor } from "../tensor.ts";

/** Memory as a hook sees it: which tensors have memory, and the names they are bound to. */
export interface HookContext {
  /** Whether the tensor is, or will be, stored: it is then loaded rather than recomputed. */
  hasMemory(tensor: Tensor): boolean;
  /** The binding through which the hook reads a stored tensor; undefined where it cannot. */
  bind(tensor: Tensor): string | undefined;
  useScalar(name: string, dtype: "f32" | "u32"): void;
}

/** Thrown where a hook needs a tensor that it cannot read: not computed yet, or no binding left. */
export class Unavailable extends Error {}

export class HookEmitter implements Emitter {
  readonly code: Instruction[] = [];
  /** Tensors whose value at the hook's own index is in a register. */
  readonly #atIndex = new Map<Tensor, number>();
  readonly #registers = new Map<string, number>();
  readonly #loaded = new Map<string, number>();

  constructor(readonly context: HookContext) {}

  /** A copy for an attempt. */
  clone(context: HookContext): HookEmitter {
    const copy = new HookEmitter(context);
    copy.code.push(...this.code);
    for (const [key, register] of this.#registers) copy.#registers.set(key, register);
    for (const [key, register] of this.#loaded) copy.#loaded.set(key, register);
    for (const [tensor, register] of this.#atIndex) copy.#atIndex.set(tensor, register);
    return copy;
  }

  index(): number {
    return this.#write({ op: "index" });
  }

  value(): number {
    return this.#write({ op: "value" });
  }

  /** Records that `register` holds `tensor` at the hook's index. */
  hold(tensor: Tensor, register: number): void {
    this.#atIndex.set(tensor, register);
  }

  load(tensor: Tensor, at: number): number {
    const key = `${tensor.id}@${at}`;
    const known = this.#loaded.get(key);
    if (known !== undefined) return known;
    const register = this.#loadAnew(tensor, at);
    this.#loaded.set(key, register);
    return register;
  }

  #loadAnew(tensor: Tensor, at: number): number {
    const held = this.#atIndex.get(tensor);
    if (held !== undefined && at === this.index()) return held;
    const { lowering } = tensor.op;
    if (this.context.hasMemory(tensor)) {
      const binding = this.context.bind(tensor);
      if (binding === undefined) throw new Unavailable(`${tensor}`);
      return this.#write({ op: "load", binding, at });
    }
    if (lowering.kind === "view") return this.load(tensor.inputs[0], lowering.position(tensor, this, at));
    if (lowering.kind === "elementwise") return lowering.emit(tensor, this, at);
    throw new Error(`${tensor} has no memory`);
  }

  map(at: number, shape: Shape, strides: readonly number[], offset = 0): number {
    // Over a single element every position is 0, whatever the strides.
    if (offset === 0 && elementCount(shape) === 1) return at;
    const terms = indexTerms(shape, strides);
    if (offset === 0 && terms.length === 1 && isIdentity(terms[0])) return at;
    return this.#write({ op: "map", from: at, terms, offset });
  }

  shift(at: number, scalar: string): number {
    this.context.useScalar(scalar, "u32");
    return this.#write({ op: "shift", from: at, scalar });
  }

  row(index: number, size: number, column: number): number {
    return this.#write({ op: "row", from: index, size, column });
  }

  position(at: number): number {
    return this.#write({ op: "position", at });
  }

  constant(value: number): number {
    return this.#write({ op: "constant", value });
  }

  random(at: number, stream: number, counter: string): number {
    this.context.useScalar("seed", "u32");
    this.context.useScalar(counter, "u32");
    return this.#write({ op: "random", at, stream, counter });
  }

  scalar(name: string): number {
    this.context.useScalar(name, "f32");
    return this.#write({ op: "scalar", scalar: name });
  }

  call(fn: string, args: readonly number[]): number {
    return this.#write({ op: "call", fn, args });
  }

  /** Appends an instruction, or finds an equal one. */
  #write(instruction: Instruction): number {
    const key = JSON.stringify(instruction);
    const known = this.#registers.get(key);
    if (known !== undefined) return known;
    this.code.push(instruction);
    this.#registers.set(key, this.code.length - 1);
    return this.code.length - 1;
  }
}

function isIdentity({ div, mod, mul }: IndexTerm): boolean {
  return div === 1 && mod === 0 && mul === 1;
}

/**
 * The terms of a strided walk over `shape`, as few as possible: axes of size 1 or stride 0 disappear, neighbouring axes
 * with even steps join. The first axis needs no modulus.
 */
function indexTerms(shape: Shape, strides: readonly number[]): IndexTerm[] {
  const divisors = stridesOf(shape);
  const joined: { size: number; stride: number; div: number; outermost: boolean }[] = [];
  let outermost = true;
  shape.forEach((size, axis) => {
    if (size === 1) return;
    const last = joined[joined.length - 1];
    if (last && last.stride === strides[axis] * size) {
      last.size *= size;
      last.stride = strides[axis];
      last.div = divisors[axis];
    } else {
      joined.push({ size, stride: strides[axis], div: divisors[axis], outermost });
    }
    outermost = false;
  });
  return joined
    .filter(({ stride }) => stride !== 0)
    .map(({ size, stride, div, outermost }) => ({ div, mod: outermost ? 0 : size, mul: stride }));
}

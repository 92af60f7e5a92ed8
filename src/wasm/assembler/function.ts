/** Builds one function: locals, statements, loops. */
import { type Code, list, sized, unsigned } from "./encode.ts";
import { type I32, type I64, i32, type Value, type ValueType } from "./instructions.ts";

const TYPE_BYTES: Readonly<Record<ValueType, number>> = {
  i32: 0x7f,
  i64: 0x7e,
  f32: 0x7d,
  f64: 0x7c,
  v128: 0x7b,
};

export function typeByte(type: ValueType): number {
  return TYPE_BYTES[type];
}

/** A local that changes: reading it gives what was set last. */
export interface Variable<T extends ValueType = ValueType> extends Value<T> {
  readonly index: number;
}

/** A function of a module, by its number. */
export interface FunctionRef {
  readonly index: number;
}

const BLOCK = 0x02;
const LOOP = 0x03;
const IF = 0x04;
const ELSE = 0x05;
const END = 0x0b;
const BRANCH = 0x0c;
const BRANCH_IF = 0x0d;
const BRANCH_TABLE = 0x0e;
const RETURN = 0x0f;
const CALL = 0x10;
const DROP = 0x1a;
const LOCAL_GET = 0x20;
const LOCAL_SET = 0x21;
const GLOBAL_SET = 0x24;
const NO_RESULT = 0x40;
const ATOMIC = 0xfe;
const SIMD = 0xfd;

/** Opcodes and alignments of stores. */
const STORES = {
  i32: [[0x36], 2],
  i64: [[0x37], 3],
  f32: [[0x38], 2],
  f64: [[0x39], 3],
  v128: [[SIMD, 11], 4],
} as const satisfies Record<ValueType, readonly [readonly number[], number]>;

/** A global of the module: each instance, and so each thread, has its own. */
export interface GlobalRef extends Value<"i32"> {
  readonly index: number;
}

export class FunctionBuilder {
  readonly parameters: readonly Variable[];
  readonly #types: ValueType[];
  readonly #constants = new Map<string, Value>();
  /** Runs before the body. */
  readonly #prologue: Code[] = [];
  #code: Code[] = [];
  /** Runs after the body. */
  readonly #epilogue: Code[] = [];
  #returns = false;
  /** Number of blocks around the statement being written. */
  #depth = 0;

  constructor(parameters: readonly ValueType[]) {
    this.#types = [...parameters];
    this.parameters = parameters.map((type, index) => local(type, index));
  }

  /** A new local with a first value: 0 without one, also when a loop comes here again. */
  variable<T extends ValueType>(type: T, first?: Value<T>): Variable<T> {
    const made = local(type, this.#types.push(type) - 1);
    if (first) this.set(made, first);
    return made;
  }

  /** Computes a value here, once; the result can be used any number of times, wherever it stays the same. */
  keep<T extends ValueType>(value: Value<T>): Value<T> {
    return isLocal(value) ? value : this.variable(value.type, value);
  }

  /**
   * A constant in a local that is set when the function begins: engines build vectors of constants anew where they
   * stand, which takes several times as long in a loop.
   */
  constant<T extends ValueType>(value: Value<T>): Value<T> {
    return this.once(`${value.type} ${textOf(value.code)}`, () => value);
  }

  /**
   * A value that is computed when the function begins: of constants, parameters and other such values. `build` may write
   * statements; it is called for the first value of each key alone.
   */
  once<T extends ValueType>(key: string, build: () => Value<T>): Value<T> {
    const known = this.#constants.get(key);
    if (known) return known as Value<T>;
    const made = this.#within(this.#prologue, () => this.keep(build()));
    this.#constants.set(key, made);
    return made;
  }

  /** Statements for when the function ends: `build` writes them. Such a function cannot return in between. */
  atEnd(build: () => void): void {
    this.#within(this.#epilogue, build);
  }

  /** Writes into another part of the function. */
  #within<T>(part: Code[], build: () => T): T {
    const [code, depth] = [this.#code, this.#depth];
    [this.#code, this.#depth] = [part, 0];
    const made = build();
    [this.#code, this.#depth] = [code, depth];
    return made;
  }

  set<T extends ValueType>(variable: Variable<T>, value: Value<T>): void {
    this.#code.push([value.code, LOCAL_SET, unsigned(variable.index)]);
  }

  setGlobal({ index }: GlobalRef, value: I32): void {
    this.#code.push([value.code, GLOBAL_SET, unsigned(index)]);
  }

  /** Stores a value's bytes at `address` + `offset`. */
  store(address: I32, value: Value, offset = 0): void {
    const [opcode, align] = STORES[value.type];
    this.#code.push([address.code, value.code, opcode, align, unsigned(offset)]);
  }

  /** Stores the four bytes of one lane. */
  storeLane(address: I32, vector: Value<"v128">, lane: number, offset = 0): void {
    this.#code.push([address.code, vector.code, SIMD, 90, 2, unsigned(offset), lane]);
  }

  /** Copies bytes; the two places may overlap. */
  copyMemory(to: I32, from: I32, bytes: I32): void {
    this.#code.push([to.code, from.code, bytes.code, 0xfc, 10, 0, 0]);
  }

  /** Fills bytes with the low byte of `value`. */
  fillMemory(to: I32, value: I32, bytes: I32): void {
    this.#code.push([to.code, value.code, bytes.code, 0xfc, 11, 0]);
  }

  /** Runs `body` where `condition` is not 0, or else `otherwise`. */
  if(condition: I32, body: () => void, otherwise?: () => void): void {
    this.#code.push([condition.code, IF, NO_RESULT]);
    this.#depth++;
    body();
    if (otherwise) {
      this.#code.push([ELSE]);
      otherwise();
    }
    this.#depth--;
    this.#code.push([END]);
  }

  /**
   * Runs `body` for `from`, `from` + `step` … below `to`, as signed integers; not at all where `from` is not below. The
   * counter that `body` gets must not be set in it.
   */
  loop(from: I32, to: I32, step: number, body: (counter: I32) => void): void {
    const counter = this.variable("i32", from);
    const end = to.code[0] === 0x41 ? to : this.keep(to);
    const test = i32.lt_s(counter, end);
    const again = () =>
      this.repeat((repeat) => {
        body(counter);
        this.set(counter, i32.add(counter, i32.const(step)));
        repeat(test);
      });
    this.if(test, again);
  }

  /** Runs `body`, and again each time it comes to a `repeat` whose condition, if there is one, is not 0. */
  repeat(body: (repeat: (condition?: I32) => void) => void): void {
    this.#block(LOOP, body);
  }

  /** Runs `body` up to an `exit` whose condition, if there is one, is not 0. */
  block(body: (exit: (condition?: I32) => void) => void): void {
    this.#block(BLOCK, body);
  }

  /** Runs one of `bodies`: the one that `targets` names at `index`, or the last for an index past the end. */
  switch(index: I32, targets: readonly number[], bodies: readonly (() => void)[]): void {
    this.block((exit) => {
      const within = (n: number): void => {
        if (n < 0) {
          const table = list(targets.map(unsigned));
          return void this.#code.push([
            index.code,
            BRANCH_TABLE,
            table,
            unsigned(Math.max(0, bodies.length - 1)),
          ]);
        }
        this.block(() => within(n - 1));
        bodies[n]();
        exit();
      };
      within(bodies.length - 1);
    });
  }

  #block(opcode: number, body: (branch: (condition?: I32) => void) => void): void {
    this.#code.push([opcode, NO_RESULT]);
    const depth = ++this.#depth;
    body((condition) => {
      const target = unsigned(this.#depth - depth);
      this.#code.push(condition ? [condition.code, BRANCH_IF, target] : [BRANCH, target]);
    });
    this.#depth--;
    this.#code.push([END]);
  }

  /** Ends the function; `values` are its results. */
  return(...values: readonly Value[]): void {
    this.#returns = true;
    this.#code.push([values.map(({ code }) => code), RETURN]);
  }

  /** Calls a function without results. */
  call({ index }: FunctionRef, ...values: readonly Value[]): void {
    this.#code.push([values.map(({ code }) => code), CALL, unsigned(index)]);
  }

  /** The result of a call, computed here, once. */
  callFor<T extends ValueType>(type: T, { index }: FunctionRef, ...values: readonly Value[]): Value<T> {
    return this.keep({ type, code: [values.map(({ code }) => code), CALL, unsigned(index)] });
  }

  /** Adds to a word of shared memory, as one step for all threads. Returns the word before. */
  atomicAdd(address: I32, value: I32, offset = 0): I32 {
    return this.keep({ type: "i32", code: [address.code, value.code, ATOMIC, 0x1e, 2, unsigned(offset)] });
  }

  /** Sets a number in shared memory; other threads' atomic loads see it, and all stores before it. */
  atomicStore(address: I32, value: I32 | I64, offset = 0): void {
    const [opcode, align] = value.type === "i32" ? [0x17, 2] : [0x18, 3];
    this.#code.push([address.code, value.code, ATOMIC, opcode, align, unsigned(offset)]);
  }

  /** Sets a number in shared memory where it is `expected`, as one step for all threads. Returns the number before. */
  atomicCompareExchange(address: I32, expected: I64, value: I64, offset = 0): I64 {
    const code = [address.code, expected.code, value.code, ATOMIC, 0x49, 3, unsigned(offset)];
    return this.keep({ type: "i64", code });
  }

  /**
   * Waits while a word of shared memory is `expected`, until it is notified, or the time is over. Wait in a function that
   * reads no local afterwards: Node 20's baseline compiler forgets that the call overwrites registers.
   */
  atomicWait(address: I32, expected: I32, nanoseconds: I64, offset = 0): void {
    this.#code.push([
      [address.code, expected.code, nanoseconds.code],
      [ATOMIC, 0x01, 2, unsigned(offset), DROP],
    ]);
  }

  /** Wakes up to `count` threads that wait for a word. */
  atomicNotify(address: I32, count: I32, offset = 0): void {
    this.#code.push([address.code, count.code, ATOMIC, 0x00, 2, unsigned(offset), DROP]);
  }

  /** The function as an item of a module's code section. */
  encode(): Code {
    if (this.#returns && this.#epilogue.length > 0)
      throw new Error("the function returns before it does what it does when it ends");
    const locals: [number, ValueType][] = [];
    for (const type of this.#types.slice(this.parameters.length)) {
      const last = locals.at(-1);
      if (last?.[1] === type) last[0]++;
      else locals.push([1, type]);
    }
    const groups = locals.map(([count, type]) => [unsigned(count), typeByte(type)]);
    return sized([list(groups), this.#prologue, this.#code, this.#epilogue, END]);
  }
}

function local<T extends ValueType>(type: T, index: number): Variable<T> {
  return { type, index, code: [LOCAL_GET, unsigned(index)] };
}

/** A letter for each byte. */
function textOf(code: Code | Uint8Array): string {
  let text = "";
  for (const item of code) text += typeof item === "number" ? String.fromCharCode(item) : textOf(item);
  return text;
}

function isLocal(value: Value): boolean {
  return value.code.length === 2 && value.code[0] === LOCAL_GET;
}

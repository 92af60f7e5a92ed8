/**
 * Hooks on the CPU: the instructions that become WGSL, as loops for the twins. Each instruction is one loop over a run
 * of consecutive elements. Every step rounds values to 32 bits, so that a value recomputed equals one read from memory.
 */
import type { Elements } from "../dtypes.ts";
import {
  type Flag,
  type Hook,
  type IndexTerm,
  type Instruction,
  readAs,
  type StepScalar,
  slotOf,
} from "../program.ts";
import { stepUniform } from "../random.ts";
import { type ScalarFunction, scalarFunctions } from "./scalar.ts";
import { type Load, RUN, type Store } from "./twin.ts";

/** The current row of the step table, as floats and as integers. */
export interface StepRow {
  readonly f32: Float32Array;
  readonly u32: Uint32Array;
}

/** What hooks read: memory, by the names of bindings, and the step table. */
export interface HookScope {
  readonly memory: Readonly<Record<string, Elements>>;
  readonly scalars: readonly StepScalar[];
  readonly row: StepRow;
}

/** Results of an instruction for a run: values rounded to 32 bits, or positions. */
type Register = Float32Array | Float64Array;

/** Computes an instruction for a run, from earlier results and the kernel's values. */
type Step = (start: number, count: number, values: Float32Array) => void;

/** Computes a hook for a run of at most {@link RUN} elements: performs its stores, or returns its result. */
type RunFunction = (start: number, count: number, values: Float32Array) => Register;

const NO_VALUES = new Float32Array(0);

export function compileLoad(hook: Hook, scope: HookScope): Load {
  const run = compileRun(hook, scope);
  let all = new Float32Array(0);
  return (start, count) => {
    if (count <= RUN) return (run(start, count, NO_VALUES) as Float32Array).subarray(0, count);
    if (all.length < count) all = new Float32Array(count);
    for (let at = 0; at < count; at += RUN) {
      const part = Math.min(RUN, count - at);
      all.set(run(start + at, part, NO_VALUES).subarray(0, part), at);
    }
    return all.subarray(0, count);
  };
}

export function compileStore(hook: Hook, scope: HookScope): Store {
  // Nothing uses the values.
  if (hook.code.length === 0) return () => {};
  const run = compileRun(hook, scope);
  const rounded = new Float32Array(RUN);
  return (start, values) => {
    for (let at = 0; at < values.length; at += RUN) {
      let part = values.subarray(at, at + RUN);
      const count = part.length;
      if (part instanceof Float64Array) {
        rounded.set(part);
        part = rounded;
      }
      run(start + at, count, part);
    }
  };
}

function compileRun({ code, result = 0, stores = [], flags = [] }: Hook, scope: HookScope): RunFunction {
  const { memory } = scope;
  const registers: Register[] = [];
  const steps: Step[] = [];
  code.forEach((instruction, at) => {
    // With several stores, one may overwrite memory that another has yet to store.
    const copied = stores.length > 1 && stores.some(({ from }) => from === at);
    const step = compile(instruction, { ...scope, code, registers, at, copied });
    if (step) steps.push(step);
  });
  return (start, count, values) => {
    for (let i = 0; i < steps.length; i++) steps[i](start, count, values);
    for (let i = 0; i < flags.length; i++) setFlag(flags[i], registers, count, memory);
    for (let i = 0; i < stores.length; i++) {
      const { binding, from } = stores[i];
      memory[binding].set(registers[from].subarray(0, count), start);
    }
    return registers[result];
  };
}

function setFlag(
  { binding, of, value }: Flag,
  registers: readonly Register[],
  count: number,
  memory: HookScope["memory"],
): void {
  // 0 · x is 0 exactly for finite x: a sum without branches.
  let zero = 0;
  for (let n = 0; n < of.length; n++) {
    const values = registers[of[n]];
    for (let i = 0; i < count; i++) zero += values[i] * 0;
  }
  if (zero !== 0) memory[binding][0] = value;
}

/** The context of an instruction. */
interface Place extends HookScope {
  readonly code: readonly Instruction[];
  /** Results of the instructions before; the instruction's own is added. */
  readonly registers: Register[];
  /** Position in the code. */
  readonly at: number;
  /** Whether values read must be copied rather than referenced. */
  readonly copied: boolean;
}

/** @returns undefined where no work is needed for each run */
function compile(instruction: Instruction, place: Place): Step | undefined {
  const { code, registers, at, copied, memory, scalars, row } = place;
  const register = <R extends Register>(own: R): R => {
    registers[at] = own;
    return own;
  };
  const positions = () => register(new Float64Array(RUN));
  const results = () => register(new Float32Array(RUN));
  switch (instruction.op) {
    case "index": {
      if (!code.some((other) => readsPosition(other, at))) return undefined;
      const own = positions();
      return (start, count) => {
        for (let i = 0; i < count; i++) own[i] = start + i;
      };
    }
    case "map": {
      const { terms, offset, from } = instruction;
      const own = positions();
      if (code[from].op === "index") return (start, count) => mapIndices(own, start, count, terms, offset);
      return (_start, count) => mapPositions(own, registers[from], count, terms, offset);
    }
    case "shift": {
      const { from } = instruction;
      const slot = slotOf(instruction.scalar, "u32", scalars);
      const own = positions();
      return (_start, count) => shiftPositions(own, registers[from], count, row.u32[slot]);
    }
    case "row": {
      const { size, from, column } = instruction;
      const own = positions();
      return (_start, count) => rowPositions(own, registers[from], registers[column], count, size);
    }
    case "value":
      if (copied) {
        const own = results();
        return (_start, count, values) => own.set(values.subarray(0, count));
      }
      return (_start, _count, values) => {
        registers[at] = values;
      };
    case "constant":
      results().fill(instruction.value);
      return undefined;
    case "scalar": {
      const dtype = readAs(instruction.scalar, scalars);
      const slot = slotOf(instruction.scalar, dtype, scalars);
      const own = results();
      return (_start, count) => void own.fill(row[dtype][slot], 0, count);
    }
    case "position": {
      const own = results();
      return () => own.set(registers[instruction.at]);
    }
    case "load": {
      const source = memory[instruction.binding];
      if (code[instruction.at].op !== "index") {
        const own = results();
        return (_start, count) => pick(own, source, registers[instruction.at], count);
      }
      if (copied || !(source instanceof Float32Array)) {
        const own = results();
        return (start, count) => own.set(source.subarray(start, start + count));
      }
      return (start, count) => {
        registers[at] = source.subarray(start, start + count);
      };
    }
    case "random": {
      const { stream } = instruction;
      const seed = slotOf("seed", "u32", scalars);
      const counter = slotOf(instruction.counter, "u32", scalars);
      const own = results();
      return (_start, count) => {
        const places = registers[instruction.at];
        for (let i = 0; i < count; i++)
          own[i] = stepUniform(row.u32[seed], stream, row.u32[counter], places[i]);
      };
    }
    case "call": {
      const loop = loopOf(instruction.fn, instruction.args.length);
      const [a, b = a, c = a] = instruction.args;
      const own = results();
      return (_start, count) => loop(own, count, registers[a], registers[b], registers[c]);
    }
  }
}

/** Whether an instruction reads the positions that the one at `at` gives. Maps and loads of the index go without. */
function readsPosition(instruction: Instruction, at: number): boolean {
  switch (instruction.op) {
    case "shift":
      return instruction.from === at;
    case "row":
      return instruction.column === at;
    case "position":
    case "random":
      return instruction.at === at;
    default:
      return false;
  }
}

function shiftPositions(own: Register, from: Register, count: number, by: number): void {
  for (let i = 0; i < count; i++) own[i] = from[i] + by;
}

function rowPositions(own: Register, rows: Register, columns: Register, count: number, size: number): void {
  for (let i = 0; i < count; i++) own[i] = rows[i] * size + columns[i];
}

function pick(own: Register, source: Elements, places: Register, count: number): void {
  for (let i = 0; i < count; i++) own[i] = source[places[i]];
}

/** The map of consecutive indices: quotients are counted, not divided. */
function mapIndices(
  own: Register,
  start: number,
  count: number,
  terms: readonly IndexTerm[],
  offset: number,
): void {
  own.fill(offset, 0, count);
  for (const { div, mod, mul } of terms) {
    let quotient = Math.floor(start / div);
    if (mod !== 0) quotient %= mod;
    let rest = start % div;
    for (let i = 0; i < count; i++) {
      own[i] += quotient * mul;
      if (++rest < div) continue;
      rest = 0;
      if (++quotient === mod) quotient = 0;
    }
  }
}

function mapPositions(
  own: Register,
  from: Register,
  count: number,
  terms: readonly IndexTerm[],
  offset: number,
): void {
  for (let i = 0; i < count; i++) {
    let position = offset;
    for (const { div, mod, mul } of terms) {
      const quotient = Math.floor(from[i] / div);
      position += (mod === 0 ? quotient : quotient % mod) * mul;
    }
    own[i] = position;
  }
}

/** A scalar function over a run. */
type Loop = (own: Register, count: number, a: Register, b: Register, c: Register) => void;

/** Common functions, each in its own loop, which JavaScript engines compile to a few instructions. */
const LOOPS: { readonly [name: string]: Loop } = {
  add(own, count, a, b) {
    for (let i = 0; i < count; i++) own[i] = a[i] + b[i];
  },
  sub(own, count, a, b) {
    for (let i = 0; i < count; i++) own[i] = a[i] - b[i];
  },
  mul(own, count, a, b) {
    for (let i = 0; i < count; i++) own[i] = a[i] * b[i];
  },
  div(own, count, a, b) {
    for (let i = 0; i < count; i++) own[i] = a[i] / b[i];
  },
  maximum(own, count, a, b) {
    for (let i = 0; i < count; i++) own[i] = Math.max(a[i], b[i]);
  },
  minimum(own, count, a, b) {
    for (let i = 0; i < count; i++) own[i] = Math.min(a[i], b[i]);
  },
  greater(own, count, a, b) {
    for (let i = 0; i < count; i++) own[i] = a[i] > b[i] ? 1 : 0;
  },
  choose(own, count, a, b, c) {
    for (let i = 0; i < count; i++) own[i] = a[i] !== 0 ? b[i] : c[i];
  },
  neg(own, count, a) {
    for (let i = 0; i < count; i++) own[i] = -a[i];
  },
  square(own, count, a) {
    for (let i = 0; i < count; i++) own[i] = a[i] * a[i];
  },
  squareRoot(own, count, a) {
    for (let i = 0; i < count; i++) own[i] = Math.sqrt(a[i]);
  },
  relu(own, count, a) {
    for (let i = 0; i < count; i++) own[i] = Math.max(a[i], 0);
  },
};

function loopOf(name: string, arity: number): Loop {
  if (Object.hasOwn(LOOPS, name)) return LOOPS[name];
  const fn: (...values: number[]) => number = scalarFunctions[name as ScalarFunction];
  if (!fn) throw new Error(`no scalar function is called ${name}`);
  if (arity === 1) {
    return (own, count, a) => {
      for (let i = 0; i < count; i++) own[i] = fn(a[i]);
    };
  }
  return (own, count, a, b, c) => {
    for (let i = 0; i < count; i++) own[i] = fn(a[i], b[i], c[i]);
  };
}

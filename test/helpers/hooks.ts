/** Hooks, element by element: slow, and plain enough to hold others against. */
import type { Elements } from "../../src/dtypes.ts";
import type { StepRow } from "../../src/kernels/hooks.ts";
import { type ScalarFunction, scalarFunctions } from "../../src/kernels/scalar.ts";
import {
  type Hook,
  type IndexTerm,
  type Instruction,
  readAs,
  type StepScalar,
  slotOf,
} from "../../src/program.ts";
import { stepUniform } from "../../src/random.ts";

type Evaluate = (registers: Float64Array) => number;

/**
 * A hook as a function of (index, value): a load hook returns its result, a store hook writes its stores. Values are
 * rounded to 32 bits at each step, so that they are the same numbers whether computed anew or read from memory.
 */
export function elementFunction(
  hook: Hook,
  memory: Readonly<Record<string, Elements>>,
  scalars: readonly StepScalar[],
  row: StepRow,
): (index: number, value: number) => number {
  // Registers 0 and 1 hold the hook's own arguments; instruction i writes register i + 2.
  const registers = new Float64Array(hook.code.length + 2);
  const steps = hook.code.map((instruction) => compile(instruction, memory, scalars, row));
  const stores = (hook.stores ?? []).map(({ binding, from }) => ({
    target: memory[binding],
    from: from + 2,
  }));
  const result = hook.result === undefined ? 0 : hook.result + 2;
  return (index, value) => {
    registers[0] = index;
    registers[1] = value;
    for (let i = 0; i < steps.length; i++) registers[i + 2] = steps[i](registers);
    for (let i = 0; i < stores.length; i++) stores[i].target[index] = registers[stores[i].from];
    return registers[result];
  };
}

function compile(
  instruction: Instruction,
  memory: Readonly<Record<string, Elements>>,
  scalars: readonly StepScalar[],
  row: StepRow,
): Evaluate {
  switch (instruction.op) {
    case "index":
      return (r) => r[0];
    case "value":
      return (r) => Math.fround(r[1]);
    case "map":
      return compileMap(instruction.terms, instruction.offset, instruction.from + 2);
    case "shift": {
      const from = instruction.from + 2;
      const slot = slotOf(instruction.scalar, "u32", scalars);
      return (r) => r[from] + row.u32[slot];
    }
    case "row": {
      const { size } = instruction;
      const from = instruction.from + 2;
      const column = instruction.column + 2;
      return (r) => r[from] * size + r[column];
    }
    case "constant": {
      const value = Math.fround(instruction.value);
      return () => value;
    }
    case "scalar": {
      const dtype = readAs(instruction.scalar, scalars);
      const slot = slotOf(instruction.scalar, dtype, scalars);
      return () => row[dtype][slot];
    }
    case "position": {
      const at = instruction.at + 2;
      return (r) => r[at];
    }
    case "load": {
      const source = memory[instruction.binding];
      const at = instruction.at + 2;
      return (r) => source[r[at]];
    }
    case "random": {
      const at = instruction.at + 2;
      const { stream } = instruction;
      const seed = slotOf("seed", "u32", scalars);
      const counter = slotOf(instruction.counter, "u32", scalars);
      return (r) => stepUniform(row.u32[seed], stream, row.u32[counter], r[at]);
    }
    case "call":
      return compileCall(instruction.fn, instruction.args);
  }
}

function compileMap(terms: readonly IndexTerm[], offset: number, from: number): Evaluate {
  return (r) => {
    const index = r[from];
    let position = offset;
    for (const { div, mod, mul } of terms) {
      const quotient = div === 1 ? index : Math.floor(index / div);
      position += (mod === 0 ? quotient : quotient % mod) * mul;
    }
    return position;
  };
}

function compileCall(name: string, args: readonly number[]): Evaluate {
  const fn: (...values: number[]) => number = scalarFunctions[name as ScalarFunction];
  if (!fn) throw new Error(`no scalar function is called ${name}`);
  const [a, b, c] = args.map((arg) => arg + 2);
  if (args.length === 1) return (r) => Math.fround(fn(r[a]));
  if (args.length === 2) return (r) => Math.fround(fn(r[a], r[b]));
  return (r) => Math.fround(fn(r[a], r[b], r[c]));
}

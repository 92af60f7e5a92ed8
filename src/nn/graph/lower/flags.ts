/**
 * Flags: a launch that has values in registers notes in an output where one of them is NaN or infinite.
 */
import { elementwise4Constants, elementwiseConstants } from "../../../kernels/elementwise.ts";
import { type Dispatch, elementCount, type Flag, type Instruction, type View } from "../../../program.ts";
import type { ProgramBuilder } from "./builder.ts";

/** Arguments of which a NaN or an infinity always makes the result one. */
const SPREADING: Readonly<Record<string, readonly number[]>> = {
  add: [0, 1],
  sub: [0, 1],
  mul: [0, 1],
  // Numbers divided by an infinity are 0.
  div: [0],
  neg: [0],
  square: [0],
  squareRoot: [0],
  absolute: [0],
};

/**
 * Those registers that show whether all are finite: what enters another one by sums and products shows there. A number whose
 * root is at hand shows in the root: second moments are often below 2⁻¹²⁶, and processors take long to look at such.
 */
function telling(code: readonly Instruction[], registers: readonly number[]): number[] {
  const distinct = [...new Set(registers)];
  const shown = new Set<number>();
  const visit = (at: number): void => {
    const instruction = code[at];
    if (instruction.op !== "call") return;
    for (const position of SPREADING[instruction.fn] ?? []) {
      const arg = instruction.args[position];
      if (shown.has(arg)) continue;
      shown.add(arg);
      visit(arg);
    }
  };
  distinct.forEach(visit);
  const rootOf = (register: number) =>
    code.findIndex((one) => one.op === "call" && one.fn === "squareRoot" && one.args[0] === register);
  return distinct
    .filter((register) => !shown.has(register))
    .map((register) => Math.max(register, rootOf(register)));
}

/** What an update notes where a number is not finite. */
export class Watch {
  constructor(
    /** An output of one element, which the step has stored before. */
    readonly output: string,
    /** The number stored there. */
    readonly value: number,
    /** Whether what the step has found (`from` of its request) is looked at, too, as it is before the update. */
    readonly found: boolean,
  ) {}

  /** The memory that flags are stored into. */
  view(builder: ProgramBuilder): View {
    return builder.view({ name: this.output, kind: "output", dtype: "f32", length: 1 }, []);
  }

  /** The flag of a launch that has the values in `registers`. */
  flag(binding: string, code: readonly Instruction[], registers: readonly number[]): Flag {
    return { binding, of: telling(code, registers), value: this.value };
  }

  /** A launch of its own that looks at whole states, for updates that have no binding left for the flag. */
  apart(builder: ProgramBuilder, label: string, states: readonly View[]): Dispatch {
    const size = elementCount(states[0].shape);
    const fits = size % 4 === 0;
    const loads = states.map((_, i): Instruction => ({ op: "load", binding: `operand${i}`, at: 0 }));
    const of = states.map((_, i) => i + 1);
    return {
      label,
      kernel: fits ? "elementwise4" : "elementwise",
      constants: fits ? elementwise4Constants(size) : elementwiseConstants(size),
      hooks: {
        element: { code: [{ op: "constant", value: 0 }], result: 0 },
        store: { code: [{ op: "index" }, ...loads], flags: [{ binding: "result0", of, value: this.value }] },
      },
      bindings: {
        ...Object.fromEntries(states.map((view, i) => [`operand${i}`, view])),
        result0: this.view(builder),
      },
    };
  }
}

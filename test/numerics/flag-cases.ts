/** Flags in the hooks of every kernel: set where a value is NaN or infinite, and nowhere else, wherever it is. */
import {
  elementwise4Constants,
  elementwiseConstants,
  elementwiseFoursConstants,
} from "../../src/kernels/elementwise.ts";
import { kernels } from "../../src/kernels/index.ts";
import type { Hook } from "../../src/program.ts";
import { GUARD, type KernelRun, programRun } from "../helpers/kernel-run.ts";
import { kernelCases } from "../kernels/cases/index.ts";
import { among, chosenCase, type NanCase, onCpu } from "./nan-cases.ts";

const LARGEST = 3.4028234663852886e38;
const SUBNORMAL = 1e-45;
/** What the flag stores. */
const VALUE = 7;
const FLAG = "result5";

/** The memory of a flag, with the elements behind it. */
const shown = (isSet: boolean) => new Float32Array(1 + GUARD).with(0, isSet ? VALUE : 0);

const areFinite = (values: ArrayLike<number>) => Array.from(values).every(Number.isFinite);

/** Two values of each position are looked at: the kernel's own, which is stored, and one from memory, which is not. */
const watching: Hook = {
  code: [{ op: "index" }, { op: "value" }, { op: "load", binding: "operand1", at: 0 }],
  stores: [{ binding: "result0", from: 1 }],
  flags: [{ binding: FLAG, of: [1, 2], value: VALUE }],
};

const element: Hook = {
  code: [{ op: "index" }, { op: "load", binding: "operand0", at: 0 }],
  result: 1,
};

/** Sizes: a vector and a lane, workgroups and a bit, more than one part of a thread's work. */
const SIZES = {
  elementwise: [1, 5, 67, 20_003],
  elementwise4: [4, 68, 20_004],
  elementwiseFours: [4, 68, 20_004],
} as const;
const constantsOf = {
  elementwise: elementwiseConstants,
  elementwise4: elementwise4Constants,
  elementwiseFours: elementwiseFoursConstants,
};

/** Elements behind the last one are not looked at. */
const BEHIND = 5;

function watched(kernel: keyof typeof SIZES, size: number, operands: readonly Float32Array[]): KernelRun {
  const [operand0, operand1] = operands;
  return {
    kernel,
    constants: constantsOf[kernel](size),
    hooks: { element, store: watching },
    reads: { operand0, operand1 },
    results: { result0: { length: size }, [FLAG]: { length: 1 } },
  };
}

function elementwiseFlags(kernel: keyof typeof SIZES, size: number): NanCase[] {
  const behind = (value: number) => new Float32Array(size + BEHIND).fill(value, size);
  const extremes = behind(Number.NaN).map((value, i) =>
    i < size ? [LARGEST, -LARGEST, SUBNORMAL, -SUBNORMAL, -0][i % 5] : value,
  );
  // A lane in the middle, and the last one: of the kernel's own values in turn, and of those from memory.
  const strangers = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  const set = [Math.min(2, size - 1), size - 1].map((place, i): NanCase => {
    const operand = (size + i) % 2;
    const value = strangers[(size + i) % strangers.length];
    const operands = [behind(Number.NaN), behind(Number.NaN)];
    operands[operand][place] = value;
    return {
      name: `flag of ${kernel}: ${value} at ${place} of ${size} in operand ${operand}`,
      run: programRun(watched(kernel, size, operands)),
      want: { [FLAG]: shown(true) },
    };
  });
  const unset: NanCase = {
    name: `flag of ${kernel}: the largest and the smallest of ${size}`,
    run: programRun(watched(kernel, size, [extremes, extremes])),
    want: { [FLAG]: shown(false) },
  };
  return [...set, unset];
}

/** The flag of what a kernel's hook stores: of numbers, and of numbers with NaN among what the kernel reads. */
async function flagsOfKernel(kernel: string): Promise<NanCase[]> {
  const { name, run } = chosenCase(kernel, kernelCases[kernel]);
  const hook = Object.keys(run.hooks ?? {}).find(
    (one) => kernels[kernel].hooks[one] === "store" && (run.hooks?.[one].stores?.length ?? 0) > 0,
  );
  const reads = Object.entries(run.reads ?? {}).find(([, data]) => data instanceof Float32Array);
  if (hook === undefined || !reads || Object.keys(run.results ?? {}).length > 3) return [];
  const stored = run.hooks?.[hook] as Required<Hook>;
  const [{ binding, from }] = stored.stores;
  const flagged: KernelRun = {
    ...run,
    hooks: { ...run.hooks, [hook]: { ...stored, flags: [{ binding: FLAG, of: [from], value: VALUE }] } },
    results: { ...run.results, [FLAG]: { length: 1 } },
  };
  const data = [reads[1] as Float32Array, among(reads[1] as Float32Array, "NaN")];
  const cases = data.map(async (numbers, i) => {
    const strange = programRun({
      ...flagged,
      reads: { ...run.reads, [reads[0]]: numbers },
      steps: run.steps?.slice(0, 1),
    });
    const { [binding]: values } = await onCpu(strange);
    return {
      name: `flag of ${kernel}: ${name}, ${i === 0 ? "numbers" : "NaN"}`,
      run: strange,
      want: { [FLAG]: shown(!areFinite(values)) },
    };
  });
  return Promise.all(cases);
}

export async function flagCases(): Promise<NanCase[]> {
  const ofElements = Object.entries(SIZES).flatMap(([kernel, sizes]) =>
    sizes.flatMap((size) => elementwiseFlags(kernel as keyof typeof SIZES, size)),
  );
  return [...ofElements, ...(await Promise.all(Object.keys(kernelCases).map(flagsOfKernel))).flat()];
}

/** The least program that has everything: state, data, an input, a step scalar and an output. `p -= learningRate * x`, and `y = p`. */
import { elementwiseConstants } from "../../src/kernels/elementwise.ts";
import { type Hook, type Program, STEP_SLOTS } from "../../src/program.ts";
import type { Engine, EngineBuffer, Executable } from "../../src/runtime/engine.ts";
import { loadFrom, storeTo } from "./kernel-run.ts";

export const SIZE = 64;

const whole = (buffer: number, length = SIZE) => ({ buffer, offset: 0, shape: [length] });

/** `p - learningRate * blocks[0] * x`, of the `p` that it is written over. */
const descended: Hook = {
  code: [
    { op: "index" },
    { op: "load", binding: "result0", at: 0 },
    { op: "load", binding: "operand0", at: 0 },
    { op: "map", from: 0, terms: [], offset: 0 },
    { op: "load", binding: "operand1", at: 3 },
    { op: "scalar", scalar: "learningRate" },
    { op: "call", fn: "mul", args: [5, 4] },
    { op: "call", fn: "mul", args: [6, 2] },
    { op: "call", fn: "sub", args: [1, 7] },
  ],
  result: 8,
};

export const descent: Program = {
  name: "descent",
  buffers: [
    { name: "p", kind: "state", dtype: "f32", length: SIZE },
    { name: "x", kind: "input", dtype: "f32", length: SIZE },
    { name: "blocks", kind: "data", dtype: "f32", length: 2 },
    { name: "y", kind: "output", dtype: "f32", length: SIZE },
  ],
  dispatches: [
    {
      label: "descend",
      kernel: "elementwise",
      constants: elementwiseConstants(SIZE),
      hooks: { element: descended, store: storeTo("result0") },
      bindings: { result0: whole(0), operand0: whole(1), operand1: whole(2, 2) },
    },
    {
      label: "tell",
      kernel: "elementwise",
      constants: elementwiseConstants(SIZE),
      hooks: { element: loadFrom("operand0"), store: storeTo("result0") },
      bindings: { operand0: whole(0), result0: whole(3) },
    },
  ],
  scalars: [{ name: "learningRate", dtype: "f32" }],
  outputs: { y: whole(3) },
};

export interface Descent {
  readonly executable: Executable;
  readonly memory: { readonly p: EngineBuffer; readonly blocks: EngineBuffer };
  /** Writes `x`, and enqueues steps of rate `learningRate`; resolves with the first element of each step's `y`. */
  run(x: number, steps?: number, learningRate?: number): Promise<number[]>;
  release(): void;
}

export function descentMemory(engine: Engine): Descent["memory"] {
  return {
    p: engine.buffer("p", "f32", SIZE),
    blocks: engine.buffer("blocks", "f32", 2, Float32Array.of(1, 0)),
  };
}

/** The memory, as a program takes it. */
export function bound({ p, blocks }: Descent["memory"]) {
  return { state: { p }, data: { blocks } };
}

export async function openDescent(engine: Engine, maxSteps = 4): Promise<Descent> {
  const memory = descentMemory(engine);
  const executable = await engine.compile(descent, { ...bound(memory), maxSteps });
  return {
    executable,
    memory,
    async run(x, steps = 1, learningRate = 1) {
      executable.write("x", new Float32Array(SIZE).fill(x));
      for (let step = 0; step < steps; step++) executable.table.f32[step * STEP_SLOTS] = learningRate;
      const { y } = await executable.run(steps);
      return Array.from({ length: steps }, (_, step) => y[step * SIZE]);
    },
    release() {
      executable.release();
      memory.p.release();
      memory.blocks.release();
    },
  };
}

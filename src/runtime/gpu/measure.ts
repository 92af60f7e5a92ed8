/** Measures one dispatch of a program, alone and unchanged. */
import { arrayOf, type DType, type Elements } from "../../dtypes.ts";
import { isWritten } from "../../kernels/index.ts";
import type { Dispatch, Program, View } from "../../program.ts";
import { uniform } from "../../random.ts";
import { type CompileOptions, type EngineBuffer, memoryOf } from "../engine.ts";
import { GpuBuffer } from "./buffer.ts";
import type { GpuDevice } from "./device.ts";
import { GpuExecutable } from "./executable.ts";

/** Duration of a measurement in milliseconds: long enough for any browser's clock, short enough for many measurements. */
const WANTED_MS = 3;
const MAX_STEPS = 512;
const MAX_GROWTH = 8;
const REPETITIONS = 3;

/**
 * Runs a dispatch on its own memory, except for memory that the program only reads, such as a data set.
 * @returns milliseconds: the best of a few measurements, without compilation
 */
export async function measureDispatch(
  device: GpuDevice,
  program: Program,
  dispatch: Dispatch,
  memory: Pick<CompileOptions, "state" | "data">,
): Promise<number> {
  const own: Pick<EngineBuffer, "label" | "dtype" | "length">[] = [];
  const scratch: EngineBuffer[] = [];
  const bound: Record<string, EngineBuffer> = {};
  const written = new Set<number>();
  for (const [name, { buffer }] of Object.entries(dispatch.bindings))
    if (isWritten(dispatch, name)) written.add(buffer);
  const used = [...new Set(Object.values(dispatch.bindings).map(({ buffer }) => buffer))];
  const buffers = used.map((index) => {
    const { dtype, length, name } = program.buffers[index];
    const lasting = written.has(index) ? undefined : memoryOf(program.buffers[index], memory);
    const label = `${index} ${name}`;
    if (lasting) bound[label] = lasting;
    else own.push({ label, dtype, length });
    return { name: label, kind: "state", dtype, length } as const;
  });
  const moved = (view: View): View => ({ ...view, buffer: used.indexOf(view.buffer) });
  const bindings = Object.entries(dispatch.bindings).map(([name, view]) => [name, moved(view)] as const);
  const alone: Program = {
    name: `${dispatch.kernel} alone`,
    buffers,
    dispatches: [{ ...dispatch, joined: false, bindings: Object.fromEntries(bindings) }],
    scalars: program.scalars,
    immediates: program.immediates,
    outputs: {},
  };
  let executable: GpuExecutable | undefined;
  try {
    for (const { label, dtype, length } of own) {
      const buffer = new GpuBuffer(device, label, dtype, length);
      scratch.push(buffer);
      buffer.write(sample(dtype, length));
      bound[label] = buffer;
    }
    const compiled = await GpuExecutable.compile(device, alone, { state: bound, maxSteps: MAX_STEPS });
    executable = compiled;
    return await bestTime((steps) => compiled.run(steps));
  } finally {
    executable?.release();
    for (const buffer of scratch) buffer.release();
  }
}

/**
 * Milliseconds of a step: the best of a few measurements.
 * @param run runs so many steps on the device
 */
export async function bestTime(run: (steps: number) => Promise<unknown>): Promise<number> {
  const timeOf = async (steps: number) => {
    const began = performance.now();
    await run(steps);
    return performance.now() - began;
  };
  // Some drivers compile only now.
  await timeOf(1);
  let steps = 1;
  let time = await timeOf(steps);
  // On a GPU, the way to the device and back takes longer than a few steps: one step tells little of the next.
  while (2 * time < WANTED_MS && steps < MAX_STEPS) {
    const growth = Math.min(MAX_GROWTH, Math.max(2, Math.round(WANTED_MS / Math.max(time, 1e-3))));
    steps = Math.min(MAX_STEPS, steps * growth);
    time = await timeOf(steps);
  }
  for (let i = 1; i < REPETITIONS; i++) time = Math.min(time, await timeOf(steps));
  return time / steps;
}

/** Sample values; 0 where they are used as indices, because 0 is always valid. */
function sample(dtype: DType, length: number): Elements {
  const values = new (arrayOf(dtype))(length);
  if (dtype === "f32") for (let i = 0; i < length; i++) values[i] = uniform(1, 1, i) - 0.5;
  return values;
}

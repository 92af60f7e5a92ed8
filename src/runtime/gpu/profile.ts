/** Measures each launch of a program on the device. */
import { EngineError, type LaunchTimes } from "../engine.ts";
import { BufferUsage } from "./constants.ts";
import type { GpuDevice } from "./device.ts";
import type { StepRows } from "./stepRows.ts";

/** The part of an executable that profiling uses. */
interface Profiled {
  readonly owner: GpuDevice;
  readonly program: { readonly name: string };
  /** By launch. */
  readonly commands: readonly unknown[];
  readonly stepRows: StepRows;
  /** Encodes launches `first` to, not including, `end` of a step. */
  encodeStep(pass: GPUComputePassEncoder, step: number, first: number, end: number): void;
}

/** Runs steps 0 … `count` − 1 of `rows`, launch by launch. */
export async function profileLaunches(
  executable: Profiled,
  rows: Uint32Array<ArrayBuffer>,
  count: number,
): Promise<LaunchTimes> {
  const { owner, stepRows, program } = executable;
  const hasTimestamps = owner.device.features.has("timestamp-query");
  await owner.validated(`program ${program.name}`, () => stepRows.load(rows, count));
  return hasTimestamps ? byTimestamps(executable, count) : byDifferences(executable, count);
}

/**
 * One pass for each launch, because timestamps are taken at the ends of passes. Browsers usually round them to 0.1 ms;
 * over many steps, the rounding averages out.
 */
async function byTimestamps(executable: Profiled, count: number): Promise<LaunchTimes> {
  const { commands, owner, program } = executable;
  const { device, ledger } = owner;
  const milliseconds: number[][] = commands.map(() => []);
  const what = `program ${program.name}`;
  const label = `${program.name}: profile`;
  const bytes = commands.length * 16;
  const made: GPUBuffer[] = [];
  let querySet: GPUQuerySet | undefined;
  const make = (usage: number) => {
    const buffer = ledger.make("staging", label, bytes, usage);
    made.push(buffer);
    return buffer;
  };
  try {
    const { queries, resolved, staging } = await owner.validated(what, () => {
      querySet = device.createQuerySet({ label, type: "timestamp", count: commands.length * 2 });
      const resolved = make(BufferUsage.QUERY_RESOLVE | BufferUsage.COPY_SRC);
      return { queries: querySet, resolved, staging: make(BufferUsage.MAP_READ | BufferUsage.COPY_DST) };
    });
    for (let step = 0; step < count; step++) {
      const enqueued = owner.validated(what, () => {
        const encoder = device.createCommandEncoder({ label });
        commands.forEach((_, i) => {
          const timestampWrites = {
            querySet: queries,
            beginningOfPassWriteIndex: 2 * i,
            endOfPassWriteIndex: 2 * i + 1,
          };
          const pass = encoder.beginComputePass({ label, timestampWrites });
          executable.encodeStep(pass, step, i, i + 1);
          pass.end();
        });
        encoder.resolveQuerySet(queries, 0, commands.length * 2, resolved, 0);
        encoder.copyBufferToBuffer(resolved, 0, staging, 0, bytes);
        device.queue.submit([encoder.finish({ label })]);
      });
      await enqueued;
      await owner.mapped(staging);
      const nanoseconds = new BigUint64Array(staging.getMappedRange());
      commands.forEach((_, i) => {
        milliseconds[i].push(Number(nanoseconds[2 * i + 1] - nanoseconds[2 * i]) / 1e6);
      });
      staging.unmap();
    }
  } finally {
    querySet?.destroy();
    for (const buffer of made) ledger.free(buffer);
  }
  return { method: "timestamps", milliseconds };
}

/** Runs the first launch alone, the first two, and so on; a launch's time is the difference from the run before. */
async function byDifferences(executable: Profiled, count: number): Promise<LaunchTimes> {
  const { commands, owner, program } = executable;
  const { device } = owner;
  const milliseconds: number[][] = commands.map(() => []);
  for (let step = 0; step < count; step++) {
    let before = await timed(0);
    for (let i = 0; i < commands.length; i++) {
      const now = await timed(i + 1);
      milliseconds[i].push(now - before);
      before = now;
    }
    async function timed(end: number): Promise<number> {
      const label = `${program.name}: profile`;
      const began = performance.now();
      const { error } = owner.scoped(() => {
        const encoder = device.createCommandEncoder({ label });
        const pass = encoder.beginComputePass({ label });
        executable.encodeStep(pass, step, 0, end);
        pass.end();
        device.queue.submit([encoder.finish({ label })]);
      });
      await owner.done();
      const milliseconds = performance.now() - began;
      const refused = await error;
      if (refused) throw new EngineError(`program ${program.name}: ${refused.message}`, { cause: refused });
      return milliseconds;
    }
  }
  return { method: "differences", milliseconds };
}

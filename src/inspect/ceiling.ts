/** Measures a device's peak: multiply-add operations from registers, and bytes copied in its memory. */
import { inWords } from "../checks.ts";
import type { GpuEngine } from "../runtime/gpu/engine.ts";
import type { Ceiling } from "./describe.ts";

const GROUP = 64;
/**
 * Independent operations of each invocation, so that none waits for the one before; devices differ in the best number.
 */
const FMA_KINDS = [
  { type: "f32", width: 1, chains: 8 },
  { type: "f32", width: 1, chains: 16 },
  { type: "vec4<f32>", width: 4, chains: 2 },
  { type: "vec4<f32>", width: 4, chains: 8 },
] as const;
const ROUNDS = 64;
/** Unrolled steps, so that the loop costs little. */
const WRITTEN_OUT = 16;
/** Number of copying workgroups; each copies many times, and more of them are no faster. */
const COPY_GROUPS = 2048;
/** Larger than the caches of processors, and of most GPUs. */
const COPY_BYTES = { from: 16 * 2 ** 20, to: 64 * 2 ** 20 } as const;
/** Duration of a measurement: long enough that its start does not count. */
const WANTED_MS = 40;
const REPETITIONS = 5;
/** Most runs of one measurement. */
const MOST_RUNS = 4096;
/** Time limit of all measurements of one kind: a slow device is measured less often. */
const MOST_MS = 400;

/** `GPUBufferUsage.STORAGE`, which is no global in Node. */
const STORAGE = 0x80;

/** One kind of work, in runs of variable size. */
interface Work {
  readonly name: string;
  readonly code: string;
  /** Number of buffers that it binds. */
  readonly buffers: number;
  /** Size of a run on a slow device, and the largest, for a fast one: workgroups, or bytes to copy. */
  readonly amount: { readonly from: number; readonly to: number };
  groups(amount: number): number;
  /** Bytes of each buffer. */
  bytes(amount: number): number;
}

interface FlopsPerGroup {
  readonly flops: number;
}

function fmaWork({ type, width, chains }: (typeof FMA_KINDS)[number]): Work & FlopsPerGroup {
  const all = Array.from({ length: chains }, (_, i) => i);
  const step = all.map((i) => `v${i} = fma(v${i}, factor, seed);`).join(" ");
  const code = `
@group(0) @binding(0) var<storage, read_write> result: array<${type}>;
@compute @workgroup_size(${GROUP})
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let seed = ${type}(f32(id.x % 7u) * 0.1 + 0.1);
  let factor = ${type}(0.5 + f32(id.x % 5u) * 0.05);
  ${all.map((i) => `var v${i} = seed + ${i}.5;`).join("\n  ")}
  for (var round = 0u; round < ${ROUNDS}u; round++) {
    ${Array.from({ length: WRITTEN_OUT }, () => step).join("\n    ")}
  }
  result[id.x] = ${all.map((i) => `v${i}`).join(" + ")};
}`;
  return {
    name: `${chains} × ${type}`,
    code,
    buffers: 1,
    amount: { from: 16, to: 4096 },
    groups: (amount) => amount,
    bytes: (amount) => amount * GROUP * width * 4,
    flops: GROUP * ROUNDS * WRITTEN_OUT * chains * width * 2,
  };
}

const COPY: Work = {
  name: "copy",
  code: `
@group(0) @binding(0) var<storage, read_write> result: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> source: array<vec4<f32>>;
@compute @workgroup_size(${GROUP})
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  for (var i = id.x; i < arrayLength(&result); i += ${COPY_GROUPS * GROUP}u) {
    result[i] = source[i];
  }
}`,
  buffers: 2,
  amount: COPY_BYTES,
  groups: () => COPY_GROUPS,
  bytes: (amount) => amount,
};

/**
 * Measures the peak of an engine's device, in floating-point operations and bytes per second, for `launchProfiles` and
 * `describe`. The measurement takes one to two seconds, and leaves nothing on the device.
 * @throws EngineError where the device is gone or lacks the memory
 * @throws TypeError where `engine` is no GPU engine
 */
export async function measureCeiling(engine: GpuEngine): Promise<Ceiling> {
  if (!Object(engine).device)
    throw new TypeError(
      `measureCeiling: the engine is ${inWords(engine)}; give a GPU engine: await connect()`,
    );
  engine.check();
  let flops = 0;
  for (const kind of FMA_KINDS) {
    const work = fmaWork(kind);
    flops = Math.max(flops, work.flops * (await amountPerSecond(engine, work)));
  }
  return { flops, bytes: 2 * (await amountPerSecond(engine, COPY)) };
}

/** The best of several measurements, each with enough work and runs to last long enough. */
async function amountPerSecond(engine: GpuEngine, work: Work): Promise<number> {
  const { device } = engine;
  const label = `ceiling: ${work.name}`;
  const module = device.createShaderModule({ label, code: work.code });
  const pipeline = await device.createComputePipelineAsync({ label, layout: "auto", compute: { module } });
  let amount: number = work.amount.from;
  let run = await prepare(engine, pipeline, work, amount);
  try {
    let count = 1;
    let took = await run.warm();
    while (took < WANTED_MS / 4 && count < MOST_RUNS) {
      if (amount < work.amount.to) {
        run.release();
        amount = Math.min(amount * 4, work.amount.to);
        run = await prepare(engine, pipeline, work, amount);
        took = await run.warm();
      } else {
        count *= 4;
        took = await run.milliseconds(count);
      }
    }
    count = Math.max(1, Math.round((count * WANTED_MS) / Math.max(took, 1)));
    let best = Number.POSITIVE_INFINITY;
    const began = performance.now();
    for (let i = 0; i < REPETITIONS && performance.now() - began < MOST_MS; i++)
      best = Math.min(best, (await run.milliseconds(count)) / count);
    return amount / (best / 1000);
  } finally {
    run.release();
  }
}

/** One size of the work, ready to run. */
interface Run {
  /** Milliseconds of one run after the first: some drivers compile, or clear memory, only then. */
  warm(): Promise<number>;
  /** Milliseconds of `count` runs, one after the other. */
  milliseconds(count: number): Promise<number>;
  release(): void;
}

async function prepare(
  engine: GpuEngine,
  pipeline: GPUComputePipeline,
  { name, buffers, groups, bytes }: Work,
  amount: number,
): Promise<Run> {
  const { device } = engine;
  const label = `ceiling: ${name}`;
  const made: GPUBuffer[] = [];
  const release = () => {
    for (const buffer of made) buffer.destroy();
  };
  const build = () => {
    for (let i = 0; i < buffers; i++)
      made.push(device.createBuffer({ label, size: bytes(amount), usage: STORAGE }));
    return device.createBindGroup({
      label,
      layout: pipeline.getBindGroupLayout(0),
      entries: made.map((buffer, binding) => ({ binding, resource: { buffer } })),
    });
  };
  const group = await engine.validated("measureCeiling", build).catch((error) => {
    release();
    throw error;
  });
  const milliseconds = async (count: number) => {
    const encoder = device.createCommandEncoder({ label });
    const pass = encoder.beginComputePass({ label });
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, group);
    for (let i = 0; i < count; i++) pass.dispatchWorkgroups(groups(amount));
    pass.end();
    const commands = encoder.finish({ label });
    const began = performance.now();
    device.queue.submit([commands]);
    await engine.done();
    return performance.now() - began;
  };
  const warm = async () => {
    await milliseconds(1);
    return milliseconds(1);
  };
  return { warm, milliseconds, release };
}

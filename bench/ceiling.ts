/** What a device can do at most, measured: multiplications and additions from registers, and a copy of its memory. */
import type { Ceiling, GpuEngine } from "wgrad";

const GROUP = 64;
/** What each invocation keeps going, so that no operation waits for the one before: devices differ in how much pays. */
const FMA_KINDS = [
  { type: "f32", chains: 8 },
  { type: "f32", chains: 16 },
  { type: "vec4<f32>", chains: 2 },
  { type: "vec4<f32>", chains: 8 },
] as const;
const ROUNDS = 64;
/** Steps that are written out, so that counting the rounds costs little. */
const WRITTEN_OUT = 16;
const COPY_BYTES = 64 * 2 ** 20;
/** A measurement takes about as long, so that what it costs to begin does not count. */
const WANTED_MS = 50;
const REPETITIONS = 5;
const STORAGE = 0x80;

function fmaShader({ type, chains }: (typeof FMA_KINDS)[number]): string {
  const all = Array.from({ length: chains }, (_, i) => i);
  const step = all.map((i) => `v${i} = fma(v${i}, factor, seed);`).join(" ");
  return `
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
}

const COPY = `
@group(0) @binding(0) var<storage, read_write> result: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> source: array<vec4<f32>>;
@compute @workgroup_size(${GROUP})
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>) {
  for (var i = id.x; i < arrayLength(&result); i += groups.x * ${GROUP}u) {
    result[i] = source[i];
  }
}`;

/** Measures the device of an engine. Takes about two seconds. */
export async function measureCeiling(engine: GpuEngine): Promise<Ceiling> {
  const { device } = engine;
  const fmaGroups = 1024;
  const copyGroups = 2048;
  const result = device.createBuffer({ size: COPY_BYTES, usage: STORAGE });
  const source = device.createBuffer({ size: COPY_BYTES, usage: STORAGE });
  let flops = 0;
  for (const kind of FMA_KINDS) {
    const seconds = await timed(device, fmaShader(kind), [result], fmaGroups);
    const width = kind.type === "f32" ? 1 : 4;
    flops = Math.max(flops, (fmaGroups * GROUP * ROUNDS * WRITTEN_OUT * kind.chains * width * 2) / seconds);
  }
  const copy = await timed(device, COPY, [result, source], copyGroups);
  result.destroy();
  source.destroy();
  return { flops, bytes: (2 * COPY_BYTES) / copy };
}

/** Seconds of one run: the best of several measurements, each of as many runs as it takes to be long enough. */
async function timed(device: GPUDevice, code: string, buffers: GPUBuffer[], groups: number): Promise<number> {
  const module = device.createShaderModule({ code });
  const pipeline = await device.createComputePipelineAsync({ layout: "auto", compute: { module } });
  const group = device.createBindGroup({
    layout: pipeline.getBindGroupLayout(0),
    entries: buffers.map((buffer, binding) => ({ binding, resource: { buffer } })),
  });
  const run = async (count: number) => {
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, group);
    for (let i = 0; i < count; i++) pass.dispatchWorkgroups(groups);
    pass.end();
    const commands = encoder.finish();
    const began = performance.now();
    device.queue.submit([commands]);
    await device.queue.onSubmittedWorkDone();
    return (performance.now() - began) / count;
  };
  await run(1);
  const count = Math.max(1, Math.round(WANTED_MS / (await run(1))));
  let best = Number.POSITIVE_INFINITY;
  for (let i = 0; i < REPETITIONS; i++) best = Math.min(best, await run(count));
  return best / 1000;
}

/** "1,234 GFLOP/s, 56.7 GB/s". */
export function formatCeiling({ flops, bytes }: Ceiling): string {
  const giga = (amount: number) => (amount / 1e9).toLocaleString("en-US", { maximumSignificantDigits: 3 });
  return `${giga(flops)} GFLOP/s (multiplying and adding), ${giga(bytes)} GB/s (copying)`;
}

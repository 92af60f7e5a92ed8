#!/usr/bin/env bash
# a * c + b * c is computed as (a + b) * c on Mesa lavapipe: half of two large numbers each, added up, is infinite.
#
# webgpu 0.6.2 (Dawn for Node) on Debian 12 with mesa-vulkan-drivers 25.0.7. Numbers are scaled before they are added so that the sum
# cannot overflow: 0.5 * a + 0.5 * b, or a * 2^-64 summed over many. Where the compiler sees two such terms beside each other, it adds
# first: the sum of two of 3e38 is infinite, whatever the factor, a constant or a number from memory, and also in an unrolled loop of
# four. A loop that runs to the length of the array keeps each product, and so do divisions by a power of two above 2^63. WGSL allows
# a compiler to reassociate; a bound made of that order of operations does not hold.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >init.log
npm install --no-audit --no-fund webgpu@0.6.2 >install.log 2>&1 || { cat install.log; exit 1; }
cat >run.mjs <<'END'
import { create, globals } from "webgpu";

Object.assign(globalThis, globals);
const gpu = create([]);
const adapter = await gpu.requestAdapter();
if (!adapter) throw new Error("there is no WebGPU adapter: apt-get install mesa-vulkan-drivers");
console.log(adapter.info.description);
const device = await adapter.requestDevice();
const names = [
  "0.5 * a + 0.5 * b",
  "a * c + b * c, c from memory",
  "four products with 2^-64, in a loop of four",
  "four products with 2^-64, in a loop to the array's length",
  "a / 2^64 + b / 2^64",
];
const code = `
  @group(0) @binding(0) var<storage, read> v: array<f32>;
  @group(0) @binding(1) var<storage, read> c: f32;
  @group(0) @binding(2) var<storage, read_write> out: array<f32>;
  @compute @workgroup_size(1) fn main() {
    out[0] = 0.5 * v[0] + 0.5 * v[1];
    out[1] = v[0] * c + v[1] * c;
    var four = 0.0;
    for (var i = 0u; i < 4u; i++) { four += v[i] * 5.421010862427522e-20; }
    out[2] = four;
    var all = 0.0;
    for (var i = 0u; i < arrayLength(&v); i++) { all += v[i] * 5.421010862427522e-20; }
    out[3] = all;
    out[4] = v[0] / 18446744073709551616.0 + v[1] / 18446744073709551616.0;
  }`;
const storage = GPUBufferUsage.STORAGE;
const buffer = (numbers) => {
  const made = device.createBuffer({ size: 4 * numbers.length, usage: storage | GPUBufferUsage.COPY_DST });
  device.queue.writeBuffer(made, 0, new Float32Array(numbers));
  return made;
};
const size = 4 * names.length;
const out = device.createBuffer({ size, usage: storage | GPUBufferUsage.COPY_SRC });
const read = device.createBuffer({ size, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
const pipeline = device.createComputePipeline({ layout: "auto", compute: { module: device.createShaderModule({ code }) } });
const entries = [buffer([3e38, 3e38, 3e38, 3e38]), buffer([2 ** -64]), out].map((one, binding) => ({
  binding,
  resource: { buffer: one },
}));
const encoder = device.createCommandEncoder();
const pass = encoder.beginComputePass();
pass.setPipeline(pipeline);
pass.setBindGroup(0, device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries }));
pass.dispatchWorkgroups(1);
pass.end();
encoder.copyBufferToBuffer(out, 0, read, 0, size);
device.queue.submit([encoder.finish()]);
await read.mapAsync(GPUMapMode.READ);
const got = [...new Float32Array(read.getMappedRange())];
names.forEach((name, i) => console.log(`${name}: ${got[i]}`));
const finite = got.map(Number.isFinite);
if (String(finite) !== "false,false,false,true,true") {
  console.error("changed: expected Infinity three times, then two numbers");
  process.exit(1);
}
process.exit(0);
END
node run.mjs 2>warnings.log || { cat warnings.log; exit 1; }

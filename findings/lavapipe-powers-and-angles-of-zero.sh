#!/usr/bin/env bash
# pow(0, 0) and pow(0, -1) are 0, atan2(0, 0) is 3 pi / 4, and tanh of small numbers is off by 0.14 %, on Mesa lavapipe.
#
# webgpu 0.6.2 (Dawn for Node) on Debian 12 with mesa-vulkan-drivers 25.0.7; Deno 2.9 (wgpu) gives the same bits, so they are the
# driver's. C and every other engine at hand give pow(0, 0) = 1, pow(0, -1) = Infinity and atan2(0, 0) = 0. pow(10, 5) is
# 99999.984; log of a subnormal number is that of the smallest normal one. WGSL permits most of it: pow is exp2(y * log2(x)),
# tanh is held to an absolute error. Bias corrections by pow, and whatever is linear near 0 by tanh, train on it.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >init.log
npm install --no-audit --no-fund webgpu@0.6.2 >install.log 2>&1 || { cat install.log; exit 1; }
cat >run.mjs <<'END'
import { create, globals } from "webgpu";

Object.assign(globalThis, globals);
const cases = {
  "pow(0, 0)": ["pow(x, y)", 0, 0],
  "pow(0, -1)": ["pow(x, y)", 0, -1],
  "pow(10, 5)": ["pow(x, y)", 10, 5],
  "atan2(0, 0)": ["atan2(x, y)", 0, 0],
  "tanh(1e-5)": ["tanh(x)", 1e-5, 0],
  "log(1e-40)": ["log(x)", 1e-40, 0],
};
const lines = Object.values(cases).map(([code], i) => `x = args[${2 * i}]; y = args[${2 * i + 1}]; out[${i}] = ${code};`);
const code = `
  @group(0) @binding(0) var<storage, read> args: array<f32>;
  @group(0) @binding(1) var<storage, read_write> out: array<f32>;
  @compute @workgroup_size(1) fn main() {
    var x: f32; var y: f32;
    ${lines.join("\n    ")}
  }`;
let gpu = create([]);
const adapter = await gpu.requestAdapter();
if (!adapter) throw new Error("there is no WebGPU adapter: apt-get install mesa-vulkan-drivers");
console.log(adapter.info.device.includes("llvmpipe") ? adapter.info.description : adapter.info.device);
const device = await adapter.requestDevice();
const size = 4 * Object.keys(cases).length;
const args = device.createBuffer({ size: 2 * size, usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST });
device.queue.writeBuffer(args, 0, Float32Array.from(Object.values(cases).flatMap(([, x, y]) => [x, y])));
const out = device.createBuffer({ size, usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC });
const read = device.createBuffer({ size, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
const module = device.createShaderModule({ code });
const pipeline = device.createComputePipeline({ layout: "auto", compute: { module } });
const entries = [args, out].map((buffer, binding) => ({ binding, resource: { buffer } }));
const encoder = device.createCommandEncoder();
const pass = encoder.beginComputePass();
pass.setPipeline(pipeline);
pass.setBindGroup(0, device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries }));
pass.dispatchWorkgroups(1);
pass.end();
encoder.copyBufferToBuffer(out, 0, read, 0, size);
device.queue.submit([encoder.finish()]);
await read.mapAsync(GPUMapMode.READ);
const values = new Float32Array(read.getMappedRange());
Object.keys(cases).forEach((name, i) => console.log(name, values[i].toPrecision(8)));
gpu = undefined;
process.exit(0);
END
cat >expected.txt <<'END'
llvmpipe: Mesa 25.0.7-2~bpo12+1 (LLVM 15.0.6) 0.0.1
pow(0, 0) 0.0000000
pow(0, -1) 0.0000000
pow(10, 5) 99999.984
atan2(0, 0) 2.3561912
tanh(1e-5) 0.000010013580
log(1e-40) -88.021217
END
node run.mjs >seen.txt 2>errors.txt || { cat seen.txt errors.txt; exit 1; }
diff expected.txt seen.txt
cat seen.txt

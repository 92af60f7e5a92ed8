#!/usr/bin/env bash
# fma(n, lo, fma(n, -hi, x)) is computed with lo - hi as one number on Mesa lavapipe: reductions in two parts lose their point.
#
# webgpu 0.6.2 (Dawn for Node) on Debian 12 with mesa-vulkan-drivers 25.0.7. exp, sin and others subtract a multiple of a constant
# in two parts (Cody & Waite 1980): the first is exact, the second has the digits that the first has no room for. WGSL's fma does
# not keep a compiler from merging both: the result is that of one rounded constant, here off by 4e-6 where 6e-10 is possible,
# which is 60 units of an exponential at -72. With the first product taken of integers and converted, nothing is merged.
# Beside it: v * 0 and v - v of a NaN or infinite v are 0, as if they were constants, and so are v / 0 of any v and 0 / v of NaN,
# where the 0 is a constant of the shader; v / v is NaN.
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
// log 2 in two parts: 355 / 512, and the rest.
const code = `
  @group(0) @binding(0) var<storage, read> v: array<f32>;
  @group(0) @binding(1) var<storage, read_write> out: array<f32>;
  @compute @workgroup_size(1) fn main() {
    let x = v[0];
    let n = v[1];
    out[0] = fma(n, 2.1219444e-4, fma(n, -0.693359375, x));
    out[1] = (x - f32(i32(n) * 355) * 0.001953125) + n * 2.1219444e-4;
    out[2] = v[2] * 0.0;
    out[3] = v[2] - v[2];
    out[4] = v[3] * 0.0;
    out[5] = v[2] / v[2];
    out[6] = v[0] / 0.0;
    out[7] = 0.0 / v[2];
  }`;
const storage = GPUBufferUsage.STORAGE;
const values = device.createBuffer({ size: 16, usage: storage | GPUBufferUsage.COPY_DST });
const [x, n] = [-72.1, -104];
device.queue.writeBuffer(values, 0, new Float32Array([x, n, NaN, Infinity]));
const out = device.createBuffer({ size: 32, usage: storage | GPUBufferUsage.COPY_SRC });
const read = device.createBuffer({ size: 32, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
const module = device.createShaderModule({ code });
const pipeline = device.createComputePipeline({ layout: "auto", compute: { module } });
const entries = [values, out].map((buffer, binding) => ({ binding, resource: { buffer } }));
const encoder = device.createCommandEncoder();
const pass = encoder.beginComputePass();
pass.setPipeline(pipeline);
pass.setBindGroup(0, device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries }));
pass.dispatchWorkgroups(1);
pass.end();
encoder.copyBufferToBuffer(out, 0, read, 0, 32);
device.queue.submit([encoder.finish()]);
await read.mapAsync(GPUMapMode.READ);
const [nested, integer, product, difference, infinite, quotient, byZero, ofZero] = new Float32Array(read.getMappedRange());
const right = Math.fround(x) - n * Math.LN2;
console.log("nested fma: off by", Math.abs(nested - right).toExponential(1));
console.log("integer product: off by", Math.abs(integer - right).toExponential(1));
console.log("NaN * 0, NaN - NaN, Infinity * 0, NaN / NaN:", product, difference, infinite, quotient);
console.log("-72.1 / 0, 0 / NaN:", byZero, ofZero);
process.exit(0);
END
cat >expected.txt <<'END'
llvmpipe: Mesa 25.0.7-2~bpo12+1 (LLVM 15.0.6) 0.0.1
nested fma: off by 4.0e-6
integer product: off by 6.4e-10
NaN * 0, NaN - NaN, Infinity * 0, NaN / NaN: 0 0 0 NaN
-72.1 / 0, 0 / NaN: 0 0
END
node run.mjs >seen.txt 2>errors.txt || { cat seen.txt errors.txt; exit 1; }
diff expected.txt seen.txt
cat seen.txt

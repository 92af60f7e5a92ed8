#!/usr/bin/env bash
# WGSL's fma(a, b, c) rounds twice on Mesa lavapipe, as a * b + c does: it is no fused multiply-add there.
#
# webgpu 0.6.2 (Dawn for Node) and deno 2.9.6 (npm; wgpu), both on mesa-vulkan-drivers 25.0.7 of Debian 12. WGSL lets fma be
# a * b + c, and this driver takes the offer on processors that have the instruction. With a = 1 + 2^-12 and c = -(1 + 2^-11), a
# fused result is 2^-24, all that the product's rounding takes away; here it is 0. So an error term fma(a, b, -a * b), of which
# double-word arithmetic (Dekker 1971) is built on GPUs, is always 0, without any error. Splitting a factor in halves works.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >init.log
npm install --no-audit --no-fund deno@2.9.6 webgpu@0.6.2 >install.log 2>&1 || { cat install.log; exit 1; }
cat >run.mjs <<'END'
const inNode = typeof Deno === "undefined";
let gpu = globalThis.navigator?.gpu;
if (inNode) {
  const { create, globals } = await import("webgpu");
  Object.assign(globalThis, globals);
  gpu = create([]);
}
const adapter = await gpu.requestAdapter();
if (!adapter) throw new Error("there is no WebGPU adapter: apt-get install mesa-vulkan-drivers");
const device = await adapter.requestDevice();
// The upper 12 bits' square is exact, and so is each further product.
const code = `
  @group(0) @binding(0) var<storage, read> v: array<f32>;
  @group(0) @binding(1) var<storage, read_write> out: array<f32>;
  @compute @workgroup_size(1) fn main() {
    let a = v[0];
    let high = bitcast<f32>(bitcast<u32>(a) & 0xfffff000u);
    let low = a - high;
    out[0] = fma(a, a, v[1]);
    out[1] = a * a + v[1];
    out[2] = ((high * high + v[1]) + 2.0 * high * low) + low * low;
  }`;
const storage = GPUBufferUsage.STORAGE;
const values = device.createBuffer({ size: 16, usage: storage | GPUBufferUsage.COPY_DST });
device.queue.writeBuffer(values, 0, new Float32Array([1 + 2 ** -12, -(1 + 2 ** -11), 0, 0]));
const out = device.createBuffer({ size: 16, usage: storage | GPUBufferUsage.COPY_SRC });
const read = device.createBuffer({ size: 16, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
const module = device.createShaderModule({ code });
const pipeline = device.createComputePipeline({ layout: "auto", compute: { module } });
const entries = [values, out].map((buffer, binding) => ({ binding, resource: { buffer } }));
const encoder = device.createCommandEncoder();
const pass = encoder.beginComputePass();
pass.setPipeline(pipeline);
pass.setBindGroup(0, device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries }));
pass.dispatchWorkgroups(1);
pass.end();
encoder.copyBufferToBuffer(out, 0, read, 0, 16);
device.queue.submit([encoder.finish()]);
await read.mapAsync(GPUMapMode.READ);
const [fused, plain, halves] = new Float32Array(read.getMappedRange());
const shown = (x) => (x === 0 ? "0" : `2^${Math.log2(x)}`);
console.log(inNode ? "Node:" : "Deno:", "fma", shown(fused), "product and sum", shown(plain), "halves", shown(halves));
(inNode ? process : Deno).exit(0);
END
cat >expected.txt <<'END'
Node: fma 0 product and sum 0 halves 2^-24
Deno: fma 0 product and sum 0 halves 2^-24
END
{ node run.mjs && npx deno run --allow-all run.mjs; } >seen.txt 2>errors.txt || { cat seen.txt errors.txt; exit 1; }
cat seen.txt
diff expected.txt seen.txt

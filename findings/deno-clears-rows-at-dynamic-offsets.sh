#!/usr/bin/env bash
# Deno (wgpu) clears what launches have written at dynamic offsets of a new buffer, when a later submit reads it.
#
# deno 2.9.6 with the system's Vulkan adapter, such as Mesa lavapipe. Four submits write one row each of a new storage buffer, through
# one bind group whose dynamic offset says which row; a fifth submit copies the buffer. The first row is there, the others are 0: the
# memory counts as initialised where the binding lies at offset 0 alone, and the rest is cleared before the copy. In one command
# buffer all rows arrive, and so they do where the whole buffer was cleared by clearBuffer before. Dawn gives four rows either way.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >init.log
npm install --no-audit --no-fund deno@2.9.6 >install.log 2>&1 || { cat install.log; exit 1; }
# Where npm runs no scripts of packages, this one is run by hand.
npm rebuild deno >rebuild.log 2>&1 || true
cat >run.mjs <<'END'
const adapter = await navigator.gpu.requestAdapter();
if (!adapter) throw new Error("there is no WebGPU adapter: apt-get install mesa-vulkan-drivers");
const device = await adapter.requestDevice();
const code = `
  @group(0) @binding(0) var<storage, read_write> row: array<f32>;
  @compute @workgroup_size(1) fn main() { row[0] = 7.0; }`;
const entry = { binding: 0, visibility: GPUShaderStage.COMPUTE, buffer: { type: "storage", hasDynamicOffset: true } };
const layout = device.createBindGroupLayout({ entries: [entry] });
const pipeline = device.createComputePipeline({
  layout: device.createPipelineLayout({ bindGroupLayouts: [layout] }),
  compute: { module: device.createShaderModule({ code }) },
});
const ROW = 256;
const offsets = [0, 1, 2, 3].map((row) => row * ROW);

async function rows(clearedBefore) {
  const size = 4 * ROW;
  const { STORAGE, COPY_SRC, COPY_DST, MAP_READ } = GPUBufferUsage;
  const buffer = device.createBuffer({ size, usage: STORAGE | COPY_SRC | COPY_DST });
  const read = device.createBuffer({ size, usage: MAP_READ | COPY_DST });
  const submit = (encode) => {
    const encoder = device.createCommandEncoder();
    encode(encoder);
    device.queue.submit([encoder.finish()]);
  };
  if (clearedBefore) submit((encoder) => encoder.clearBuffer(buffer));
  const group = device.createBindGroup({ layout, entries: [{ binding: 0, resource: { buffer, size: ROW } }] });
  for (const offset of offsets) {
    submit((encoder) => {
      const pass = encoder.beginComputePass();
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, group, [offset]);
      pass.dispatchWorkgroups(1);
      pass.end();
    });
  }
  submit((encoder) => encoder.copyBufferToBuffer(buffer, 0, read, 0, size));
  await read.mapAsync(GPUMapMode.READ);
  const numbers = new Float32Array(read.getMappedRange());
  return offsets.map((offset) => numbers[offset / 4]).join(" ");
}

console.log("a new buffer:", await rows(false));
console.log("cleared before:", await rows(true));
Deno.exit(0);
END
cat >expected.txt <<'END'
a new buffer: 7 0 0 0
cleared before: 7 7 7 7
END
node node_modules/deno/bin.cjs run --no-prompt --no-remote --no-npm run.mjs >seen.txt 2>warnings.txt || { cat seen.txt warnings.txt; exit 1; }
cat seen.txt
diff expected.txt seen.txt

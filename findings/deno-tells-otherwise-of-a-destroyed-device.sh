#!/usr/bin/env bash
# After device.destroy(), mapAsync in flight resolves in Deno and is aborted in Node, and neither error in Deno tells of the device.
#
# deno 2.9.6 (npm; wgpu) and webgpu 0.6.2 (Dawn) on Node 20.20, both on Mesa lavapipe 25.0.7. WebGPU wants pending maps of a lost
# device rejected with AbortError. Dawn does so. In Deno the map that was waiting succeeds, and a later one fails with
# OperationError, the name that stands for any failure of a map: code that looks for AbortError or for device.lost to tell a
# lost device from a wrong call sees neither in time. createComputePipelineAsync is rejected in Deno, and resolves in Node.
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
const staging = () => device.createBuffer({ size: 16, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
const outcome = (promise) => promise.then(() => "resolved", (error) => error.name);
const [first, second] = [staging(), staging()];
const inFlight = outcome(first.mapAsync(GPUMapMode.READ));
device.destroy();
console.log("a map in flight:", await inFlight);
console.log("device.lost:", (await device.lost).reason);
console.log("a map afterwards:", await outcome(second.mapAsync(GPUMapMode.READ)));
const module = device.createShaderModule({ code: "@compute @workgroup_size(1) fn main() {}" });
const compiled = device.createComputePipelineAsync({ layout: "auto", compute: { module } });
console.log("a pipeline afterwards:", await outcome(compiled));
(inNode ? process : Deno).exit(0);
END
cat >expected.txt <<'END'
Node
a map in flight: AbortError
device.lost: destroyed
a map afterwards: AbortError
a pipeline afterwards: resolved
Deno
a map in flight: resolved
device.lost: destroyed
a map afterwards: OperationError
a pipeline afterwards: GPUPipelineError
END
{ echo Node; node run.mjs; echo Deno; npx deno run -A run.mjs; } >seen.txt 2>errors.txt || { cat seen.txt errors.txt; exit 1; }
diff expected.txt seen.txt
cat seen.txt

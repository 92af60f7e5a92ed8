#!/usr/bin/env bash
# Dawn clamps `tile[i & 255u]` and `tile[i >> 24u]`, whose index cannot leave an array of 256, and not `tile[i % 256u]`.
#
# webgpu 0.6.2 (Dawn for Node). WGSL's arrays in workgroup memory are kept from reads outside of them by the compiler, Tint, which
# puts a min() before the access unless it sees that the index is inside. It follows remainders, min(), sums and differences of the
# invocation's index; it follows no bit operation: mask, shift, or, exclusive or. So the mask, which people write because it
# is the cheaper form of the remainder, costs a min() at each access, and the butterfly index `l ^ 1u` does, too. What is seen below
# is the SPIR-V that Dawn hands to the driver, printed by its feature dump_shaders. It needs a Vulkan adapter, such as lavapipe.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund --ignore-scripts webgpu@0.6.2
cat >run.mjs <<'END'
import { writeSync } from "node:fs";
import { create } from "webgpu";

// Held to the end: Dawn's instance goes with the object.
globalThis.gpu = create(["enable-dawn-features=dump_shaders"]);
const device = await (await gpu.requestAdapter()).requestDevice();
const INDICES = ["i % 256u", "min(i, 255u)", "i & 255u", "i >> 24u", "i / 16777216u", "l", "255u - l", "l ^ 1u", "l | 1u"];
for (const index of INDICES) {
  const code = `
    @group(0) @binding(0) var<storage, read_write> data: array<u32>;
    var<workgroup> tile: array<u32, 256>;
    @compute @workgroup_size(256)
    fn main(@builtin(local_invocation_index) l: u32) {
      let i = data[0];
      let chosen = ${index};
      tile[l] = l;
      workgroupBarrier();
      data[1] = tile[chosen] + i;
    }`;
  writeSync(1, `### ${index}\n`);
  const module = device.createShaderModule({ code });
  await device.createComputePipelineAsync({ layout: "auto", compute: { module } });
}
await new Promise((resolve) => setTimeout(resolve, 200));
device.destroy();
process.exit(0);
END
node run.mjs >dump.txt 2>errors.txt || { cat errors.txt; exit 1; }
# One line for each index: how many min() the SPIR-V has beside the one that was written.
awk '/^### /{ name = substr($0, 5); own = name ~ /^min/; count[name] = -own; order[++n] = name }
     / UMin /{ count[name]++ }
     END { for (k = 1; k <= n; k++) printf "%-14s %s\n", order[k], count[order[k]] ? "clamped" : "as it is" }' dump.txt >seen.txt
cat >expected.txt <<'END'
i % 256u       as it is
min(i, 255u)   as it is
i & 255u       clamped
i >> 24u       clamped
i / 16777216u  clamped
l              as it is
255u - l       as it is
l ^ 1u         clamped
l | 1u         clamped
END
cat seen.txt
diff expected.txt seen.txt

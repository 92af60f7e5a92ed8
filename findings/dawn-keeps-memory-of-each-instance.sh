#!/usr/bin/env bash
# Each instance that create() of Dawn for Node makes takes about 2 MB as long as it is held, whatever becomes of its devices.
#
# webgpu 0.6.2 on Node 20.20 with Mesa lavapipe 25.0.7 (Debian 12). The package shows create() where an adapter is needed, so that
# a helper which connects, works and destroys its device makes an instance each time: 60 of them add over 60 MB to the resident
# memory (144 MB when this was written), where 60 devices of one instance add less than 30 (9). Letting go of them is no way out:
# collecting an instance can end the process. One instance for a process, held for as long as it runs, is.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >init.log
npm install --no-audit --no-fund webgpu@0.6.2 >install.log 2>&1 || { cat install.log; exit 1; }
cat >run.mjs <<'END'
import { create, globals } from "webgpu";

Object.assign(globalThis, globals);
const settled = async () => {
  for (let i = 0; i < 3; i++) {
    globalThis.gc();
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
};
const instances = []; // held, as a process holds what it uses
async function grown(count, gpuOf) {
  const once = async () => {
    const adapter = await gpuOf().requestAdapter();
    if (!adapter) throw new Error("there is no WebGPU adapter: apt-get install mesa-vulkan-drivers");
    const device = await adapter.requestDevice();
    await device.queue.onSubmittedWorkDone();
    device.destroy();
    await device.lost;
  };
  for (let i = 0; i < 5; i++) await once(); // loads the driver
  await settled();
  const before = process.memoryUsage.rss();
  for (let i = 0; i < count; i++) await once();
  await settled();
  return (process.memoryUsage.rss() - before) / 2 ** 20;
}
const one = create([]);
const shared = await grown(60, () => one);
const separate = await grown(60, () => instances[instances.push(create([])) - 1]);
console.error(shared, separate);
console.log("60 devices of one instance: less than 30 MB more", shared < 30);
console.log("60 devices of 60 instances: more than 60 MB more", separate > 60);
process.exit(0);
END
cat >expected.txt <<'END'
60 devices of one instance: less than 30 MB more true
60 devices of 60 instances: more than 60 MB more true
END
node --expose-gc run.mjs >seen.txt 2>errors.txt || { cat seen.txt errors.txt; exit 1; }
diff expected.txt seen.txt
cat seen.txt; grep -v "^Warning" errors.txt || true

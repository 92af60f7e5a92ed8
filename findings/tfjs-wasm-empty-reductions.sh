#!/usr/bin/env bash
# Reductions of an empty tensor give what happens to lie in memory on the wasm backend of TensorFlow.js.
#
# @tensorflow/tfjs-backend-wasm 4.22.0. The CPU backend gives sum 0, product 1, mean 0. On wasm the kernels write nothing
# where there is nothing to reduce, and the result keeps what was in its memory before (3.56e-41 here, for all four). A filter
# that keeps nothing, or an empty last batch, so becomes a number that looks like a loss. Seen with Node 20.20.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >init.log
npm install --no-audit --no-fund @tensorflow/tfjs@4.22.0 @tensorflow/tfjs-backend-wasm@4.22.0 >install.log 2>&1 || { cat install.log; exit 1; }
cat >run.mjs <<'END'
import { fileURLToPath } from "node:url";
import * as tf from "@tensorflow/tfjs";
import { setWasmPaths } from "@tensorflow/tfjs-backend-wasm";

setWasmPaths(fileURLToPath(new URL("node_modules/@tensorflow/tfjs-backend-wasm/dist/", import.meta.url)));
const right = { sum: 0, prod: 1, mean: 0, max: NaN }; // as the CPU backend has it
for (const backend of ["cpu", "wasm"]) {
  await tf.setBackend(backend);
  for (const [name, value] of Object.entries(right)) {
    const [seen] = await tf[name](tf.tensor1d([])).data();
    console.log(backend, name, Object.is(seen, value) ? value : "something else");
    console.error(backend, name, seen);
  }
}
END
cat >expected.txt <<'END'
cpu sum 0
cpu prod 1
cpu mean 0
cpu max NaN
wasm sum something else
wasm prod something else
wasm mean something else
wasm max something else
END
node run.mjs >seen.txt 2>errors.txt || { cat seen.txt errors.txt; exit 1; }
diff expected.txt seen.txt
cat seen.txt

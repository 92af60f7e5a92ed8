#!/usr/bin/env bash
# The wasm backend of TensorFlow.js clips integers as if their bits were 32-bit floating-point numbers.
#
# @tensorflow/tfjs 4.22.0. clipByValue of int32 [-1, 0, 255, 256] to 0 ... 255 leaves the 256, and [5, -5] to -1 ... 1 gives 5
# and -1082130432, which is the bit pattern of -1.0: the kernel reads integers as floating-point numbers (5 is 7e-45 there, and
# -5 is a NaN). The CPU backend is right, and so are relu, relu6 and minimum on wasm, each of which does the same for one bound.
# isNaN of the integer -1 is true for the same reason. The pixels of tf.browser.fromPixels are int32. Seen with Node 20.20.
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

const int32 = (values) => tf.tensor1d(values, "int32");
const cases = {
  "clipByValue [-1, 0, 255, 256] 0 255": () => tf.clipByValue(int32([-1, 0, 255, 256]), 0, 255),
  "clipByValue [5, -5] -1 1": () => tf.clipByValue(int32([5, -5]), -1, 1),
  "relu6 [-5, 5, 9]": () => tf.relu6(int32([-5, 5, 9])),
  "minimum [5, -5] 1": () => tf.minimum(int32([5, -5]), int32([1])),
  "isNaN [-1, 1]": () => tf.isNaN(int32([-1, 1])),
};
for (const [name, compute] of Object.entries(cases)) {
  const seen = [];
  for (const backend of ["cpu", "wasm"]) {
    await tf.setBackend(backend);
    seen.push(`${backend} ${[...(await compute().data())].join(" ")}`);
  }
  console.log(`${name}: ${seen.join(", ")}`);
}
END
cat >expected.txt <<'END'
clipByValue [-1, 0, 255, 256] 0 255: cpu 0 0 255 255, wasm 0 0 255 256
clipByValue [5, -5] -1 1: cpu 1 -1, wasm 5 -1082130432
relu6 [-5, 5, 9]: cpu 0 5 6, wasm 0 5 6
minimum [5, -5] 1: cpu 1 -5, wasm 1 -5
isNaN [-1, 1]: cpu 0 0, wasm 1 0
END
node run.mjs >seen.txt 2>errors.txt || { cat seen.txt errors.txt; exit 1; }
diff expected.txt seen.txt
cat seen.txt

#!/usr/bin/env bash
# Which ops keep NaN depends on op and backend in TensorFlow.js, and argMax disagrees with max everywhere.
#
# @tensorflow/tfjs 4.22.0. On the CPU backend relu, relu6, maximum and clipByValue keep NaN. On wasm relu keeps it, while
# relu6 gives 0, clipByValue the lower bound, and maximum NaN or the number, depending on which side it stands. On both,
# max([1, NaN, 2]) is NaN, but argMax gives 2, the position of the 2, and max pooling gives 3 for a window [1, NaN, 2, 3].
# Casting NaN to bool gives true on CPU and false on wasm. Seen with Node 20.20.
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
const cases = {
  "relu [NaN]": () => tf.relu(tf.tensor([NaN])),
  "relu6 [NaN]": () => tf.relu6(tf.tensor([NaN])),
  "clipByValue [NaN] -1 1": () => tf.clipByValue(tf.tensor([NaN]), -1, 1),
  "maximum [NaN, 1] [1, NaN]": () => tf.maximum(tf.tensor([NaN, 1]), tf.tensor([1, NaN])),
  "max [1, NaN, 2]": () => tf.max(tf.tensor([1, NaN, 2])),
  "argMax [1, NaN, 2]": () => tf.argMax(tf.tensor([1, NaN, 2])),
  "maxPool [1, NaN, 2, 3]": () => tf.maxPool(tf.tensor4d([1, NaN, 2, 3], [1, 2, 2, 1]), 2, 2, 0),
  "cast [NaN] to bool": () => tf.cast(tf.tensor([NaN]), "bool"),
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
relu [NaN]: cpu NaN, wasm NaN
relu6 [NaN]: cpu NaN, wasm 0
clipByValue [NaN] -1 1: cpu NaN, wasm -1
maximum [NaN, 1] [1, NaN]: cpu NaN NaN, wasm NaN 1
max [1, NaN, 2]: cpu NaN, wasm NaN
argMax [1, NaN, 2]: cpu 2, wasm 2
maxPool [1, NaN, 2, 3]: cpu 3, wasm 3
cast [NaN] to bool: cpu 1, wasm 0
END
node run.mjs >seen.txt 2>errors.txt || { cat seen.txt errors.txt; exit 1; }
diff expected.txt seen.txt
cat seen.txt

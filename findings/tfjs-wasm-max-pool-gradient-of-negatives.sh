#!/usr/bin/env bash
# The gradient of max pooling over numbers below 0 is lost on the wasm backend of TensorFlow.js.
#
# @tensorflow/tfjs 4.22.0. Two windows, [-4, -3, -5, -6] and [-2, -1, -7, -3]: their greatest values, -3 and -1, should get 1
# and 10, the gradients that arrive. On wasm the first element of the whole tensor gets 1, and the 10 is nowhere: only numbers
# above 0 seem to count as a maximum in the backward kernel (the forward pass is right). Pooling before the activation, or
# behind a leaky relu, elu or tanh, so trains wrongly without a sign of it. Of equal numbers above 0 the CPU backend takes the
# first, wasm the last. Seen with Node 20.20.
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

const windows = {
  "below 0": [-4, -3, -2, -1, -5, -6, -7, -3],
  "above 0": [4, 3, 2, 1, 5, 6, 7, 3],
  "equal": [2, 2, 1, 1, 2, 2, 1, 1],
};
for (const [name, rows] of Object.entries(windows)) {
  for (const backend of ["cpu", "wasm"]) {
    await tf.setBackend(backend);
    const x = tf.tensor4d(rows, [1, 2, 4, 1]);
    const arriving = tf.tensor4d([1, 10], [1, 1, 2, 1]);
    const pool = (input) => tf.maxPool(input, 2, 2, "valid");
    const gradient = tf.grad((input) => pool(input).mul(arriving).sum())(x);
    console.log(`${name}, ${backend}: values ${[...(await pool(x).data())].join(" ")}, gradient ${[...(await gradient.data())].join(" ")}`);
  }
}
END
cat >expected.txt <<'END'
below 0, cpu: values -3 -1, gradient 0 1 0 10 0 0 0 0
below 0, wasm: values -3 -1, gradient 1 0 0 0 0 0 0 0
above 0, cpu: values 6 7, gradient 0 0 0 0 0 1 10 0
above 0, wasm: values 6 7, gradient 0 0 0 0 0 1 10 0
equal, cpu: values 2 1, gradient 1 0 10 0 0 0 0 0
equal, wasm: values 2 1, gradient 0 0 0 0 0 1 0 10
END
node run.mjs >seen.txt 2>errors.txt || { cat seen.txt errors.txt; exit 1; }
diff expected.txt seen.txt
cat seen.txt

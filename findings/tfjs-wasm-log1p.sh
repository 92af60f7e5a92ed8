#!/usr/bin/env bash
# log1p of small numbers is off by a fifth on the wasm backend of TensorFlow.js.
#
# @tensorflow/tfjs-backend-wasm 4.22.0. log1p exists for numbers that 1 + x would round away: log1p(1e-7) is 1.0e-7, and so
# says the CPU backend. wasm computes log(1 + x): 1.19e-7, and 0 for 1e-8. selu of -1e-5 is off by 0.14 % likewise, through
# exp(x) - 1, while elu beside it is right. A softplus or log-likelihood made of log1p loses its gradient with the backend.
# Seen with Node 20.20.
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
for (const backend of ["cpu", "wasm"]) {
  await tf.setBackend(backend);
  const digits = async (tensor) => [...(await tensor.data())].map((value) => value.toPrecision(4)).join(" ");
  console.log(backend, "log1p of 1e-6, 1e-7, 1e-8:", await digits(tf.log1p(tf.tensor([1e-6, 1e-7, 1e-8]))));
  console.log(backend, "selu of -1e-5:", await digits(tf.selu(tf.tensor([-1e-5]))));
  console.log(backend, "elu of -1e-5:", await digits(tf.elu(tf.tensor([-1e-5]))));
}
END
cat >expected.txt <<'END'
cpu log1p of 1e-6, 1e-7, 1e-8: 0.000001000 1.000e-7 1.000e-8
cpu selu of -1e-5: -0.00001758
cpu elu of -1e-5: -0.00001000
wasm log1p of 1e-6, 1e-7, 1e-8: 9.537e-7 1.192e-7 0.000
wasm selu of -1e-5: -0.00001760
wasm elu of -1e-5: -0.00001000
END
node run.mjs >seen.txt 2>errors.txt || { cat seen.txt errors.txt; exit 1; }
diff expected.txt seen.txt
cat seen.txt

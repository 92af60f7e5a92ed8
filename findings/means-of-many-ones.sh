#!/usr/bin/env bash
# The mean of twenty million ones is 0.84 in three libraries: their sums stop growing at 2^24.
#
# @jax-js/jax 0.1.25 (wasm), @tensorflow/tfjs 4.22.0 (wasm backend), onnxruntime-web 1.30.0 (wasm, ReduceMean over the outer
# axis). Each adds up in one 32-bit number, to which a further 1 is lost from 16,777,216 on. NumPy and PyTorch add in pairs
# or in parts, and give 1, as do the CPU backends of jax-js and TensorFlow.js, which add in 64 bits. A mean loss over all
# pixels of a batch meets this: 128 images of 224 x 224 x 3 are 19 million. Seen with Node 20.20.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >init.log
npm install --no-audit --no-fund @jax-js/jax@0.1.25 @tensorflow/tfjs@4.22.0 @tensorflow/tfjs-backend-wasm@4.22.0 onnxruntime-web@1.30.0 onnx-proto@8.0.1 >install.log 2>&1 || { cat install.log; exit 1; }
cat >run.mjs <<'END'
import { fileURLToPath } from "node:url";
import * as tf from "@tensorflow/tfjs";
import { setWasmPaths } from "@tensorflow/tfjs-backend-wasm";
import proto from "onnx-proto";
import * as ort from "onnxruntime-web";

const COUNT = 20_000_000;
globalThis.navigator ??= {}; // jax-js asks it for a GPU
const { defaultDevice, init, numpy: np } = await import("@jax-js/jax");
await init("cpu", "wasm");
for (const device of ["cpu", "wasm"]) {
  defaultDevice(device);
  console.log("jax-js", device, (await np.mean(np.ones([COUNT])).data())[0].toFixed(4));
}
setWasmPaths(fileURLToPath(new URL("node_modules/@tensorflow/tfjs-backend-wasm/dist/", import.meta.url)));
for (const backend of ["cpu", "wasm"]) {
  await tf.setBackend(backend);
  console.log("tfjs", backend, (await tf.sum(tf.ones([COUNT])).data())[0] / COUNT);
}
const { ModelProto } = proto.onnx;
const value = (name, ...dims) => {
  const shape = { dim: dims.map((dimValue) => ({ dimValue })) };
  return { name, type: { tensorType: { elemType: 1, shape } } };
};
const node = [
  { opType: "ReduceMean", input: ["x"], output: ["y"], attribute: [{ name: "axes", type: 7, ints: [0] }] },
];
const graph = { name: "mean", node, input: [value("x", COUNT, 1)], output: [value("y", 1, 1)] };
const model = ModelProto.create({ irVersion: 8, opsetImport: [{ domain: "", version: 17 }], graph });
ort.env.wasm.numThreads = 1;
const session = await ort.InferenceSession.create(ModelProto.encode(model).finish(), { executionProviders: ["wasm"] });
const ones = new ort.Tensor("float32", new Float32Array(COUNT).fill(1), [COUNT, 1]);
console.log("onnxruntime wasm", (await session.run({ x: ones })).y.data[0].toFixed(4));
process.exit(0);
END
cat >expected.txt <<'END'
jax-js cpu 1.0000
jax-js wasm 0.8389
tfjs cpu 1
tfjs wasm 0.8388608
onnxruntime wasm 0.8389
END
node run.mjs >seen.txt 2>errors.txt || { cat seen.txt errors.txt; exit 1; }
diff expected.txt seen.txt
cat seen.txt

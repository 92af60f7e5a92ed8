#!/usr/bin/env bash
# logsumexp of -Infinity alone is NaN in TensorFlow.js and jax-js, and -Infinity in onnxruntime-web.
#
# @tensorflow/tfjs 4.22.0, @jax-js/jax 0.1.25 (both on CPU and wasm), onnxruntime-web 1.30.0. Where all paths are impossible
# (sequence losses, masked rows), the sum of the probabilities is 0 and its logarithm -Infinity: so it is in PyTorch, too. In
# the two libraries the greatest value is infinite, and is subtracted from itself. [Infinity, 0] gives NaN in both, and Infinity
# in onnxruntime-web and PyTorch. Seen with Node 20.20.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >init.log
npm install --no-audit --no-fund @tensorflow/tfjs@4.22.0 @tensorflow/tfjs-backend-wasm@4.22.0 @jax-js/jax@0.1.25 onnxruntime-web@1.30.0 onnx-proto@8.0.1 >install.log 2>&1 || { cat install.log; exit 1; }
cat >run.mjs <<'END'
import { fileURLToPath } from "node:url";
import proto from "onnx-proto";
import * as ort from "onnxruntime-web";

ort.env.wasm.numThreads = 1;
const { ModelProto } = proto.onnx;
const float = (data, dims = [data.length]) => new ort.Tensor("float32", Float32Array.from(data), dims);
async function run(opType, inputs, attribute = [], outputs = ["y"], version = 17) {
  const input = Object.entries(inputs).map(([name, { type, dims }]) => {
    const shape = { dim: dims.map((dimValue) => ({ dimValue })) };
    return { name, type: { tensorType: { elemType: { float32: 1, int64: 7 }[type], shape } } };
  });
  const node = [{ opType, input: Object.keys(inputs), output: outputs, attribute }];
  const graph = { name: "one", node, input, output: outputs.map((name) => ({ name })) };
  const model = ModelProto.create({ irVersion: 8, opsetImport: [{ domain: "", version }], graph });
  const session = await ort.InferenceSession.create(ModelProto.encode(model).finish(), { executionProviders: ["wasm"] });
  return session.run(inputs);
}

globalThis.navigator ??= {}; // jax-js asks it for a GPU
const tf = await import("@tensorflow/tfjs");
const { setWasmPaths } = await import("@tensorflow/tfjs-backend-wasm");
const { defaultDevice, init, nn, numpy: np } = await import("@jax-js/jax");

setWasmPaths(fileURLToPath(new URL("node_modules/@tensorflow/tfjs-backend-wasm/dist/", import.meta.url)));
await init("cpu", "wasm");
const rows = [[-Infinity, -Infinity], [Infinity, 0]];
for (const row of rows) {
  for (const backend of ["cpu", "wasm"]) {
    await tf.setBackend(backend);
    defaultDevice(backend);
    console.log(`TensorFlow.js ${backend} of ${row.join(" ")}:`, ...(await tf.logSumExp(tf.tensor1d(row)).data()));
    console.log(`jax-js ${backend} of ${row.join(" ")}:`, ...(await nn.logsumexp(np.array(row)).data()));
  }
}
for (const row of rows) console.log(`onnxruntime-web of ${row.join(" ")}:`, ...(await run("ReduceLogSumExp", { x: float(row) })).y.data);
process.exit(0);
END
cat >expected.txt <<'END'
TensorFlow.js cpu of -Infinity -Infinity: NaN
jax-js cpu of -Infinity -Infinity: NaN
TensorFlow.js wasm of -Infinity -Infinity: NaN
jax-js wasm of -Infinity -Infinity: NaN
TensorFlow.js cpu of Infinity 0: NaN
jax-js cpu of Infinity 0: NaN
TensorFlow.js wasm of Infinity 0: NaN
jax-js wasm of Infinity 0: NaN
onnxruntime-web of -Infinity -Infinity: -Infinity
onnxruntime-web of Infinity 0: Infinity
END
node run.mjs >seen.txt 2>errors.txt || { cat seen.txt errors.txt; exit 1; }
diff expected.txt seen.txt
cat seen.txt

#!/usr/bin/env bash
# Max pooling in onnxruntime-web turns -Infinity into -3.4e38, and keeps a NaN or not by the number of axes.
#
# onnxruntime-web 1.30.0, wasm, opset 17. A window of nothing but -Infinity (a mask) gives -3.4e38, the lowest 32-bit number,
# and so does a window of nothing but NaN: a broken input leaves as a finite number. [1, NaN] gives 1 when pooled along one
# axis, and NaN along two. Once the positions are asked for as a second output, another kernel runs: -Infinity stays, [NaN, 1]
# gives NaN, [1, NaN] still 1. ReduceMax leaves -Infinity as it is; PyTorch gives -Infinity and NaN. Seen with Node 20.20.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >init.log
npm install --no-audit --no-fund onnxruntime-web@1.30.0 onnx-proto@8.0.1 >install.log 2>&1 || { cat install.log; exit 1; }
cat >run.mjs <<'END'
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

const one = { name: "kernel_shape", type: 7, ints: [2] };
const two = { name: "kernel_shape", type: 7, ints: [2, 2] };
const digits = ({ y }) => [...y.data].map((value) => value.toPrecision(2)).join(" ");
for (const window of [[-Infinity, -Infinity], [NaN, NaN], [1, NaN], [NaN, 1]]) {
  const line = { x: float(window, [1, 1, 2]) };
  const square = { x: float([...window, ...window], [1, 1, 2, 2]) };
  const seen = [
    `one axis ${digits(await run("MaxPool", line, [one]))}`,
    `two axes ${digits(await run("MaxPool", square, [two]))}`,
    `with positions ${digits(await run("MaxPool", line, [one], ["y", "positions"]))}`,
    `GlobalMaxPool ${digits(await run("GlobalMaxPool", line))}`,
  ];
  console.log(`${window.join(" ")}: ${seen.join(", ")}`);
}
process.exit(0);
END
cat >expected.txt <<'END'
-Infinity -Infinity: one axis -3.4e+38, two axes -3.4e+38, with positions -Infinity, GlobalMaxPool -3.4e+38
NaN NaN: one axis -3.4e+38, two axes NaN, with positions NaN, GlobalMaxPool -3.4e+38
1 NaN: one axis 1.0, two axes NaN, with positions 1.0, GlobalMaxPool 1.0
NaN 1: one axis 1.0, two axes NaN, with positions NaN, GlobalMaxPool 1.0
END
node run.mjs >seen.txt 2>errors.txt || { cat seen.txt errors.txt; exit 1; }
diff expected.txt seen.txt
cat seen.txt

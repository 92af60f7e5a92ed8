#!/usr/bin/env bash
# Sigmoid is exactly 0 below about -18 in onnxruntime-web, where 32 bits reach down to -103.
#
# onnxruntime-web 1.30.0, wasm, opset 17. Sigmoid(-16) is 6.0e-8 where 1.1e-7 is right, Sigmoid(-17) 3.0e-8 where it is 4.1e-8;
# Sigmoid(-18.5) should be 9.2e-9 and Sigmoid(-20) 2.1e-9: both are 0, so that a logarithm behind them (binary cross-entropy,
# log-probabilities of rare events) is -Infinity where NumPy and PyTorch give -18.5 and -20. Softplus in the same build is
# right there. ReduceMax beside it goes by where a NaN stands: [NaN, 1, 2] gives NaN, [1, NaN, 2] gives 2. Seen with Node 20.20.
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
async function run(opType, row, attribute = []) {
  const shape = { dim: [1, row.length].map((dimValue) => ({ dimValue })) };
  const input = [{ name: "x", type: { tensorType: { elemType: 1, shape } } }];
  const output = [{ name: "y", type: { tensorType: { elemType: 1 } } }];
  const graph = { name: "one", node: [{ opType, input: ["x"], output: ["y"], attribute }], input, output };
  const model = ModelProto.create({ irVersion: 8, opsetImport: [{ domain: "", version: 17 }], graph });
  const session = await ort.InferenceSession.create(ModelProto.encode(model).finish(), { executionProviders: ["wasm"] });
  const { y } = await session.run({ x: new ort.Tensor("float32", Float32Array.from(row), [1, row.length]) });
  return [...y.data].map((value) => value.toPrecision(2)).join(" ");
}
const axes = [{ name: "axes", type: 7, ints: [1] }];
console.log("Sigmoid of -16, -17, -18.5, -20:", await run("Sigmoid", [-16, -17, -18.5, -20]));
console.log("Softplus of -18.5, -20:", await run("Softplus", [-18.5, -20]));
console.log("ReduceMax of NaN, 1, 2:", await run("ReduceMax", [NaN, 1, 2], axes));
console.log("ReduceMax of 1, NaN, 2:", await run("ReduceMax", [1, NaN, 2], axes));
process.exit(0);
END
cat >expected.txt <<'END'
Sigmoid of -16, -17, -18.5, -20: 6.0e-8 3.0e-8 0.0 0.0
Softplus of -18.5, -20: 9.2e-9 2.1e-9
ReduceMax of NaN, 1, 2: NaN
ReduceMax of 1, NaN, 2: 2.0
END
node run.mjs >seen.txt 2>errors.txt || { cat seen.txt errors.txt; exit 1; }
diff expected.txt seen.txt
cat seen.txt

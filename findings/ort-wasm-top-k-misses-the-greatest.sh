#!/usr/bin/env bash
# One NaN makes TopK leave out the greatest number in onnxruntime-web.
#
# onnxruntime-web 1.30.0, wasm, opset 17. The two greatest of [1, NaN, 3, 2] are 1 and NaN there, without the 3; the four
# greatest come as 3, NaN, 2, 1. Of [NaN, 1, 3, 2] two are NaN and 3, three are 3, 1 and NaN, without the 2. ArgMax over one row
# goes by the shape: of [1, NaN, 2] it gives 1, the position of the NaN, for the shape [3], and 2 for [1, 3]. PyTorch and NumPy
# take NaN for the greatest in both shapes. Seen with Node 20.20.
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

const count = (k) => new ort.Tensor("int64", BigInt64Array.from([BigInt(k)]), [1]);
for (const row of [[1, NaN, 3, 2], [NaN, 1, 3, 2]]) {
  for (const k of [1, 2, 3, 4]) {
    const { y } = await run("TopK", { x: float(row), k: count(k) }, [], ["y", "positions"]);
    console.log(`TopK ${k} of ${row.join(" ")}: ${[...y.data].join(" ")}`);
  }
}
for (const dims of [[3], [1, 3]]) {
  const { y } = await run("ArgMax", { x: float([1, NaN, 2], dims) }, [{ name: "axis", type: 2, i: dims.length - 1 }]);
  console.log(`ArgMax of 1 NaN 2 as [${dims}]: ${y.data}`);
}
process.exit(0);
END
cat >expected.txt <<'END'
TopK 1 of 1 NaN 3 2: 3
TopK 2 of 1 NaN 3 2: 1 NaN
TopK 3 of 1 NaN 3 2: NaN 3 2
TopK 4 of 1 NaN 3 2: 3 NaN 2 1
TopK 1 of NaN 1 3 2: NaN
TopK 2 of NaN 1 3 2: NaN 3
TopK 3 of NaN 1 3 2: 3 1 NaN
TopK 4 of NaN 1 3 2: NaN 3 2 1
ArgMax of 1 NaN 2 as [3]: 1
ArgMax of 1 NaN 2 as [1,3]: 2
END
node run.mjs >seen.txt 2>errors.txt || { cat seen.txt errors.txt; exit 1; }
diff expected.txt seen.txt
cat seen.txt

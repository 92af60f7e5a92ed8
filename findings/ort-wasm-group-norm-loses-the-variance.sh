#!/usr/bin/env bash
# GroupNormalization of 10000 ... 10003 is 350 times too large in onnxruntime-web, LayerNormalization of the same is right.
#
# onnxruntime-web 1.30.0, wasm, opset 21 (18 is alike). The variance of these four numbers is 1.25; group normalization divides
# by the root of epsilon alone, as if it were 0 (the difference of a mean square and a squared mean of 1e8 is, in 32 bits). At
# 4096 it is off by a fifth. Layer and mean-variance normalization are right at all of these offsets, as is
# torch.nn.functional.group_norm. Depths, times and 16-bit pictures that are not centred meet this. Seen with Node 20.20.
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

const epsilon = { name: "epsilon", type: 1, f: 1e-5 };
const groups = { name: "num_groups", type: 2, i: 1 };
const axes = { name: "axes", type: 7, ints: [0, 2] };
const digits = ({ y }) => [...y.data].map((value) => value.toFixed(3)).join(" ");
for (const offset of [1000, 4096, 10000]) {
  const values = [0, 1, 2, 3].map((value) => value + offset);
  const channel = { x: float(values, [1, 1, 4]), scale: float([1]), bias: float([0]) };
  const row = { x: float(values), scale: float([1, 1, 1, 1]), bias: float([0, 0, 0, 0]) };
  console.log(offset, "GroupNormalization:", digits(await run("GroupNormalization", channel, [epsilon, groups], ["y"], 21)));
  console.log(offset, "LayerNormalization:", digits(await run("LayerNormalization", row, [epsilon])));
  console.log(offset, "MeanVarianceNormalization:", digits(await run("MeanVarianceNormalization", { x: channel.x }, [axes])));
}
process.exit(0);
END
cat >expected.txt <<'END'
1000 GroupNormalization: -1.342 -0.447 0.447 1.342
1000 LayerNormalization: -1.342 -0.447 0.447 1.342
1000 MeanVarianceNormalization: -1.342 -0.447 0.447 1.342
4096 GroupNormalization: -1.061 -0.354 0.354 1.061
4096 LayerNormalization: -1.342 -0.447 0.447 1.342
4096 MeanVarianceNormalization: -1.342 -0.447 0.447 1.342
10000 GroupNormalization: -474.342 -158.114 158.114 474.342
10000 LayerNormalization: -1.342 -0.447 0.447 1.342
10000 MeanVarianceNormalization: -1.342 -0.447 0.447 1.342
END
node run.mjs >seen.txt 2>errors.txt || { cat seen.txt errors.txt; exit 1; }
diff expected.txt seen.txt
cat seen.txt

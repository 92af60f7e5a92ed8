#!/usr/bin/env bash
# The first session of onnxruntime-web puts a global Worker into Node, and breaks what looks for one.
#
# onnxruntime-web 1.30.0 (wasm, one thread), @jax-js/jax 0.1.25, Node 20.20, which has no global Worker. After a session is
# created, globalThis.Worker is that of node:worker_threads, whose messages and URLs are not those of a page. jax-js asks for
# one, and what ran in it before cannot be followed by a new operation, which fails to link ("memory import 0 has no maximum
# limit"), as its modules now want shared memory, and its memory was made without.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >init.log
npm install --no-audit --no-fund @jax-js/jax@0.1.25 onnxruntime-web@1.30.0 onnx-proto@8.0.1 >install.log 2>&1 || { cat install.log; exit 1; }
cat >run.mjs <<'END'
globalThis.navigator ??= {}; // jax-js asks it for a GPU
const { Worker } = await import("node:worker_threads");
const { default: proto } = await import("onnx-proto");
const { defaultDevice, init, numpy: np } = await import("@jax-js/jax");

const show = (name, compute) => compute().then((values) => console.log(name, ...values), (error) => console.log(name, error.name));
await init("wasm");
defaultDevice("wasm");
console.log("Worker at the start:", typeof globalThis.Worker);
await show("jax-js adds:", () => np.array([1, 2]).add(1).data());

const ort = await import("onnxruntime-web");
ort.env.wasm.numThreads = 1;
console.log("Worker after the import:", typeof globalThis.Worker);
const tensor = (name) => ({ name, type: { tensorType: { elemType: 1, shape: { dim: [{ dimValue: 1 }] } } } });
const graph = { name: "one", node: [{ opType: "Exp", input: ["x"], output: ["y"] }], input: [tensor("x")], output: [tensor("y")] };
const { ModelProto } = proto.onnx;
const model = ModelProto.create({ irVersion: 8, opsetImport: [{ domain: "", version: 17 }], graph });
await ort.InferenceSession.create(ModelProto.encode(model).finish(), { executionProviders: ["wasm"] });
console.log("Worker after a session:", globalThis.Worker === Worker ? "that of node:worker_threads" : typeof globalThis.Worker);
await show("jax-js multiplies:", () => np.array([1, 2]).mul(3).data());
process.exit(0);
END
cat >expected.txt <<'END'
Worker at the start: undefined
jax-js adds: 2 3
Worker after the import: undefined
Worker after a session: that of node:worker_threads
jax-js multiplies: LinkError
END
node run.mjs >seen.txt 2>errors.txt || { cat seen.txt errors.txt; exit 1; }
diff expected.txt seen.txt
cat seen.txt

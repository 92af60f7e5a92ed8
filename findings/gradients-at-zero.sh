#!/usr/bin/env bash
# The slope of |x| at 0 is -1 in TensorFlow.js and 1 in jax-js; that of relu is 1 in jax-js.
#
# @tensorflow/tfjs 4.22.0 and @jax-js/jax 0.1.25, CPU backends. PyTorch gives 0 for all three. An L1 penalty so moves weights
# that are exactly 0 (pruned ones, the rows of an embedding that are never used) away from it at the full rate: up in
# TensorFlow.js, down in jax-js; and in jax-js a unit whose sum is 0 (zero input, no bias) learns as if it were active. In
# jax-js the slope of |x| at NaN is 1, too: a NaN in the weights does not show in their gradient. Seen with Node 20.20.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >init.log
npm install --no-audit --no-fund @tensorflow/tfjs@4.22.0 @jax-js/jax@0.1.25 >install.log 2>&1 || { cat install.log; exit 1; }
cat >run.mjs <<'END'
globalThis.navigator ??= {}; // jax-js asks it for a GPU
const tf = await import("@tensorflow/tfjs");
const { defaultDevice, grad, init, nn, numpy: np } = await import("@jax-js/jax");

await tf.setBackend("cpu");
const points = [0, -2, 2, NaN];
const tfjs = async (name, f) => console.log("TensorFlow.js", name, ...(await tf.grad(f)(tf.tensor1d(points)).data()));
await tfjs("abs", (x) => x.abs().sum());
await tfjs("l1 penalty", (x) => tf.regularizers.l1({ l1: 1 }).apply(x));
await tfjs("relu", (x) => x.relu().sum());

await init("cpu");
defaultDevice("cpu");
const jax = async (name, f) => console.log("jax-js", name, ...(await grad((x) => np.sum(f(x)))(np.array(points)).data()));
await jax("abs", np.abs);
await jax("relu", nn.relu);
END
cat >expected.txt <<'END'
TensorFlow.js abs -1 -1 1 NaN
TensorFlow.js l1 penalty -1 -1 1 NaN
TensorFlow.js relu 0 0 1 NaN
jax-js abs 1 -1 1 1
jax-js relu 1 0 1 1
END
node run.mjs >seen.txt 2>errors.txt || { cat seen.txt errors.txt; exit 1; }
diff expected.txt seen.txt
cat seen.txt

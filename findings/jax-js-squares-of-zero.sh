#!/usr/bin/env bash
# The gradient of power(x, 2) is NaN where x is 0 in jax-js, and 0 to the power of 0 is NaN.
#
# @jax-js/jax 0.1.25, CPU and wasm backends. A squared error written as power(x, 2), or a weight decay over biases that start at
# 0, turns all weights into NaN in the first step. square(x) gives 0 there, as PyTorch does for both. On wasm power(-3, 2) is
# besides 8.999998 and power(3, 3) 26.99999, by exponential and logarithm. Seen with Node 20.20.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >init.log
npm install --no-audit --no-fund @jax-js/jax@0.1.25 >install.log 2>&1 || { cat install.log; exit 1; }
cat >run.mjs <<'END'
globalThis.navigator ??= {}; // jax-js asks it for a GPU
const { defaultDevice, grad, init, numpy: np } = await import("@jax-js/jax");

await init("cpu", "wasm");
for (const device of ["cpu", "wasm"]) {
  defaultDevice(device);
  const show = async (name, result) => console.log(device, name, [...(await result.data())].map((value) => value.toPrecision(7)).join(" "));
  const slopes = (f) => grad((x) => np.sum(f(x)))(np.array([0, 1, -1]));
  for (const exponent of [1, 2, 3]) await show(`slope of power(x, ${exponent}):`, slopes((x) => np.power(x, exponent)));
  await show("slope of square(x):", slopes(np.square));
  await show("0 to the power of 0, 1, 2:", np.power(np.array([0, 0, 0]), np.array([0, 1, 2])));
  await show("-3, 3 to the power of 2, 3:", np.power(np.array([-3, 3]), np.array([2, 3])));
}
END
cat >expected.txt <<'END'
cpu slope of power(x, 1): NaN 1.000000 1.000000
cpu slope of power(x, 2): NaN 2.000000 -2.000000
cpu slope of power(x, 3): NaN 3.000000 3.000000
cpu slope of square(x): 0.000000 2.000000 -2.000000
cpu 0 to the power of 0, 1, 2: NaN 0.000000 0.000000
cpu -3, 3 to the power of 2, 3: 9.000000 27.00000
wasm slope of power(x, 1): NaN 1.000000 1.000000
wasm slope of power(x, 2): NaN 2.000000 -2.000000
wasm slope of power(x, 3): NaN 3.000000 3.000000
wasm slope of square(x): 0.000000 2.000000 -2.000000
wasm 0 to the power of 0, 1, 2: NaN 0.000000 0.000000
wasm -3, 3 to the power of 2, 3: 8.999998 26.99999
END
node run.mjs >seen.txt 2>errors.txt || { cat seen.txt errors.txt; exit 1; }
diff expected.txt seen.txt
cat seen.txt

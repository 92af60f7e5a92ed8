#!/usr/bin/env bash
# The gradients of sigmoid, silu, elu and softplus are NaN from about 89 on in jax-js.
#
# @jax-js/jax 0.1.25, CPU and wasm backends. sigmoid(-100) is 0, and its gradient is NaN, where 0 is right; one such value in a
# batch makes all weights NaN. The gradient of elu(100) is NaN, too, although 100 lies on its straight side: the exponential of
# the other side overflows, and seems to stay in the sum as 0 times infinity. softplus(100) is infinite, where it is 100, and so
# logSigmoid(-100) is -Infinity; softplus(-20) is 0, where it is 2e-9. gelu, tanh and logsumexp are sound there. Seen with Node
# 20.20.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >init.log
npm install --no-audit --no-fund @jax-js/jax@0.1.25 >install.log 2>&1 || { cat install.log; exit 1; }
cat >run.mjs <<'END'
globalThis.navigator ??= {}; // jax-js asks it for a GPU
const { defaultDevice, grad, init, nn, numpy: np } = await import("@jax-js/jax");

await init("cpu", "wasm");
for (const device of ["cpu", "wasm"]) {
  defaultDevice(device);
  const values = async (f, points) => [...(await f(np.array(points)).data())].map((value) => value.toPrecision(2) * 1).join(" ");
  const slopes = (f, points) => values(grad((x) => np.sum(f(x))), points);
  for (const name of ["sigmoid", "silu", "logSigmoid"]) console.log(device, name, "-80, -100:", await slopes(nn[name], [-80, -100]));
  for (const name of ["elu", "selu", "softplus", "gelu"]) console.log(device, name, "80, 100:", await slopes(nn[name], [80, 100]));
  for (const name of ["sigmoid", "logSigmoid"]) console.log(device, "value of", name, "-80, -100:", await values(nn[name], [-80, -100]));
  console.log(device, "value of softplus 80, 100, -20:", await values(nn.softplus, [80, 100, -20]));
}
END
cat >expected.txt <<'END'
cpu sigmoid -80, -100: 0 NaN
cpu silu -80, -100: 1.8e-35 NaN
cpu logSigmoid -80, -100: 1 NaN
cpu elu 80, 100: 1 NaN
cpu selu 80, 100: 1.1 NaN
cpu softplus 80, 100: 1 NaN
cpu gelu 80, 100: 1 1
cpu value of sigmoid -80, -100: 1.8e-35 0
cpu value of logSigmoid -80, -100: -80 -Infinity
cpu value of softplus 80, 100, -20: 80 Infinity 0
wasm sigmoid -80, -100: 0 NaN
wasm silu -80, -100: 1.8e-35 NaN
wasm logSigmoid -80, -100: 1 NaN
wasm elu 80, 100: 1 NaN
wasm selu 80, 100: 1.1 NaN
wasm softplus 80, 100: 1 NaN
wasm gelu 80, 100: 1 1
wasm value of sigmoid -80, -100: 1.8e-35 0
wasm value of logSigmoid -80, -100: -80 -Infinity
wasm value of softplus 80, 100, -20: 80 Infinity 0
END
node run.mjs >seen.txt 2>errors.txt || { cat seen.txt errors.txt; exit 1; }
diff expected.txt seen.txt
cat seen.txt

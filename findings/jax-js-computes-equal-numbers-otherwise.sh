#!/usr/bin/env bash
# An array of equal numbers, or of one, is computed in 64 bits in jax-js: softplus of [100, 100] is 100, of [100, 90] infinite.
#
# @jax-js/jax 0.1.25, CPU and wasm backends. Of arrays whose numbers are all the same jax-js seems to keep the number, and to
# compute with it in 64 bits, without the backend: 16777216 + 1 - 16777216 is 1 for [16777216] and 0 in company, and the sine of
# 1e6 is right on wasm only when alone. What a test of single numbers, or of arrays filled with one value, shows of a backend is
# not what data of different values meet. Seen with Node 20.20.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >init.log
npm install --no-audit --no-fund @jax-js/jax@0.1.25 >install.log 2>&1 || { cat install.log; exit 1; }
cat >run.mjs <<'END'
globalThis.navigator ??= {}; // jax-js asks it for a GPU
const { defaultDevice, init, nn, numpy: np } = await import("@jax-js/jax");

await init("cpu", "wasm");
const cases = {
  softplus: [nn.softplus, [100], [100, 100], [100, 90]],
  logSigmoid: [nn.logSigmoid, [-100], [-100, -100], [-100, -90]],
  "x + 1 - 16777216": [(x) => x.add(1).sub(16777216), [16777216], [16777216, 16777216], [16777216, 0]],
  sin: [np.sin, [1e6], [1e6, 1e6], [1e6, 0]],
};
for (const [name, [compute, ...arrays]] of Object.entries(cases)) {
  for (const device of ["cpu", "wasm"]) {
    defaultDevice(device);
    const firsts = [];
    for (const array of arrays) firsts.push((await compute(np.array(array)).data())[0].toPrecision(5) * 1);
    console.log(`${name} of the first of ${arrays.map((array) => `[${array}]`).join(", ")} on ${device}: ${firsts.join(", ")}`);
  }
}
END
cat >expected.txt <<'END'
softplus of the first of [100], [100,100], [100,90] on cpu: 100, 100, Infinity
softplus of the first of [100], [100,100], [100,90] on wasm: 100, 100, Infinity
logSigmoid of the first of [-100], [-100,-100], [-100,-90] on cpu: -100, -100, -Infinity
logSigmoid of the first of [-100], [-100,-100], [-100,-90] on wasm: -100, -100, -Infinity
x + 1 - 16777216 of the first of [16777216], [16777216,16777216], [16777216,0] on cpu: 1, 1, 0
x + 1 - 16777216 of the first of [16777216], [16777216,16777216], [16777216,0] on wasm: 1, 1, 0
sin of the first of [1000000], [1000000,1000000], [1000000,0] on cpu: -0.34999, -0.34999, -0.34999
sin of the first of [1000000], [1000000,1000000], [1000000,0] on wasm: -0.34999, -0.34999, -0.36627
END
node run.mjs >seen.txt 2>errors.txt || { cat seen.txt errors.txt; exit 1; }
diff expected.txt seen.txt
cat seen.txt

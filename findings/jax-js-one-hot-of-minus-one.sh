#!/usr/bin/env bash
# one-hot of -1 is a row of ones in jax-js, and softplus overflows where its result is small.
#
# @jax-js/jax 0.1.25, every backend. JAX gives a row of zeros for an index out of range, which losses use to leave out
# padding (-1): here such a row counts for every class. The index 3 of 3 classes gives zeros. nn.softplus(100) is Infinity
# (100 is right) and nn.softplus(-20) is 0 (2.06e-9 is right). Seen with Node 20.20.
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
for (const device of ["cpu", "wasm"]) {
  defaultDevice(device);
  const labels = np.array([-1, 1, 3]).astype(np.int32);
  console.log(device, "oneHot of -1, 1, 3:", (await nn.oneHot(labels, 3).data()).join(" "));
  console.log(device, "softplus of -20, 0, 100:", (await nn.softplus(np.array([-20, 0, 100])).data()).join(" "));
}
END
cat >expected.txt <<'END'
cpu oneHot of -1, 1, 3: 1 1 1 0 1 0 0 0 0
cpu softplus of -20, 0, 100: 0 0.6931471824645996 Infinity
wasm oneHot of -1, 1, 3: 1 1 1 0 1 0 0 0 0
wasm softplus of -20, 0, 100: 0 0.6931471824645996 Infinity
END
node run.mjs >seen.txt 2>errors.txt || { cat seen.txt errors.txt; exit 1; }
diff expected.txt seen.txt
cat seen.txt

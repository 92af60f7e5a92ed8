#!/usr/bin/env bash
# argmax of a row that holds NaN is one past the end in jax-js, on its CPU and its wasm backend.
#
# @jax-js/jax 0.1.25. NumPy and JAX give the position of the NaN. Here np.argmax([1, NaN, 2]) is 3 where positions end at
# 2, and np.argmax([NaN, 1]) is 2: whoever looks up a label by it, or counts hits, leaves the array. max is NaN, as it
# should be. Seen with Node 20.20.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >init.log
npm install --no-audit --no-fund @jax-js/jax@0.1.25 >install.log 2>&1 || { cat install.log; exit 1; }
cat >run.mjs <<'END'
globalThis.navigator ??= {}; // jax-js asks it for a GPU
const { defaultDevice, init, numpy: np } = await import("@jax-js/jax");
await init("cpu", "wasm");
for (const device of ["cpu", "wasm"]) {
  defaultDevice(device);
  for (const row of [[1, NaN, 2], [NaN, 1], [1, 2]]) {
    const [argmax] = await np.argmax(np.array(row)).data();
    const [max] = await np.max(np.array(row)).data();
    console.log(device, row, "argmax", argmax, "max", max);
  }
}
END
cat >expected.txt <<'END'
cpu [ 1, NaN, 2 ] argmax 3 max NaN
cpu [ NaN, 1 ] argmax 2 max NaN
cpu [ 1, 2 ] argmax 1 max 2
wasm [ 1, NaN, 2 ] argmax 3 max NaN
wasm [ NaN, 1 ] argmax 2 max NaN
wasm [ 1, 2 ] argmax 1 max 2
END
node run.mjs >seen.txt 2>errors.txt || { cat seen.txt errors.txt; exit 1; }
diff expected.txt seen.txt
cat seen.txt

#!/usr/bin/env bash
# The sine of larger numbers is off by percents, and of very large ones 0, on the wasm backend of jax-js.
#
# @jax-js/jax 0.1.25. The CPU backend gives sin(1e6) = -0.34999 and sin(1e10) = -0.48751, as it should be; wasm gives -0.36627
# and 0. exp(88.7) = 3.326e38 fits in 32 bits, and is infinite there. What is periodic in time (positional encodings, wave
# forms) trains on other numbers, by the backend. Seen with Node 20.20.
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
  const digits = (values) => [...values].map((value) => value.toPrecision(5)).join(" ");
  console.log(device, "sin of 1000, 1e6, 1e10:", digits(await np.sin(np.array([1000, 1e6, 1e10])).data()));
  console.log(device, "sin of 0, 3.1415927, 2:", digits(await np.sin(np.array([0, 3.1415927, 2])).data()));
  console.log(device, "exp of 88, 88.7:", digits(await np.exp(np.array([88, 88.7])).data()));
}
END
cat >expected.txt <<'END'
cpu sin of 1000, 1e6, 1e10: 0.82688 -0.34999 -0.48751
cpu sin of 0, 3.1415927, 2: 0.0000 -8.7423e-8 0.90930
cpu exp of 88, 88.7: 1.6516e+38 3.3260e+38
wasm sin of 1000, 1e6, 1e10: 0.82687 -0.36627 0.0000
wasm sin of 0, 3.1415927, 2: 0.0000 0.0000 0.90930
wasm exp of 88, 88.7: 1.6516e+38 Infinity
END
node run.mjs >seen.txt 2>errors.txt || { cat seen.txt errors.txt; exit 1; }
diff expected.txt seen.txt
cat seen.txt

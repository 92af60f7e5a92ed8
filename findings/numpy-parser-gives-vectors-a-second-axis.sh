#!/usr/bin/env bash
# numpy-parser gives a vector's shape as [n, 1], and reads strings as 16-bit numbers, more of them than the shape has elements.
#
# numpy-parser 1.2.3 (npm) with files that NumPy wrote by np.save. The header has the shape as a Python tuple, and that of one axis
# ends in a comma: (2,). The package makes [2, 1] of it, silently, as if the file held a column; a matrix's own (2, 1) looks the
# same, and a file without axes is right. For the type "<U2", strings of two characters in 32 bits each, it gives a Uint16Array of the
# raw memory: eight numbers for a shape of two elements. Types that it knows not at all, booleans and complex numbers,
# end in "dtype is not defined", which is a ReferenceError of its own. So shapes have to be checked against the data's length.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >init.log
npm install --no-audit --no-fund numpy-parser@1.2.3 >install.log 2>&1 || { cat install.log; exit 1; }
python3 -c "import numpy" 2>/dev/null || apt-get install -y --no-install-recommends python3-numpy >install.log 2>&1 || { cat install.log; exit 1; }
python3 - <<'END'
import numpy as np

np.save("scalar.npy", np.float32(3))
np.save("vector.npy", np.array([5, 6], dtype=np.int32))
np.save("column.npy", np.array([[5], [6]], dtype=np.int32))
np.save("strings.npy", np.array(["ab", "c"]))
np.save("booleans.npy", np.array([True, False]))
END
cat >run.mjs <<'END'
import { readFileSync } from "node:fs";
import parser from "numpy-parser";

for (const name of ["scalar", "vector", "column", "strings", "booleans"]) {
  const { buffer, byteOffset, length } = readFileSync(`${name}.npy`);
  try {
    const { shape, data } = parser.fromArrayBuffer(buffer.slice(byteOffset, byteOffset + length));
    console.log(`${name}:`, JSON.stringify(shape), data.constructor.name, [...data].join(" "));
  } catch (error) {
    console.log(`${name}:`, String(error));
  }
}
END
cat >expected.txt <<'END'
scalar: [] Float32Array 3
vector: [2,1] Int32Array 5 6
column: [2,1] Int32Array 5 6
strings: [2,1] Uint16Array 97 0 98 0 99 0 0 0
booleans: ReferenceError: dtype is not defined
END
node run.mjs >seen.txt
cat seen.txt
diff expected.txt seen.txt

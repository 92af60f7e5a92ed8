#!/usr/bin/env bash
# fflate.gunzipSync makes its result as long as the last four bytes of the file say, and drops the rest without a word.
#
# fflate 0.8.2. A gzip file may have several members (so do files that were appended to, and what bgzip writes), and may be
# padded with zeros (tape and tar tools do so). zlib, pako and gzip give all of it. fflate.gunzipSync gives the first member
# cut to the length of the last one, and nothing at all for a padded file. It does not check the checksum either. A data set
# read with it is short or empty, without an error. Seen with Node 20.20.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >init.log
npm install --no-audit --no-fund fflate@0.8.2 pako@2.1.0 >install.log 2>&1 || { cat install.log; exit 1; }
cat >run.mjs <<'END'
import { gunzipSync as zlibGunzip, gzipSync } from "node:zlib";
import { gunzipSync, strFromU8 } from "fflate";
import pako from "pako";

const join = (...parts) => Uint8Array.from(parts.flatMap((part) => [...part]));
const hello = gzipSync("hello, world");
const files = {
  "one member": hello,
  "two members": join(hello, gzipSync("again")),
  "zeros behind": join(hello, new Uint8Array(16)),
};
for (const [name, file] of Object.entries(files)) {
  console.log(name);
  console.log("  zlib  ", JSON.stringify(zlibGunzip(file).toString()));
  console.log("  pako  ", JSON.stringify(pako.ungzip(file, { to: "string" })));
  console.log("  fflate", JSON.stringify(strFromU8(gunzipSync(file))));
}
END
cat >expected.txt <<'END'
one member
  zlib   "hello, world"
  pako   "hello, world"
  fflate "hello, world"
two members
  zlib   "hello, worldagain"
  pako   "hello, worldagain"
  fflate "hello"
zeros behind
  zlib   "hello, world"
  pako   "hello, world"
  fflate ""
END
node run.mjs >seen.txt 2>errors.txt || { cat seen.txt errors.txt; exit 1; }
diff expected.txt seen.txt
cat seen.txt

#!/usr/bin/env bash
# Deno refuses gzip files of several members, and padded ones, with an error about a buffer; Node reads both.
#
# deno 2.9.0 (npm), Node 20.20. The Compression Streams standard wants a TypeError for anything behind the first member.
# Node reads on through DecompressionStream as gzip itself does, ignores zeros behind, and refuses other bytes. Deno throws
# "failed to write whole buffer", which tells nothing of the file; node:zlib inside of Deno reads all of it. A data set that was
# packed in parts (MNIST mirrors, bgzip) loads in one and not in the other.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >init.log
npm install --no-audit --no-fund deno@2.9.0 >install.log 2>&1 || { cat install.log; exit 1; }
cat >run.mjs <<'END'
import { gunzipSync, gzipSync } from "node:zlib";

const join = (...parts) => Uint8Array.from(parts.flatMap((part) => [...part]));
const files = {
  "one member": gzipSync("one"),
  "two members": join(gzipSync("one"), gzipSync("two")),
  "zeros behind": join(gzipSync("one"), new Uint8Array(16)),
};
for (const [name, file] of Object.entries(files)) {
  const stream = new Blob([file]).stream().pipeThrough(new DecompressionStream("gzip"));
  const streamed = await new Response(stream).text().catch((error) => `${error.name}: ${error.message}`);
  console.log(`${name}: DecompressionStream ${streamed}; zlib ${gunzipSync(file)}`);
}
END
cat >expected.txt <<'END'
Node
one member: DecompressionStream one; zlib one
two members: DecompressionStream onetwo; zlib onetwo
zeros behind: DecompressionStream one; zlib one
Deno
one member: DecompressionStream one; zlib one
two members: DecompressionStream TypeError: failed to write whole buffer; zlib onetwo
zeros behind: DecompressionStream TypeError: failed to write whole buffer; zlib one
END
{ echo Node; node run.mjs; echo Deno; npx deno run -A run.mjs; } >seen.txt 2>errors.txt || { cat seen.txt errors.txt; exit 1; }
diff expected.txt seen.txt
cat seen.txt

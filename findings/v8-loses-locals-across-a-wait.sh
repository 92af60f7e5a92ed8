#!/usr/bin/env bash
# A local of a WebAssembly function is 0 after memory.atomic.wait32 in Node 20, though nothing set it anew.
#
# Node 20.20.2 (V8 11.3) against Node 22.23.3 (V8 12.4); text assembled by wabt 1.0.39. The function sets a local to its
# argument plus 7, waits for a word of shared memory with a timeout of a millisecond, and returns the local: 12 for 5. Node
# 20's baseline compiler, Liftoff, keeps the local in a register that the wait does not save, and gives 0; with
# --no-liftoff, which compiles with the optimizing compiler at once, 12. A loop around a wait, with its counter in a local,
# never ends there. Whoever sleeps in WebAssembly should do so in a function that needs no local afterwards. Linux, x86-64.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >init.log
npm install --no-audit --no-fund wabt@1.0.39 node20@npm:node@20.20.2 node22@npm:node@22.23.3 >install.log 2>&1 || { cat install.log; exit 1; }
cat >wait.mjs <<'END'
import wabt from "wabt";

const { parseWat } = await wabt();
const text = `(module
  (import "a" "memory" (memory 1 1 shared))
  (func (export "wait") (param $x i32) (result i32) (local $kept i32)
    (local.set $kept (i32.add (local.get $x) (i32.const 7)))
    (drop (memory.atomic.wait32 (i32.const 64) (i32.const 0) (i64.const 1000000)))
    (local.get $kept)))`;
const { buffer } = parseWat("wait.wat", text, { threads: true }).toBinary({});
const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
const { wait } = new WebAssembly.Instance(new WebAssembly.Module(buffer), { a: { memory } }).exports;
console.log(`V8 ${process.versions.v8.split(".", 2).join(".")}${process.execArgv.map((flag) => ` ${flag}`)}: ${wait(5)}`);
END
for run in "20" "20 --no-liftoff" "22"; do
  set -- $run
  node_modules/node$1/bin/node ${2:-} wait.mjs
done | tee seen
diff seen - <<'END'
V8 11.3: 0
V8 11.3 --no-liftoff: 12
V8 12.4: 12
END
echo "as described"

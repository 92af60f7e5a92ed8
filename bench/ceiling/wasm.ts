/**
 * The processor's peak as WebAssembly, on a number of threads at once: multiply-adds of vectors that stay in registers, and
 * bytes copied. Nothing of the engine takes part but its assembler.
 */
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import type { Ceiling } from "wgrad";
import { f32x4, type I32, i32, type V128 } from "../../src/wasm/assembler/instructions.ts";
import { ModuleBuilder } from "../../src/wasm/assembler/module.ts";
import { probeFeatures } from "../../src/wasm/features.ts";

/** Sums that do not wait for each other: as many as processors need, and as fit into their registers. */
const CHAINS = 12;
const LANES = 4;
const PAGE = 65_536;
/** Larger than the caches. */
const COPY_BYTES = 64 * 2 ** 20;
/** The two places of a copy, behind a page for results. */
const [FROM, TO] = [PAGE, PAGE + COPY_BYTES];
const PAGES = 1 + (2 * COPY_BYTES) / PAGE;
/** Duration of a measurement: short, so that other processes leave some of them alone. */
const WANTED_MS = 5;
const REPETITIONS = 60;
/** Short calls at first: a call stays in slow code to its end. */
const WARM_UP = { calls: 30, rounds: 20_000 } as const;

type Work = "multiply" | "copy";

/** `multiply` and `copy`, each with its number of rounds. */
function ceilingModule(relaxed: boolean): Uint8Array<ArrayBuffer> {
  const module = new ModuleBuilder(false);
  module.function(
    ["i32"],
    [],
    (f) => {
      const rounds = f.parameters[0] as I32;
      const factor = f.keep(f32x4.const(0.5));
      const added = f.keep(f32x4.const(0.25, 0.5, 0.75, 1));
      const sums = Array.from({ length: CHAINS }, () => f.variable("v128", added));
      f.loop(i32.const(0), rounds, 1, () => {
        for (const sum of sums)
          f.set(
            sum,
            relaxed ? f32x4.relaxed_madd(sum, factor, added) : f32x4.add(f32x4.mul(sum, factor), added),
          );
      });
      f.store(
        i32.const(0),
        sums.reduce<V128>((a, b) => f32x4.add(a, b), added),
      );
    },
    "multiply",
  );
  module.function(
    ["i32"],
    [],
    (f) => {
      f.loop(i32.const(0), f.parameters[0] as I32, 1, () =>
        f.copyMemory(i32.const(TO), i32.const(FROM), i32.const(COPY_BYTES)),
      );
    },
    "copy",
  );
  return module.encode();
}

/** What each thread does: calls a function of the module, and tells how long that took. */
const THREAD = `
const { parentPort, workerData } = require("node:worker_threads");
const memory = new WebAssembly.Memory({ initial: ${PAGES}, maximum: ${PAGES} });
const { exports } = new WebAssembly.Instance(new WebAssembly.Module(workerData), { wgrad: { memory } });
new Uint8Array(memory.buffer).fill(1);
for (let i = 0; i < ${WARM_UP.calls}; i++) exports.multiply(${WARM_UP.rounds});
exports.copy(1);
parentPort.on("message", ({ work, rounds }) => {
  const began = performance.now();
  exports[work](rounds);
  parentPort.postMessage(performance.now() - began);
});
parentPort.postMessage("ready");
`;

/** Operations and bytes a second of so many threads together, at best; a multiply-add is two operations. */
export async function measureWasmCeiling(threads: number): Promise<Ceiling> {
  const bytes = ceilingModule(probeFeatures().relaxed);
  const workers = Array.from(
    { length: threads },
    () => new Worker(THREAD, { eval: true, workerData: bytes }),
  );
  try {
    await Promise.all(workers.map((worker) => once(worker, "message")));
    /** Rounds a millisecond of all threads together, which begin within a fraction of a millisecond. */
    const together = async (work: Work, rounds: number) => {
      const rates = workers.map(async (worker) => {
        const answer = once(worker, "message");
        worker.postMessage({ work, rounds });
        const [took] = (await answer) as [number];
        return rounds / took;
      });
      return (await Promise.all(rates)).reduce((sum, rate) => sum + rate, 0);
    };
    const perSecond = async (work: Work, each: number, first: number) => {
      const rate = (await together(work, first)) / threads;
      const rounds = Math.max(1, Math.round(WANTED_MS * rate));
      let best = 0;
      for (let i = 0; i < REPETITIONS; i++) best = Math.max(best, await together(work, rounds));
      return best * each * 1000;
    };
    return {
      flops: await perSecond("multiply", CHAINS * LANES * 2, 1_000_000),
      // Read, and written.
      bytes: await perSecond("copy", 2 * COPY_BYTES, 1),
    };
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
}

/** Kernels leave all memory alone that is not theirs: between pieces, and behind the last one. */
import { afterAll, describe, expect, it } from "vitest";
import type { Engine } from "../../src/runtime/engine.ts";
import { CONTROL_BYTES } from "../../src/wasm/control.ts";
import { openWasm } from "../../src/wasm/open.ts";
import { runKernel } from "../helpers/kernel-run.ts";
import { kernelCases } from "../kernels/cases/index.ts";

const engine = openWasm(1);
afterAll(() => engine.destroy());

/** What no piece has: as a float, a number that is easily told from results. */
const OUTSIDE = 0xa5;

/** Pieces in use, with the bytes that were asked for. */
const pieces = new Map<number, number>();
const take = engine.space.take.bind(engine.space);
engine.space.take = (what, bytes, isClear) => {
  const piece = take(what, bytes, isClear);
  pieces.set(piece.address, bytes);
  return piece;
};
const free = engine.space.free.bind(engine.space);
engine.space.free = (piece) => {
  pieces.delete(piece.address);
  free(piece);
};

/** All that lies in no piece. */
function outside(): Uint8Array[] {
  const { buffer } = engine.space.memory;
  const gaps: Uint8Array[] = [];
  let end = CONTROL_BYTES;
  for (const [address, bytes] of [...pieces].sort(([a], [b]) => a - b)) {
    gaps.push(new Uint8Array(buffer, end, address - end));
    end = address + bytes;
  }
  gaps.push(new Uint8Array(buffer, end, Math.min(2 ** 16, buffer.byteLength - end)));
  return gaps;
}

/** The engine, whose memory outside of all pieces is filled before programs run. */
const filled: Engine = new Proxy(engine, {
  get(target, key) {
    const value = Reflect.get(target, key, target);
    if (key !== "compile") return typeof value === "function" ? value.bind(target) : value;
    return async (...program: Parameters<Engine["compile"]>) => {
      const executable = await target.compile(...program);
      for (const gap of outside()) gap.fill(OUTSIDE);
      const run = executable.run.bind(executable);
      executable.run = async (count) => {
        const outputs = await run(count);
        const wrong = outside().filter((gap) => gap.some((byte) => byte !== OUTSIDE));
        expect(wrong.map(({ byteOffset }) => byteOffset)).toEqual([]);
        return outputs;
      };
      return executable;
    };
  },
});

describe.each(Object.entries(kernelCases))("%s", (_kernel, cases) => {
  it.each(cases.map((one) => [one.name, one] as const))("%s", async (_name, { run }) => {
    expect.assertions(1);
    await runKernel(filled, run);
  });
});

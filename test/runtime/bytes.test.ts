/** Bytes are written at any place, any number of them, and nothing beside them changes. */
import { describe, expect, it } from "vitest";
import { elementwiseConstants } from "../../src/kernels/elementwise.ts";
import type { Program } from "../../src/program.ts";
import { uniform } from "../../src/random.ts";
import { ENGINES, useEngines } from "../helpers/engines.ts";
import { loadFrom, storeTo } from "../helpers/kernel-run.ts";

const engines = useEngines();
const LENGTH = 15;

describe.each(ENGINES)("on the %s", (kind) => {
  it("every place and number of bytes", async () => {
    const engine = engines[kind];
    const buffer = engine.buffer("bytes", "u8", LENGTH);
    const expected = new Uint8Array(LENGTH);
    let next = 1;
    for (let offset = 0; offset < LENGTH; offset++) {
      for (const length of [0, 1, 2, 3, 4, 5, 8, LENGTH - offset].filter((n) => offset + n <= LENGTH)) {
        // A part of a larger array, as samples are.
        const data = Uint8Array.from({ length: length + 3 }, () => next++ % 251).subarray(3);
        buffer.write(data, offset);
        expected.set(data, offset);
        expect(await buffer.read(), `${length} bytes at ${offset}`).toEqual(expected);
      }
    }
    buffer.release();
  });

  it("many writes one after the other, with runs between them", async () => {
    const engine = engines[kind];
    const buffer = engine.buffer("bytes", "u8", LENGTH);
    const executable = await engine.compile(asNumbers, { data: { bytes: buffer } });
    const expected = new Uint8Array(LENGTH);
    const runs: Promise<unknown>[] = [];
    const wanted: unknown[] = [];
    let drawn = 0;
    const random = (count: number) => Math.floor(uniform(1, 1, drawn++) * count);
    for (let i = 0; i < 30; i++) {
      const offset = random(LENGTH);
      const data = Uint8Array.from({ length: random(LENGTH - offset + 1) }, () => random(256));
      buffer.write(data, offset);
      expected.set(data, offset);
      if (i % 3 > 0) continue;
      runs.push(executable.run(1));
      wanted.push({ y: Float32Array.from(expected) });
    }
    expect(await Promise.all(runs)).toEqual(wanted);
    executable.release();
    buffer.release();
  });
});

const whole = (buffer: number) => ({ buffer, offset: 0, shape: [LENGTH] });

const asNumbers: Program = {
  name: "as numbers",
  buffers: [
    { name: "bytes", kind: "data", dtype: "u8", length: LENGTH },
    { name: "y", kind: "output", dtype: "f32", length: LENGTH },
  ],
  dispatches: [
    {
      label: "read",
      kernel: "elementwise",
      constants: elementwiseConstants(LENGTH),
      hooks: { element: loadFrom("operand0"), store: storeTo("result0") },
      bindings: { operand0: whole(0), result0: whole(1) },
    },
  ],
  scalars: [],
  outputs: { y: whole(1) },
};

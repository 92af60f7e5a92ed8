/** Loads past the ends of lines are safe wherever memory lies: hooks give numbers of no meaning there. */
import { afterAll, describe, expect, it } from "vitest";
import { bytesPerElement, type DType } from "../../src/dtypes.ts";
import { poolConstants } from "../../src/kernels/pool2d.ts";
import { reduceConstants } from "../../src/kernels/reduce.ts";
import type { Hook } from "../../src/program.ts";
import { cpu } from "../../src/runtime/cpu.ts";
import { i32 } from "../../src/wasm/assembler/instructions.ts";
import { ModuleBuilder } from "../../src/wasm/assembler/module.ts";
import { CONTROL_BYTES } from "../../src/wasm/control.ts";
import { loadHook } from "../../src/wasm/hooks/hooks.ts";
import { openWasm } from "../../src/wasm/open.ts";
import { difference } from "../helpers/compare.ts";
import { loadFrom, runKernel, storeTo } from "../helpers/kernel-run.ts";
import { uniform } from "../helpers/samples.ts";
import { TIGHT } from "../kernels/cases/case.ts";

const PAGE = 65_536;
const ROWS = 3;
/** Elements of a line, and the lanes that are loaded, from whole vectors to such that lie wholly past the end. */
const SIZE = 33;
const LOADED = SIZE + 15;

/** Rows of `SIZE`, each `lane` from the other in memory, backwards where that is negative. */
function strided(lane: number): { readonly hook: Hook; readonly length: number } {
  const [step, row] = [Math.abs(lane), Math.abs(lane) * SIZE];
  const terms = [
    { div: SIZE, mod: 0, mul: row },
    { div: 1, mod: SIZE, mul: lane },
  ];
  const offset = lane < 0 ? step * (SIZE - 1) : 0;
  const code: Hook["code"] = [
    { op: "index" },
    { op: "map", from: 0, terms, offset },
    { op: "load", binding: "x", at: 1 },
  ];
  // Nothing lies behind the last element.
  return { hook: { code, result: 2 }, length: row * ROWS - step + 1 };
}

const lanes = [1, 2, 3, 4, 5, 1000, -1, -2, -3, -5, -1000];
const dtypes: readonly DType[] = ["f32", "i32", "u8"];

describe.each(dtypes)("of %s", (dtype) => {
  it.each(lanes)("%i apart", (lane) => {
    const { hook, length } = strided(lane);
    const bytes = length * bytesPerElement(dtype);
    const pages = Math.ceil((CONTROL_BYTES + bytes + 128) / PAGE);
    // At the beginning of memory and at its end, but for the bytes that may be read behind each piece.
    for (const address of [CONTROL_BYTES, pages * PAGE - 64 - 64 * Math.ceil(bytes / 64)]) {
      const memory = { x: { address, stepBytes: 0, dtype, length } };
      const scope = { memory, scalars: [], table: 0, features: { relaxed: false } };
      const module = new ModuleBuilder(false);
      module.function(
        ["i32", "i32"],
        [],
        (f) => {
          f.loop(i32.const(0), i32.const(ROWS), 1, (row) => {
            const index = [{ value: row, stride: SIZE, size: ROWS }];
            const load = loadHook(hook, scope).along(f, index, { stride: 1, size: SIZE });
            f.loop(i32.const(0), i32.const(LOADED - 3), 1, (i) => f.store(i32.const(0), load(i)));
          });
        },
        "run",
      );
      const wasm = new WebAssembly.Memory({ initial: pages, maximum: 65536 });
      const compiled = new WebAssembly.Module(module.encode());
      const { exports } = new WebAssembly.Instance(compiled, { wgrad: { memory: wasm } });
      const run = exports.run as (step: number, part: number) => void;
      expect(() => run(0, 0), `at ${address}`).not.toThrow();
    }
  });
});

const engines = { cpu: cpu(), wasm: openWasm(1) };
afterAll(() => engines.wasm.destroy());

describe("columns that lie backwards", () => {
  it.each([1, 5, 17, 33, 50])("%i of them are added up", async (inner) => {
    const shape = { outer: 2, size: 3, inner };
    const terms = [
      { div: inner, mod: 0, mul: inner },
      { div: 1, mod: inner, mul: -1 },
    ];
    const element: Hook = {
      code: [
        { op: "index" },
        { op: "map", from: 0, terms, offset: inner - 1 },
        { op: "load", binding: "operand0", at: 1 },
      ],
      result: 2,
    };
    const run = {
      kernel: "reduce",
      constants: reduceConstants("max", shape),
      hooks: { element, store: storeTo("result0") },
      reads: { operand0: uniform([6 * inner]).data },
      results: { result0: { length: 2 * inner } },
    };
    expect(await runKernel(engines.wasm, run)).toEqual(await runKernel(engines.cpu, run));
  });
});

describe.each([2, 1500, -2, -1500])("pixels that lie %i apart", (lane) => {
  const kernels = ["maxSelect", "maxScatter", "average", "averageScatter"] as const;
  it.each(kernels)("are pooled, windows past the edges among them: %s", async (kernel) => {
    for (const width of [8, 9]) {
      for (const stride of [1, 2, 3]) {
        const size = [4, width] as const;
        const outSize = [Math.floor(3 / stride) + 1, Math.floor((width - 1) / stride) + 1] as const;
        const pair = (n: number) => [n, n] as const;
        const shape = { images: 1, size, outSize, kernel: pair(3), stride: pair(stride), padding: pair(1) };
        const [image, pooled] = [4 * width, outSize[0] * outSize[1]];
        const count = kernel === "averageScatter" ? pooled : image;
        const offset = lane < 0 ? -lane * (count - 1) : 0;
        const element: Hook = {
          code: [
            { op: "index" },
            { op: "map", from: 0, terms: [{ div: 1, mod: 0, mul: lane }], offset },
            { op: "load", binding: "operand0", at: 1 },
          ],
          result: 2,
        };
        const isMaximum = kernel.startsWith("max");
        const run = {
          kernel,
          constants: poolConstants(shape, kernel),
          hooks: { element, ...(isMaximum && { picked: loadFrom("operand1") }), store: storeTo("result0") },
          reads: {
            operand0: uniform([Math.abs(lane) * (count - 1) + 1]).data,
            ...(isMaximum && { operand1: uniform([image]).data }),
          },
          results: { result0: { length: kernel.endsWith("Scatter") ? image : pooled } },
        };
        const [got, want] = [await runKernel(engines.wasm, run), await runKernel(engines.cpu, run)];
        expect(difference(`${width} by ${stride}`, got.result0, want.result0, TIGHT)).toBe(undefined);
      }
    }
  });
});

/** Kernels work wherever their memory lies: beyond 2 GiB, where addresses are negative as signed integers. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Elements } from "../../src/dtypes.ts";
import { openWasm } from "../../src/wasm/open.ts";
import { runKernel } from "../helpers/kernel-run.ts";
import { kernelCases } from "../kernels/cases/index.ts";

const GIB = 2 ** 30;
const [low, high] = [openWasm(1), openWasm(1)];
/** Behind what is never touched: the pages before take no memory. */
const START = 3 * GIB;

beforeAll(() => {
  high.space.take("what comes before", START, false);
});
afterAll(() => Promise.all([low.destroy(), high.destroy()]));

describe.each(Object.entries(kernelCases))("%s", (_kernel, cases) => {
  it.each(cases.map((one) => [one.name, one] as const))("%s", async (_name, { run }) => {
    const [found, want] = [await runKernel(high, run), await runKernel(low, run)];
    for (const name of Object.keys(want))
      expect(Buffer.compare(bytesOf(found[name]), bytesOf(want[name])), name).toBe(0);
    expect(high.space.end).toBeGreaterThan(START);
  });
});

function bytesOf({ buffer, byteOffset, byteLength }: Elements): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

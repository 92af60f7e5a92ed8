/** `bench verify`: what it makes of the program of the twins, whatever becomes of that, and the program itself. */
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { problemOf, type Verification, verify, verifyReport } from "../../bench/verify.ts";

const FAKE = fileURLToPath(new URL("fake-twins.mjs", import.meta.url));

async function verified(fates: readonly string[], patience?: number) {
  const seen: number[] = [];
  const onProgress = ({ done }: Verification) => seen.push(done);
  const result = await verify([process.execPath, FAKE, ...fates], onProgress, patience);
  return { result, seen, text: verifyReport(result).lines.join("\n") };
}

const about = { kernel: "product", variant: "product TILE 8" };

describe("the verification of kernels", () => {
  it("counts what agrees, and lists what does not, with the largest difference", async () => {
    const { result, seen, text } = await verified(["0", "1e-7", "wrong", "skip", "nan", "3e-7"]);
    expect(result).toMatchObject({
      adapter: "fake",
      total: 6,
      done: 6,
      kernels: { product: { agree: 3, disagree: 2, largest: 3e-7 }, idle: { agree: 0, disagree: 0 } },
      skipped: { "no lanes": 1 },
      ended: undefined,
    });
    expect(result.failures).toEqual([
      { ...about, shape: "case 2", wrong: ["result0: 2 of 3 are wrong"], largest: 0.5 },
      { ...about, shape: "case 4", wrong: ["result0: [1] is NaN"], largest: undefined },
    ]);
    expect(seen).toEqual([1, 2, 3, 4, 5, 6]);
    expect(text).toContain("3 of 6 cases agree, of 6 in all");
    expect(text).toContain("DISAGREES product, case 2, as product TILE 8: result0: 2 of 3 are wrong");
    expect(text).toContain("1 left out: no lanes");
    expect(problemOf(result)).toBe("2 of 6 disagree with their twins");
    expect(problemOf((await verified(["0", "skip"])).result)).toBe(undefined);
  });

  it("goes on behind a case that ends the process, or that never answers", async () => {
    const { result } = await verified(["0", "0", "crash", "0", "hang", "0"], 2);
    expect(result).toMatchObject({ total: 6, done: 6, kernels: { product: { agree: 4, disagree: 2 } } });
    expect(result.failures.map(({ shape, wrong }) => [shape, wrong[0]])).toEqual([
      ["case 2", "the process ended: Error: the driver fell over (SIGKILL)"],
      ["case 4", "the process ended: no answer in 2 s"],
    ]);
  });

  it("ends where nothing runs at all, with the reason", async () => {
    const none = await verified(["none"]);
    expect(none.result).toMatchObject({ total: 0, done: 0 });
    expect(problemOf(none.result)).toBe("Error: there is no adapter (exit code 1)");
    expect(none.text).toContain("Ended early: Error: there is no adapter (exit code 1)");
    const { result } = await verified(Array(20).fill("crash"));
    expect(result.ended).toBe("Error: the driver fell over (SIGKILL)");
    expect(result.failures.length).toBeLessThan(20);
  });
});

/**
 * Each reader of what comes from outside, given mutated files: it reads them rightly or refuses them in the library's
 * words, within a second, and asks for no more memory than twice the file and 1 MiB beside. `npm run fuzz` gives
 * 100,000 files a reader, and prints what became of them.
 */
// First: it watches the constructors that the others keep.
import "./allocations.ts";
import { afterAll, describe, expect, it } from "vitest";
import { cutOff, type Figures, fuzz } from "./property.ts";

const { READERS } = await import("./all.ts");
const files = Number(process.env.WGRAD_FUZZ_FILES ?? 2000);
const seed = Number(process.env.WGRAD_FUZZ_SEED ?? 1);
const told = new Map<string, Figures>();

describe.each(READERS.map((reader) => [reader.name, reader] as const))("%s", (name, reader) => {
  it("cut off at any byte", async () => {
    const { files, refused } = await cutOff(reader);
    expect(files).toBeGreaterThanOrEqual(refused);
  });

  it(
    `mutated ${files} times`,
    async () => {
      const figures = await fuzz(reader, files, seed);
      told.set(name, figures);
      expect(figures.files).toBe(files + reader.samples.length);
    },
    60_000 + files * 30,
  );
});

afterAll(() => {
  if (process.env.WGRAD_FUZZ_FILES === undefined) return;
  const cells = (first: string, ...others: (string | number)[]) =>
    first.padEnd(22) + others.map((cell) => String(cell).padStart(10)).join("");
  console.log(cells("reader", "files", "read", "refused", "slowest", "all", "memory"));
  for (const [name, { files, read, refused, slowest, total, largest }] of told) {
    const times = [`${slowest.toFixed(1)} ms`, `${(total / 1000).toFixed(1)} s`];
    console.log(cells(name, files, read, refused, ...times, `${(100 * largest).toFixed(1)} %`));
  }
});

/** `npm run bench -- isa` from end to end, without npm. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { isaCommand } from "../../bench/isa.ts";
import { findCompilers } from "../../scripts/packages.mjs";
import { runScript } from "../helpers/command.ts";
import { needsBuild, useTemporaryFolder } from "../helpers/programs.ts";

const MINUTES = 60_000;
const bench = (...args: string[]) => runScript("bench/main.ts", ["isa", ...args]);

needsBuild();
const folder = useTemporaryFolder();
const { assembler, radv } = findCompilers();

describe("bench isa", () => {
  it.skipIf(!assembler || !radv)(
    "compiles each launch of a step, and the same out of a folder (where the compilers are: node scripts/setup.mjs --for isa)",
    async () => {
      const shared = ["--families", "navi21,vega10", "--json", "--out", folder.path];
      const args = ["20-12", "--batch", "64", "--asm", "--model-time", "10TFLOPS,300GBPS,5US", ...shared];
      const { exitCode, stdout, stderr } = await bench(...args);
      expect(stderr).not.toMatch(/^\s+at /m);
      expect(exitCode).toBe(0);
      const result = JSON.parse(stdout);
      expect(result).toMatchObject({
        benchmark: "isa",
        adapter: expect.stringMatching(/^RADV of Mesa \d+.*, on no device$/),
        softwareAdapter: false,
        traits: { workgroupBytes: 32_768, workgroupInvocations: 1024 },
        command: `npm run bench -- isa ${args.join(" ")}`,
      });
      expect(result.traits).not.toHaveProperty("subgroupSize");
      const [{ launches, bound, model, title }] = result.steps;
      expect(title).toBe("One training step of 784-20-12-10, batch 64");
      expect(launches.length).toBeGreaterThanOrEqual(3 + 2 + 1);
      for (const { code, workgroup, entryPoint, name } of launches) {
        expect(name).toMatch(new RegExp(`^\\d\\d-${entryPoint}$`));
        const invocations = workgroup.reduce((product: number, size: number) => product * size, 1);
        expect(code.map(({ family }: { family: string }) => family)).toEqual(["navi21", "vega10"]);
        for (const { wave, registers, wavesPerSimd, codeBytes, lanes, innerLoop } of code) {
          expect([32, 64]).toContain(wave);
          expect(registers).toBeGreaterThan(0);
          expect(registers).toBeLessThanOrEqual(256);
          expect(wavesPerSimd).toBeGreaterThan(0);
          expect(codeBytes).toBeGreaterThan(0);
          expect(lanes).toBe(invocations / (Math.ceil(invocations / wave) * wave));
          expect(innerLoop.slots).toBeGreaterThan(0);
        }
        // GCN's waves have 64 lanes.
        expect(code[1].wave).toBe(64);
      }
      // The weightiest is the first layer's product, in whose loop multiply-adds are many.
      const [heaviest] = [...launches].sort((a, b) => b.flops - a.flops);
      expect(heaviest.flops).toBeGreaterThanOrEqual(2 * 64 * 784 * 20);
      expect(heaviest.code[0].innerLoop.multiplyAdds).toBeGreaterThan(0);
      // The optimizer has multiply-adds, but no products.
      for (const { products, code } of launches)
        expect(code.map((one: { bound?: number }) => one.bound !== undefined)).toEqual([products, products]);
      expect(
        launches.filter(({ products }: { products: boolean }) => products).length,
      ).toBeGreaterThanOrEqual(5);
      expect(launches.at(-1).products).toBe(false);
      expect(launches.at(-1).code[0].innerLoop.multiplyAdds).toBeGreaterThan(0);
      for (const family of ["navi21", "vega10"]) {
        expect(bound[family]).toBeGreaterThan(0);
        expect(bound[family]).toBeLessThanOrEqual(1);
        const { total, arithmetic, bytes, launches: starts } = model[family];
        expect(starts).toBeCloseTo(launches.length * 5e-6, 12);
        expect(total).toBeCloseTo(arithmetic + bytes + starts, 12);
      }
      const files = await readdir(folder.path);
      expect(files).toEqual(expect.arrayContaining(["isa-20-12-none.json", "isa-20-12-none.svg"]));
      const assembly = `isa-20-12-none-20-12-${heaviest.name}-navi21.s`;
      expect(await readFile(join(folder.path, assembly), "utf8")).toMatch(/^BB0:$[\s\S]*v_fma/m);

      const written = join(folder.path, "wgsl");
      expect(await bench("20-12", "--batch", "64", "--wgsl", written)).toMatchObject({
        exitCode: 0,
        stdout: "",
      });
      const again = await bench(join(written, "20-12"), ...shared);
      expect(again.exitCode).toBe(0);
      const [step] = JSON.parse(again.stdout).steps;
      expect(step.launches).toEqual(launches);
      expect(step.bound).toEqual(bound);
    },
    3 * MINUTES,
  );

  it.each([
    [
      "a step",
      ["perceptron"],
      "Expected mlp, conv, transformer, hidden widths such as 96-200-48, or a folder",
    ],
    ["a subgroup size", ["mlp", "--subgroup", "16"], "Expected none, 32 or 64"],
    ["a family", ["mlp", "--families", "navi99"], "Expected names out of navi31"],
    ["figures of a GPU", ["mlp", "--model-time", "10TFLOPS"], "such as 10TFLOPS,300GBPS,5US"],
    ["a batch", ["mlp", "--batch", "0"], "Expected a whole number from 1"],
  ])("refuses %s that there is not", async (_what, args, words) => {
    await expect(isaCommand().parseAsync(args, { from: "user" })).rejects.toThrow(words);
  });
});

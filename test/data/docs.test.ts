/** docs/data.md names everything that the entries for data offer, and its examples have the types they should. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import * as csv from "../../src/csv/index.ts";
import * as data from "../../src/data/index.ts";
import * as linear from "../../src/linear/index.ts";
import { installed, ROOT, runNode } from "../helpers/programs.ts";

const page = readFile(join(ROOT, "docs/data.md"), "utf8");

describe("docs/data.md", () => {
  it.each([
    ["wgrad/data", data],
    ["wgrad/csv", csv],
    ["wgrad/linear", linear],
  ])("names every function of %s", async (_name, entry) => {
    const code = [...(await page).matchAll(/```.*?```|`[^`\n]+`/gs)].map(([text]) => text).join(" ");
    const words = new Set(code.match(/\w+/g));
    const functions = Object.entries(entry).filter(
      ([name, value]) => typeof value === "function" && !/^[A-Z]/.test(name),
    );
    expect(functions.length).toBeGreaterThan(0);
    expect(functions.map(([name]) => name).filter((name) => !words.has(name))).toEqual([]);
  });

  it("has examples that the compiler accepts", { timeout: 60_000 }, async () => {
    const examples = [...(await page).matchAll(/```ts\n(.*?)```/gs)].map(([, code]) => code);
    expect(examples.length).toBeGreaterThan(2);
    // Inside of the repository, so that the compiler finds what the repository has installed.
    await mkdir(join(ROOT, ".cache"), { recursive: true });
    const folder = await mkdtemp(join(ROOT, ".cache", "data-docs-"));
    // In a block, what an example declares goes before what it is given.
    const given = `
      import { createTrainer, dense, type Engine, fit, meanSquaredError, type Model, predict, relu, scaledLoss, scaling, sequential, unscaling } from "wgrad";
      import { type Dataset, split, standardScaler, stratifiedKFold, subset } from "wgrad/data";
      import { readCsv } from "wgrad/csv";
      declare const gpu: Engine, model: Model, set: Dataset, train: Dataset, rawRows: Float32Array;
    `;
    const names = examples.map((_, i) => `example${i}.ts`);
    await Promise.all(
      examples.map((code, i) => writeFile(join(folder, names[i]), `${given}\n{\n${code}\n}\nexport {};\n`)),
    );
    const config = join(folder, "tsconfig.json");
    const compilerOptions = { noUnusedLocals: false };
    const include = [...names, join(ROOT, "src/wgsl.d.ts")];
    await writeFile(
      config,
      JSON.stringify({ extends: join(ROOT, "tsconfig.json"), compilerOptions, include }),
    );
    try {
      await runNode([installed("typescript/bin/tsc"), "-p", config], { timeoutMs: 60_000 });
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});

/** The session in docs/training.md, taken from the page: its types are right, and it does what the page says. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import type { Advance, Session, SessionState } from "../../src/index.ts";
import { installed, ROOT, runNode } from "../helpers/programs.ts";

let folder = "";
let page: { training: Session; state: SessionState; slow: Advance; fast: Advance };
const printed: unknown[][] = [];

beforeAll(async () => {
  const text = await readFile(join(ROOT, "docs/training.md"), "utf8");
  const [, section = ""] = /^## A session$(.*?)^## /ms.exec(text) ?? [];
  const blocks = [...section.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code]) => code);
  expect(blocks).toHaveLength(1);
  // Inside of the repository, so that the compiler finds what the repository has installed.
  await mkdir(join(ROOT, ".cache"), { recursive: true });
  folder = await mkdtemp(join(ROOT, ".cache", "session-"));
  const file = join(folder, "session.ts");
  await writeFile(file, `${blocks[0]}\nexport { fast, slow, state, training };\n`);
  const log = vi.spyOn(console, "log").mockImplementation((...values) => void printed.push(values));
  page = await import(/* @vite-ignore */ pathToFileURL(file).href);
  log.mockRestore();
});

afterAll(() => rm(folder, { recursive: true, force: true }));

it("has no type error", async () => {
  const config = join(folder, "tsconfig.json");
  const include = ["session.ts", join(ROOT, "src/wgsl.d.ts")];
  await writeFile(config, JSON.stringify({ extends: join(ROOT, "tsconfig.json"), include }));
  await runNode([installed("typescript/bin/tsc"), "-p", config], { timeoutMs: 60_000 });
});

it("trains, step by step, and goes back", () => {
  expect(printed.map(([steps]) => steps)).toEqual([20, 40, 60, 80, 100]);
  const accuracy = printed.map((values) => Number(values[4]));
  expect(accuracy[4]).toBeGreaterThan(accuracy[0]);
  expect(page.state.steps).toBe(100);
  expect(page.slow.learningRate).toBeCloseTo(0.001, 12);
  expect(page.fast.learningRate).toBe(0.01);
  expect(page.slow.place).toEqual(page.fast.place);
  expect(page.slow.losses[0]).toBe(page.fast.losses[0]);
  expect(page.slow.losses[9]).not.toBe(page.fast.losses[9]);
});

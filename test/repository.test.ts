/** Holds the repository against its own rules: format, types, sizes, dependencies and who imports whom. */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { importErrors } from "./helpers/import-rules.ts";
import { circlesIn } from "./helpers/imports.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const MAX_LINES = 400;
/** What the library and the programs are made of. */
const FOLDERS = ["src", "presets", "cli", "charts", "bench", "demo"];

const read = (path: string) => readFileSync(join(root, path), "utf8");

/** The modules below a folder, as paths from the root with "/". */
function modulesIn(folder: string): string[] {
  if (!existsSync(join(root, folder))) return [];
  return readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .map((path) => `${folder}/${path.split(sep).join("/")}`)
    .filter((path) => /\.[mc]?[jt]sx?$/.test(path) && !/\/(dist|node_modules)\//.test(path));
}

/** Runs a tool of node_modules; a failure shows what the tool printed. */
function expectClean(tool: string, ...args: string[]) {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [join(root, "node_modules", tool), ...args],
    {
      cwd: root,
      encoding: "utf8",
      env: { ...process.env, NO_COLOR: "1" },
    },
  );
  if (status !== 0) expect.fail(`${tool} ${args.join(" ")}\n${stdout}${stderr}`);
}

describe("the tools find nothing", () => {
  it("biome (npm run format mends most of it)", () => {
    expectClean("@biomejs/biome/bin/biome", "ci", "--colors=off", ".");
  });

  it("the TypeScript compiler", () => {
    expectClean("typescript/bin/tsc", "--noEmit", "-p", "tsconfig.json");
  });
});

describe("packages", () => {
  it("the lock file names no server", () => {
    const lock = read("package-lock.json");
    expect(lock).not.toContain('"resolved"');
    expect(lock).not.toMatch(/https?:[^"]*\.tgz/);
  });

  it("there are no run-time dependencies", () => {
    expect(JSON.parse(read("package.json"))).not.toHaveProperty("dependencies");
  });
});

describe("pages", () => {
  it("hold no two versions of a conflict", () => {
    const pages = [
      "README.md",
      "CONTRIBUTING.md",
      ...readdirSync(join(root, "docs")).map((page) => `docs/${page}`),
    ];
    // Biome takes the last line of a conflict for a quotation.
    expect(pages.filter((page) => /^(<{7} |={7}$|>{7} |(> ){7})/m.test(read(page)))).toEqual([]);
  });
});

describe("source files", () => {
  it(`have at most ${MAX_LINES} lines`, () => {
    const lines = (path: string) => read(path).trimEnd().split("\n").length;
    expect(
      [...FOLDERS, "scripts", "test/helpers"].flatMap(modulesIn).filter((path) => lines(path) > MAX_LINES),
    ).toEqual([]);
  });

  it("import only what their place may import", () => {
    const files = FOLDERS.flatMap(modulesIn);
    expect(files.flatMap((path) => importErrors(path, read(path)))).toEqual([]);
  });
});

describe("the import graph", () => {
  const reads = (files: Record<string, string>) => circlesIn(new Map(Object.entries(files)));

  it("has no circle by value, be the imports static or dynamic", () => {
    expect(circlesIn(new Map(FOLDERS.flatMap(modulesIn).map((path) => [path, read(path)])))).toEqual([]);
  });

  it.each([
    ["of two", { "a.ts": 'import { b } from "./b.ts"', "b.ts": 'export * from "./a.ts"' }],
    ["of a dynamic import", { "a.ts": 'await import("./b.ts")', "b.ts": 'import { a } from "./a.ts"' }],
    ["of one", { "a.ts": 'import "./a.ts"' }],
  ])("is known to have a circle %s", (_of, files) => {
    expect(reads(files)).toEqual([Object.keys(files)]);
  });

  it("is known to have one of three, past a module that leads there", () => {
    const circle = reads({
      "in.ts": 'import "./x/a.ts"',
      "x/a.ts": 'import "./b.ts"',
      "x/b.ts": 'import "../c.ts"',
      "c.ts": 'import "./x/a.ts"',
    });
    expect(circle.map((files) => files.sort())).toEqual([["c.ts", "x/a.ts", "x/b.ts"]]);
  });

  it("takes no import of types for one", () => {
    expect(
      reads({ "a.ts": 'import { b } from "./b.ts"', "b.ts": 'import type { A } from "./a.ts"' }),
    ).toEqual([]);
  });
});

describe("the import rules", () => {
  it.each([
    ["src/program.ts", 'import "./random.ts"', "src/program.ts imports nothing"],
    ["src/kernels/matmul.ts", 'export * from "../nn/graph/ops/matmul.ts"', "src/kernels/ imports"],
    ["src/nn/graph/a.ts", 'type Device = import("../../runtime/device.ts").Device', "src/nn/graph/ imports"],
    ["src/nn/graph/a.ts", 'import shader from "../../../shaders/matmul.wgsl?raw"', "src/nn/graph/ imports"],
    ["src/nn/graph/a.ts", 'import type { Layer } from "../model/model.ts"', "src/nn/graph/ imports"],
    ["src/nn/model/a.ts", 'import { fit } from "../training/step.ts"', "src/nn/model/ imports"],
    ["src/runtime/gpu.ts", 'import { create } from "webgpu"', "dynamically webgpu"],
    ["src/data/files.ts", 'import { readFile } from "node:fs/promises"', "dynamically node:"],
    ["src/data/files.ts", "await import(name)", "src/data/ imports"],
    ["src/io/save.ts", 'import { check } from "../program.ts"', "types of src/program.ts"],
    ["src/other.ts", "", "no rule"],
    [
      "bench/main.ts",
      'import { plan } from "../src/runtime/plan.ts"',
      "bench/ imports wgrad, charts/, presets/, src/text.ts, itself",
    ],
  ])("refuse in %s: %s", (file, code, rule) => {
    const errors = importErrors(file, code);
    expect(errors).toHaveLength(1);
    expect(errors[0]).toContain(`${file}: `);
    expect(errors[0]).toContain(rule);
  });

  it.each([
    ["src/kernels/matmul.ts", 'import shader from "../../shaders/matmul.wgsl?raw"'],
    ["src/nn/graph/ops/matmul.ts", 'import { matmul } from "../../../kernels/matmul.ts"'],
    ["src/runtime/gpu.ts", 'await import("webgpu")'],
    ["src/data/files.ts", 'await import("node:fs/promises")'],
    ["src/io/save.ts", 'import type { Program } from "../program.ts"'],
    ["src/train/fit.ts", 'import { run } from "../runtime/run.ts"'],
    ["bench/main.ts", 'import { fit } from "wgrad"; import { mnist } from "wgrad/data"; import "node:fs"'],
  ])("accept in %s: %s", (file, code) => {
    expect(importErrors(file, code)).toEqual([]);
  });
});

/** Checks the built package in dist, which `npm test` builds first. */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { stripWgsl } from "../scripts/build-plugins.mjs";
import { readImports } from "./helpers/imports.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
/** By entry: the library itself is what every page loads; data sets and their readers are an entry of their own. */
const MAX_GZIP_BYTES: Readonly<Record<string, number>> = {
  "./dist/index.js": 60 * 1024,
  "./dist/data.js": 17 * 1024,
  "./dist/csv.js": 15 * 1024,
  "./dist/linear.js": 15 * 1024,
};

/** The package's entries as package.json declares them. */
const entries: { types: string; import: string }[] = Object.values(
  JSON.parse(readFileSync(join(root, "package.json"), "utf8")).exports,
);

/** The built modules that an application gets: the entries, and what they import of the package. */
function builtModules(of = entries): Map<string, string> {
  const modules = new Map<string, string>();
  const waiting = of.map((entry) => join(root, entry.import));
  for (let path = waiting.pop(); path; path = waiting.pop()) {
    if (modules.has(path)) continue;
    if (!existsSync(path)) throw new Error(`${path} does not exist; build it first: npm run build`);
    const code = readFileSync(path, "utf8");
    modules.set(path, code);
    const relative = readImports(code, path).filter(({ specifier }) => specifier.startsWith("."));
    for (const { specifier } of relative) waiting.push(join(dirname(path), specifier));
  }
  return modules;
}

describe("the built package", () => {
  it.each(entries)("is small: $import, with all that it loads", (entry) => {
    const sizes = [...builtModules([entry]).values()].map((code) => gzipSync(code).length);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(MAX_GZIP_BYTES[entry.import]);
  });

  it("asks for no other module, but dynamically for webgpu and Node's own", () => {
    const outside = [...builtModules()]
      .flatMap(([path, code]) => readImports(code, path))
      .filter(({ specifier }) => !specifier.startsWith("."))
      .map(({ specifier, kind }) => `${kind} ${specifier}`);
    // In the form that bundlers leave alone: see scripts/build-plugins.mjs.
    const expected = /^dynamic "(webgpu|node:[\w/]+)"\.slice\(\)$/;
    expect(outside.filter((text) => !expected.test(text))).toEqual([]);
  });

  it("has the declarations that package.json promises", () => {
    expect(entries.filter((entry) => !existsSync(join(root, entry.types)))).toEqual([]);
  });

  it("loads", async () => {
    for (const entry of entries) {
      const module = await import(pathToFileURL(join(root, entry.import)).href);
      expect(Object.keys(module).length).toBeGreaterThan(0);
    }
  });
});

describe("stripped shaders", () => {
  it("lose comments, indentation and empty lines", () => {
    const source = `
      // A header with /* no start of a block comment
      const SIZE = 16; /* one /* nested */ http://comment */ const HALF = SIZE / 2;

      fn half(x: f32) -> f32 {
        return x * 0.5; // trailing
      }`;
    expect(stripWgsl(source)).toBe(
      "const SIZE = 16;   const HALF = SIZE / 2;\nfn half(x: f32) -> f32 {\nreturn x * 0.5;\n}",
    );
  });

  it("stay apart where only a comment divided them", () => {
    expect(stripWgsl("const/* type */SIZE = 4;")).toBe("const SIZE = 4;");
  });
});

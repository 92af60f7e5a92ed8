/** The map of the code, docs/architecture.md, held against the code: its paths, the names it finds there, and what it prints. */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, vi } from "vitest";
import packageJson from "../package.json" with { type: "json" };
import { blocksOf, Examples } from "./helpers/examples.ts";
import { ROOT } from "./helpers/programs.ts";

const MOST_LINES = 250;
const page = readFileSync(join(ROOT, "docs/architecture.md"), "utf8");
const [picture, printed] = blocksOf(page, "text");
const spans = [...page.replaceAll(/```.*?```/gs, "").matchAll(/`([^`\n]+)`/g)].map(([, code]) => code);

/** What of a text is a path: it has a slash, or ends as files do. */
function pathsIn(text: string): string[] {
  const words = text.match(/[\w.-]+(?:\/[\w.-]+)*\/?/g) ?? [];
  return words.filter((word) => word.includes("/") || /\.(ts|mjs|wgsl)$/.test(word));
}

const entries = Object.keys(packageJson.exports).map((name) => name.replace(/^\./, "wgrad"));
const paths = [picture, ...spans].flatMap(pathsIn).filter((path) => !entries.includes(path));

/** The places that a path of the page can mean. */
function placesOf(path: string): string[] {
  return [join(ROOT, path), join(ROOT, "src", path)].filter((place) => existsSync(place));
}

describe("the map of the code", () => {
  it("names files and folders that exist, and each is in one place", () => {
    expect(paths.length).toBeGreaterThan(100);
    const wrong = paths.filter((path) => {
      const places = placesOf(path);
      return places.length !== 1 || statSync(places[0]).isDirectory() !== path.endsWith("/");
    });
    expect(wrong).toEqual([]);
  });

  it("names what is in those files", () => {
    const found = [...page.matchAll(/`(\w+)`\s+\(`([^`\n]+)`/g)];
    expect(found.length).toBeGreaterThan(30);
    const wrong = found.filter(([, name, path]) => {
      const [file] = placesOf(path);
      return !file || !new RegExp(`\\b${name}\\b`).test(readFileSync(file, "utf8"));
    });
    expect(wrong.map(([text]) => text)).toEqual([]);
  });

  it("names every folder of src", () => {
    const folders = readdirSync(join(ROOT, "src"), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ parentPath, name }) => `${join(parentPath, name).slice(join(ROOT, "src/").length)}/`);
    expect(folders.length).toBeGreaterThan(20);
    expect(folders.filter((folder) => !paths.some((path) => path.startsWith(folder)))).toEqual([]);
  });

  it("prints what its example prints", async () => {
    const [code] = blocksOf(page, "ts");
    const examples = await Examples.write({ "example.ts": code });
    const log = vi.spyOn(console, "log").mockImplementation(() => {});
    try {
      await examples.load("example.ts");
      expect(log.mock.calls.flat().join("\n")).toBe(printed);
    } finally {
      log.mockRestore();
      await examples.remove();
    }
  });

  it("explains each printed dispatch", () => {
    const kernels = [...printed.matchAll(/^(\d|\+) +(\w+)/gm)].map(([, line, kernel]) => [line, kernel]);
    expect(kernels.length).toBeGreaterThan(5);
    const explained = [...page.matchAll(/^- \*\*`?([\d+]+)`?, `(\w+)`/gm)].map(([, line, name]) => [
      line,
      name,
    ]);
    expect(explained).toEqual(kernels);
  });

  it(`is at most ${MOST_LINES} lines long`, () => {
    expect(page.trimEnd().split("\n").length).toBeLessThanOrEqual(MOST_LINES);
  });

  it.each(["README.md", "CONTRIBUTING.md"])("is found from %s", (name) => {
    expect(readFileSync(join(ROOT, name), "utf8")).toContain("(docs/architecture.md)");
  });
});

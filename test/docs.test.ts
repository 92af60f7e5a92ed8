/** The documents name everything that is public, and their examples run. */
import { existsSync, readdirSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import packageJson from "../package.json" with { type: "json" };
import * as wgrad from "../src/index.ts";
import { ROOT } from "./helpers/programs.ts";

/** The entries of the package beside `wgrad`. */
const ENTRIES = Object.keys(packageJson.exports)
  .filter((name) => name !== ".")
  .map((name) => name.slice(2));

/** Folders of the repository that paths begin with. */
const TOP = new Set(
  readdirSync(ROOT, { withFileTypes: true }).flatMap((one) => (one.isDirectory() ? one.name : [])),
);

/** By path from the root. */
const pages = new Map<string, string>();

beforeAll(async () => {
  const docs = (await readdir(join(ROOT, "docs"))).map((name) => `docs/${name}`);
  for (const path of ["README.md", "CONTRIBUTING.md", ...docs.filter((path) => path.endsWith(".md"))]) {
    pages.set(path, await readFile(join(ROOT, path), "utf8"));
  }
});

/** The words of all code on a page, between backticks or in a block. */
function codeWords(page: string, words = /[\w.]+/g): Set<string> {
  const code = [...page.matchAll(/```.*?```|`[^`\n]+`/gs)].map(([text]) => text).join(" ");
  return new Set(code.match(words));
}

interface Example {
  readonly path: string;
  /** What the row's first cell calls. */
  readonly subject: string;
  readonly code: string;
}

/** The rows of a page's tables that have a column called "example". */
function examples([path, page]: readonly [string, string]): Example[] {
  const found: Example[] = [];
  let header: string[] | undefined;
  for (const line of page.split("\n")) {
    // A bar inside of a cell is written \|.
    const cells = line.split(/(?<!\\)\|/).map((cell) => cell.trim().replace(/^`(.*)`$/, "$1"));
    if (!line.startsWith("|")) header = undefined;
    else if (!header) header = cells;
    else if (header.includes("example") && !/^-+$/.test(cells[1])) {
      found.push({ path, subject: cells[1].replace(/\(.*/, ""), code: cells[header.indexOf("example")] });
    }
  }
  return found;
}

/** What GitHub calls a page's headings in links. */
function headingsOf(page: string): string[] {
  const headings = [...page.replace(/```.*?```/gs, "").matchAll(/^#+ (.*)$/gm)];
  return headings.map(([, text]) =>
    text
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, "")
      .replaceAll(" ", "-"),
  );
}

describe("the documents", () => {
  it("name every public function", async () => {
    const words = new Set([...pages].flatMap(([, page]) => [...codeWords(page)]));
    const all = (await Promise.all(ENTRIES.map((entry) => import(`../src/${entry}/index.ts`)))) as object[];
    const functions = [wgrad, ...all]
      .flatMap((module) => Object.entries(module))
      // Types at run time: classes that are thrown, or that tensors are instances of.
      .filter(([name, value]) => typeof value === "function" && !/^[A-Z]/.test(name))
      .map(([name]) => name);
    const initializers = Object.keys(wgrad.init)
      .filter((name) => name !== "fans")
      .map((name) => `init.${name}`);
    expect(functions.length).toBeGreaterThan(130);
    expect([...functions, ...initializers].filter((name) => !words.has(name))).toEqual([]);
  });

  it("have an example for every layer, loss, optimizer and schedule, and each makes one", () => {
    const all = [...pages].flatMap(examples);
    expect(all.length).toBeGreaterThan(40);
    for (const { path, subject, code } of all) {
      expect(code, `${path}: the example of ${subject}`).toMatch(new RegExp(`^${subject}\\(.*\\)$`));
      const make = new Function(...Object.keys(wgrad), `return ${code};`);
      expect(make(...Object.values(wgrad)), `${path}: ${code}`).toHaveProperty("name");
    }
  });

  it("name files and folders that exist, but for those of their own examples, and what programs write", async () => {
    const written = ["demo/dist", "bench/out/"];
    const missing: string[] = [];
    let count = 0;
    for (const [path, page] of pages) {
      for (const word of codeWords(page.replace(/```.*?```/gs, ""), /[\w.-]+(?:\/[\w.-]+)+\/?/g)) {
        if (!TOP.has(word.split("/")[0])) continue;
        count++;
        const defined = new RegExp(
          `^(export )?(function|const|fn) ${basename(word).replace(/\.\w+$/, "")}\\b`,
          "m",
        );
        const found = written.includes(word) || defined.test(page) || existsSync(join(ROOT, word));
        if (!found) missing.push(`${path}: ${word}`);
      }
    }
    expect(count).toBeGreaterThan(80);
    expect(missing).toEqual([]);
  });

  it("point to files that exist, and to headings that these have", async () => {
    const missing: string[] = [];
    const links = [...pages].flatMap(([path, page]) =>
      [...page.matchAll(/\]\(([^)#\s]*)(?:#([^)\s]+))?\)/g)].map(([, file, heading]) => ({
        path,
        file,
        heading,
      })),
    );
    expect(links.filter(({ heading }) => heading).length).toBeGreaterThan(10);
    for (const { path, file, heading } of links) {
      if (/^https?:/.test(file)) continue;
      const target = file === "" ? path : join(path, "..", file);
      const text = await readFile(join(ROOT, target), "utf8").catch(() => undefined);
      const found = heading === undefined || (text !== undefined && headingsOf(text).includes(heading));
      if (text === undefined || !found) missing.push(`${path}: ${file}#${heading ?? ""}`);
    }
    expect(missing).toEqual([]);
  });
});

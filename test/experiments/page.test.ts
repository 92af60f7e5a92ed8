/** demo/experiments/README.md: every experiment, with its command, what it printed and its pictures. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { withBlock } from "../../demo/experiments/frame/page.ts";
import { EXPERIMENTS } from "../../demo/experiments/index.ts";
import { ROOT } from "../helpers/programs.ts";

const FOLDER = join(ROOT, "demo/experiments");
const page = readFileSync(join(FOLDER, "README.md"), "utf8");

/** The part of the page below an experiment's heading. */
function entryOf(title: string): string {
  const [, entry = ""] = page.split(`\n## ${title}\n`);
  return entry.split("\n## ")[0];
}

describe.each(EXPERIMENTS.map((experiment) => [experiment.name, experiment] as const))(
  "%s",
  (name, experiment) => {
    const entry = entryOf(experiment.title);

    it("has its question, its command, and what it printed", () => {
      expect(entry).toContain(experiment.question);
      expect(entry).toContain(`\`npm run experiments -- ${name}\``);
      const [, printed = ""] = /```text\n([\s\S]*?)```/.exec(entry) ?? [];
      expect(printed.split("\n").length).toBeGreaterThan(5);
      // The page is of whole runs on MNIST, each with its origin.
      expect(printed).toMatch(/^\d+ s on \S/m);
      expect(printed).toMatch(/, wgrad \d+\.\d+\.\d+/);
      expect(printed).not.toMatch(/--quick|digits stood in/);
    });

    it("has pictures that exist", () => {
      const pictures = [...entry.matchAll(/!\[[^\]]+\]\(([^)]+)\)/g)].map(([, path]) => path);
      expect(pictures.length).toBeGreaterThan(0);
      for (const picture of pictures) {
        expect(existsSync(join(FOLDER, picture)), picture).toBe(true);
        expect(readFileSync(join(FOLDER, picture), "utf8"), picture).toMatch(
          /^<svg role="img" [\s\S]*<\/svg>\s*$/,
        );
      }
    });

    it("says what to learn from it", () => {
      expect(entry).toMatch(/\*\*What to learn\.\*\* \S/);
    });
  },
);

describe("the experiments", () => {
  it("have names of their own, and titles", () => {
    expect(new Set(EXPERIMENTS.map(({ name }) => name)).size).toBe(EXPERIMENTS.length);
    expect(new Set(EXPERIMENTS.map(({ title }) => title)).size).toBe(EXPERIMENTS.length);
    for (const { name } of EXPERIMENTS) expect(["all", "list"]).not.toContain(name);
  });

  it("come on the page in the order of their table", () => {
    const places = EXPERIMENTS.map(({ title }) => page.indexOf(`\n## ${title}\n`));
    expect(places).toEqual([...places].sort((a, b) => a - b));
  });
});

describe("publishing", () => {
  const [experiment, other] = EXPERIMENTS;

  it("replaces what is between an experiment's marks, and nothing else", () => {
    const replaced = withBlock(page, experiment, "new $1 text");
    expect(replaced).toContain(
      `<!-- ${experiment.name} -->\nnew $1 text\n<!-- end of ${experiment.name} -->`,
    );
    expect(withBlock(replaced, experiment, "")).toBe(withBlock(page, experiment, ""));
    const ofOther = (text: string) => text.slice(text.indexOf(`<!-- ${other.name} -->`));
    expect(ofOther(replaced)).toBe(ofOther(page));
  });

  it("is refused where the page has no place for it", () => {
    expect(() => withBlock(page, { ...experiment, name: "unheard" }, "")).toThrow(
      /no entry for unheard; write one/,
    );
  });
});

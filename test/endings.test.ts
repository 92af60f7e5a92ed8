/** However an engine ends, and whatever is refused: the built package says so alike in Node, in Deno and in Chromium. */
import { describe, expect, it } from "vitest";
import { launchChromium } from "./helpers/chromium.ts";
import { installed, needsBuild, ROOT, runNode, useTemporaryFolder } from "./helpers/programs.ts";
import { serve } from "./helpers/static-server.ts";

const MINUTES = 60_000;
const SCRIPT = "test/platforms/endings.js";

needsBuild();
const folder = useTemporaryFolder();

/** What test/platforms/endings.js finds. */
type Endings = Record<"lost" | "destroyed", Record<"underWay" | "after", Record<string, string>>> & {
  readonly refused: Record<string, string>;
};

const platforms: Readonly<Record<string, () => Promise<Endings>>> = {
  async Node() {
    const { stdout } = await runNode([SCRIPT], { timeoutMs: 2 * MINUTES });
    return JSON.parse(stdout);
  },
  async Deno() {
    const options = ["--no-prompt", "--no-remote", "--no-npm", "--config=demo/deno/deno.json"];
    const env = { DENO_DIR: folder.path, DENO_NO_UPDATE_CHECK: "1" };
    const command = [installed("deno/bin.cjs"), "run", ...options, SCRIPT];
    const { stdout } = await runNode(command, { env, timeoutMs: 2 * MINUTES });
    return JSON.parse(stdout);
  },
  async Chromium() {
    const server = await serve(ROOT, ["dist", "test/platforms"]);
    const browser = await launchChromium(folder.path);
    try {
      const page = await browser.newPage();
      await page.goto(`${server.origin}/test/platforms/endings.html`);
      await page.waitForFunction("globalThis.endings");
      return await page.evaluate(() => (globalThis as unknown as { endings: Promise<Endings> }).endings);
    } finally {
      await browser.close();
      await server.close();
    }
  },
};

describe.each(Object.entries(platforms))("in %s", (name, find) => {
  it(
    "a lost device, a destroyed engine and refused commands are told apart, and the engine outlives what it can",
    async () => {
      const { lost, destroyed, refused } = await find();
      const underWay = ["compile", "evaluate", "profile", "read", "run"];
      for (const [ending, message] of [
        [lost, /^DeviceLostError: the GPU device was lost: .*[^.]; connect\(\) again$/s],
        [destroyed, /^EngineError: this GPU engine was destroyed; connect\(\) again$/],
      ] as const) {
        expect(Object.keys(ending.underWay).sort()).toEqual(underWay);
        expect(Object.keys(ending.after).sort()).toEqual([...underWay, "buffer", "write"].sort());
        for (const [work, said] of Object.entries(ending.after)) expect(said, work).toMatch(message);
        for (const [work, said] of Object.entries(ending.underWay)) expect(said, work).toMatch(message);
      }
      expect(refused.bytes).toBe("nothing");
      expect(refused.outputs).toBe("nothing");
      expect(refused.released).toMatch(/^EngineError: program step: its memory "\w+" was released/);
      expect(refused.after).toBe("nothing");
      if (name === "Deno") return;
      expect(refused.broken).toMatch(/^EngineError: program step: .*destroyed/s);
      expect([refused.before, refused.beside]).toEqual(["nothing", "nothing"]);
    },
    3 * MINUTES,
  );
});

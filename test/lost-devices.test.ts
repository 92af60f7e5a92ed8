/**
 * Training goes on where its device is destroyed at a random step: to the same evaluations and weights, to the bit, in Node, in Deno
 * and in Chromium. LOST_DEVICES says how many devices each of them loses (default 2), LOST_DEVICES_SEED at which steps.
 */
import { describe, expect, it } from "vitest";
import { launchChromium } from "./helpers/chromium.ts";
import { deno } from "./helpers/deno.ts";
import { needsBuild, ROOT, runNode, useTemporaryFolder } from "./helpers/programs.ts";
import { serve } from "./helpers/static-server.ts";

const MINUTES = 60_000;
const SCRIPT = "test/platforms/lost-devices.js";
const count = process.env.LOST_DEVICES ?? "2";
const seed = process.env.LOST_DEVICES_SEED ?? "16";

needsBuild();
const folder = useTemporaryFolder();

/** What test/platforms/lost-devices.js finds. */
interface Losses {
  readonly undisturbed: string;
  readonly found: readonly {
    readonly step: number;
    readonly duringEvaluation: boolean;
    readonly same: boolean;
    readonly events: string;
  }[];
}

const platforms: Readonly<Record<string, () => Promise<Losses>>> = {
  async Node() {
    const { stdout } = await runNode([SCRIPT, count, seed], { timeoutMs: 10 * MINUTES });
    return JSON.parse(stdout);
  },
  async Deno() {
    const { stdout } = await deno(folder.path, ["--config=demo/deno/deno.json", SCRIPT, count, seed]);
    return JSON.parse(stdout);
  },
  async Chromium() {
    const server = await serve(ROOT, ["dist", "test/platforms"]);
    const browser = await launchChromium(folder.path);
    try {
      const page = await browser.newPage();
      page.setDefaultTimeout(10 * MINUTES);
      await page.goto(`${server.origin}/test/platforms/lost-devices.html`);
      await page.waitForFunction("globalThis.lostDevices");
      return (await page.evaluate(`lostDevices(${count}, ${seed})`)) as Losses;
    } finally {
      await browser.close();
      await server.close();
    }
  },
};

describe.each(Object.entries(platforms))("in %s", (name, find) => {
  it(
    "training with recover ends with the same numbers wherever its device is destroyed",
    async () => {
      const { undisturbed, found } = await find();
      expect(undisturbed).toBe("");
      expect(found).toHaveLength(Number(count));
      for (const { events } of found) expect(events).toBe("lost recovered");
      const other = found.filter(({ same }) => !same);
      expect(other).toEqual([]);
      if (process.env.LOST_DEVICES)
        console.log(`${name}: ${found.length} of ${count} end with the same bits`);
    },
    11 * MINUTES,
  );
});

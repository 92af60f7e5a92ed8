/** A GPU of software computes on the processor, too: the page takes the faster of it and WebAssembly. */
import { describe, expect, it } from "vitest";
import { MINUTES, useDemo } from "./page.ts";

const demo = useDemo();

describe("a GPU of software", () => {
  it(
    "is measured against WebAssembly, once, and the faster one is taken",
    async () => {
      for (const visit of [1, 2]) {
        const opened = await demo.open({ at: "?data=digits" });
        const { page } = opened;
        await opened.worker();
        const settings = page.locator("details.settings");
        if (!(await settings.evaluate((details: HTMLDetailsElement) => details.open)))
          await settings.locator("summary").click();
        const words = page.getByText(/^This GPU is software\./);
        const [, gpu, wasm] =
          /takes ([\d.]+) ms on it, and ([\d.]+) ms/.exec((await words.textContent()) ?? "") ?? [];
        expect(Number(gpu), `visit ${visit}`).toBeGreaterThan(0);
        expect(Number(wasm), `visit ${visit}`).toBeGreaterThan(0);
        const choice = await page.getByLabel("Compute on", { exact: true }).inputValue();
        // Equal only where rounding made them so.
        if (gpu !== wasm) expect(choice).toBe(Number(wasm) < Number(gpu) ? "wasm" : "gpu");
        const kept = await page.evaluate(() => Object.entries({ ...localStorage }));
        expect(kept.filter(([key]) => key.includes("times of")).length).toBeGreaterThan(0);
        await page.close();
      }
    },
    3 * MINUTES,
  );
});

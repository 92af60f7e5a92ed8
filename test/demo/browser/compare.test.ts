/** Compare, in Chromium: the same step on the software GPU, by WebAssembly and on the CPU engine. */
import type { Page } from "playwright-core";
import { beforeAll, describe, expect, it } from "vitest";
import { installOthers } from "../../../bench/peers/bundle.ts";
import { button, expectQuiet, MINUTES, useDemo } from "./page.ts";

// Before the page is built, which holds them only where they are installed.
beforeAll(() => installOthers(() => {}), 3 * MINUTES);
const demo = useDemo();

/** Chooses batches of 10 for the smallest network, and nothing else. */
async function chooseSmallest(page: Page): Promise<void> {
  await expect.poll(() => button(page, "Compare").isEnabled()).toBe(true);
  const boxes = page.locator("fieldset.compare-choice:not(:has(.check)) input");
  for (const box of await boxes.all()) await box.uncheck();
  await page
    .getByRole("group", { name: /^784-30-10/ })
    .getByLabel("Batch 10", { exact: true })
    .check();
}

/** The table's cells by its columns' names, a record a row. */
async function rows(page: Page): Promise<Record<string, string>[]> {
  const results = page.getByRole("region", { name: "Results" });
  const names = await results.getByRole("columnheader").allInnerTexts();
  const found = [];
  for (const row of (await results.getByRole("row").all()).slice(1)) {
    const cells = await row.locator("th, td").allInnerTexts();
    found.push(Object.fromEntries(names.map((name, i) => [name.replace(/\s+/g, " "), cells[i]])));
  }
  return found;
}

describe("comparing", () => {
  it(
    "times all three engines once they agree, and gives a table to copy",
    async () => {
      const opened = await demo.open({ at: "?engine=gpu#/compare" });
      const { page, requested } = opened;
      await chooseSmallest(page);
      await button(page, "Compare").click();
      await page.getByText("The case is measured.").waitFor();
      const [row, ...others] = await rows(page);
      expect(others).toEqual([]);
      expect(row).toMatchObject({ Model: "784-30-10", Batch: "10" });
      const [gpu, wasm, cpu] = ["GPU", "WebAssembly", "CPU engine"].map((name) =>
        Number(row[`${name}, ms a step`]),
      );
      for (const time of [gpu, wasm, cpu]) expect(time).toBeGreaterThan(0);
      const ratio = Math.max(gpu / wasm, wasm / gpu);
      const words = row["Faster: GPU or WebAssembly"];
      // Both from the figures before they were rounded.
      if (words === "neither") expect(ratio).toBeLessThan(1.06);
      else {
        const [, faster, times] = /^(GPU|WebAssembly), ([\d.]+)×$/.exec(words) ?? [];
        expect(faster).toBe(gpu < wasm ? "GPU" : "WebAssembly");
        expect(Math.abs(Number(times) / ratio - 1)).toBeLessThan(0.1);
      }
      const speed = Number(row["GPU, samples/s"].replaceAll(",", ""));
      expect(Math.abs(speed / (10_000 / gpu) - 1)).toBeLessThan(0.02);
      expect(row["Losses agree to"]).toMatch(/^(the last digit|\de-[4-9]) \(\d+ steps\)$/);
      await page.getByRole("img", { name: /^Milliseconds a step by case/ }).waitFor();
      expect(await page.locator(".compare-summary").textContent()).toMatch(/as fast as/);
      await page
        .getByText(/swiftshader \(software on the CPU\)/)
        .first()
        .waitFor();

      // The clipboard is refused to a browser without a window: the table is shown to be copied by hand.
      await button(page, "Copy table").click();
      const table = page.getByRole("textbox", { name: "The table as Markdown" });
      const copied = page.getByText("Copied.");
      await table.or(copied).first().waitFor();
      if (await table.isVisible()) expect(await table.inputValue()).toContain("| 784-30-10 | 10 |");

      // Nobody switched them on.
      expect(requested.map((request) => request.url()).filter((url) => /tensorflow|jax/.test(url))).toEqual(
        [],
      );
      expectQuiet(opened);
      await page.close();
    },
    2 * MINUTES,
  );

  it(
    "times TensorFlow.js and jax-js beside them, which are loaded only then",
    async () => {
      const opened = await demo.open({ at: "?engine=gpu#/compare" });
      const { page, requested } = opened;
      await chooseSmallest(page);
      const others = () =>
        requested.map((request) => request.url()).filter((url) => /tensorflow|jax/.test(url));
      await page.getByLabel("TensorFlow.js", { exact: true }).check();
      await page.getByLabel("jax-js", { exact: true }).check();
      await page.getByLabel("jax-js by WebAssembly", { exact: true }).check();
      expect(others()).toEqual([]);
      await button(page, "Compare").click();
      await page.getByText("The case is measured.").waitFor();
      expect(others().some((url) => url.includes("tensorflow"))).toBe(true);
      expect(others().some((url) => url.includes("jax"))).toBe(true);
      const [row] = await rows(page);
      for (const name of [
        "TensorFlow.js, ms a step",
        "jax-js, ms a step",
        "jax-js by WebAssembly, ms a step",
      ])
        expect(Number(row[name]), name).toBeGreaterThan(0);
      expectQuiet(opened);
      await page.close();
    },
    3 * MINUTES,
  );

  it("stops when told to, and says what is missing", async () => {
    const opened = await demo.open({ at: "?engine=gpu#/compare" });
    const { page } = opened;
    await chooseSmallest(page);
    await page
      .getByRole("group", { name: /^784-30-10/ })
      .getByLabel("Batch 10", { exact: true })
      .uncheck();
    await button(page, "Compare").click();
    await page.getByRole("alert").filter({ hasText: "Choose at least one batch size." }).waitFor();
    await page
      .getByRole("group", { name: /^Wide MLP/ })
      .getByLabel("Batch 512", { exact: true })
      .check();
    await button(page, "Compare").click();
    await button(page, "Stop").click();
    await page.getByText("Stopped after 0 of 1 cases.").waitFor();
    expectQuiet(opened);
    await page.close();
  });
});

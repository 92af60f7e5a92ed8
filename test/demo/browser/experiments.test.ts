/** Experiments, in Chromium: each story told by what is computed there. */
import { describe, expect, it } from "vitest";
import { button, expectQuiet, fill, MINUTES, select, useDemo } from "./page.ts";

const demo = useDemo();

describe("the learning slowdown", () => {
  it("takes the neuron 302 epochs with the quadratic cost and 31 with cross-entropy", async () => {
    const opened = await demo.open({ at: "?engine=gpu#/experiments/slowdown" });
    const { page } = opened;
    await button(page, "Start").click();
    await button(page, "Start again").waitFor();
    const told = page.getByRole("status").filter({ hasText: "302 epochs" });
    expect(await told.textContent()).toContain("31 with cross-entropy");
    // Another start begins anew, and ends otherwise.
    const slider = page.getByRole("slider", { name: "Initial weight" });
    await slider.focus();
    for (let i = 0; i < 5; i++) await page.keyboard.press("ArrowLeft");
    await expect.poll(() => told.count()).toBe(0);
    expectQuiet(opened);
    await page.close();
  });
});

describe("the race of optimizers", () => {
  it("ends with all at the bottom of the valley, and says who diverges", async () => {
    const opened = await demo.open({ at: "?engine=gpu#/experiments/race" });
    const { page } = opened;
    const rows = () => page.getByRole("table").getByRole("row").allInnerTexts();
    await button(page, "Start").click();
    await button(page, "Start again").waitFor();
    const arrived = (await rows()).slice(1).map((row) => /step (\d+)/.exec(row)?.[1]);
    expect(arrived).toEqual(["200", "57", "24", "66", "90"]);
    await fill(page, "SGD", "0.5");
    await button(page, "Start").click();
    await expect.poll(async () => (await rows())[1], { timeout: 20_000 }).toContain("diverged");
    expect((await rows()).join()).not.toMatch(/NaN|Infinity/);
    expectQuiet(opened);
    await page.close();
  });
});

describe("overfitting", () => {
  it(
    "begins to show when a network learns 200 images by heart",
    async () => {
      const opened = await demo.open({ at: "?engine=gpu#/experiments/overfitting" });
      const { page } = opened;
      await select(page, "Images to learn", "200");
      for (const box of await page.getByRole("checkbox").all()) await box.uncheck();
      await expect.poll(() => button(page, "Start").isEnabled()).toBe(true);
      await button(page, "Start").click();
      const [training, test] = [1, 2].map((column) =>
        page
          .getByRole("row", { name: /^No cure/ })
          .locator("th, td")
          .nth(column),
      );
      const percent = async (cell: typeof training) => Number.parseFloat((await cell.textContent()) ?? "");
      await expect.poll(() => percent(training), { timeout: MINUTES }).toBeGreaterThan(97);
      await button(page, "Pause").click();
      expect(await percent(training)).toBeGreaterThan(15 + (await percent(test)));
      expectQuiet(opened);
      await page.close();
    },
    2 * MINUTES,
  );
});

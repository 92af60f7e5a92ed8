/** Look inside, in Chromium: the recorded step, its times and its shaders. */
import { expect, it } from "vitest";
import { button, expectQuiet, fill, MINUTES, select, useDemo } from "./page.ts";

const demo = useDemo();

it(
  "shows each launch of a step, times it, and gives its WGSL",
  async () => {
    const opened = await demo.open({ at: "?data=digits&engine=gpu#/inside" });
    const { page } = opened;
    const strip = page.getByRole("toolbar", { name: "Launches in order" });
    await strip.waitFor();
    await page.getByText(/Press Measure/).waitFor();
    const launches = await strip.getByRole("button").count();
    expect(launches).toBeGreaterThan(5);
    const table = page.getByRole("table").filter({ hasText: "of the peak" });
    await button(page, "Measure").click();
    await page.getByText(/Each launch timed in \d+ steps/).waitFor();
    expect(await page.getByText(/^[<\d.]+\s?[\d.]* ms$/).count()).toBeGreaterThanOrEqual(launches);
    expect(await table.getByText(/^\d+ %$/).count()).toBeGreaterThan(0);
    await table.getByRole("button", { name: /^Launch 2 / }).click();
    const code = page.getByRole("region", { name: "WGSL" });
    expect(await code.textContent()).toContain("@compute");
    expect(await code.textContent()).toContain("enable subgroups;");
    expect(await page.locator(".inside-launch h2").textContent()).toMatch(/^Launch 2: matmul/);

    // Another step is another picture.
    await select(page, "Model", "Linear");
    await button(page, "Record the step").click();
    await expect.poll(() => strip.getByRole("button").count()).toBeLessThan(launches);

    // A bad choice is explained, and the picture stays.
    await select(page, "Model", "MLP");
    await fill(page, "Hidden layers", "no");
    await page.getByRole("alert").filter({ hasText: "expected 1 to 8 whole numbers" }).waitFor();
    expectQuiet(opened);
    await page.close();
  },
  2 * MINUTES,
);

/** The page in a browser without WebGPU, and where the device is lost. */
import { describe, expect, it } from "vitest";
import { button, expectQuiet, figureNumber, MINUTES, untilFigure, useDemo } from "./page.ts";

const demo = useDemo({ webgpu: false });

describe("without WebGPU", () => {
  it(
    "the page says so, tells how to get it, and trains on the CPU engine",
    async () => {
      const opened = await demo.open({ at: "" });
      const { page } = opened;
      await page.getByText("No GPU: training on the CPU").waitFor();
      await page.getByText(/^This browser (has no WebGPU|found no GPU to use)$/).waitFor();
      await page.getByText("How to get WebGPU").click();
      await page.getByText("chrome://flags/#enable-unsafe-webgpu").waitFor();
      await page.getByText(/^Found here: connect: /).waitFor();
      expect(await page.getByLabel("Compute on", { exact: true }).isDisabled()).toBe(true);
      await button(page, "Start").click();
      const accuracy = await untilFigure(page, "Validation accuracy", (value) => value > 90);
      expect(accuracy).toBeGreaterThan(90);
      expect(await figureNumber(page, "Images a second")).toBeGreaterThan(0);
      expectQuiet(opened);
      await page.close();
    },
    2 * MINUTES,
  );
});

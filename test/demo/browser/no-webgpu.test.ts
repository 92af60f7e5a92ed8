/** The page in a browser without WebGPU, and where the device is lost. */
import { describe, expect, it } from "vitest";
import {
  button,
  chooseSmall,
  expectQuiet,
  figureNumber,
  MINUTES,
  untilFigure,
  untilIsolated,
  useDemo,
} from "./page.ts";

const demo = useDemo({ webgpu: false });

describe("without WebGPU", () => {
  it(
    "the page says so, tells how to get it, and trains on the wasm engine",
    async () => {
      const opened = await demo.open({ at: "?data=digits" });
      const { page } = opened;
      await untilIsolated(page);
      await page.getByText("No GPU: training on the processor").waitFor();
      await page.getByText(/^This browser (has no WebGPU|found no GPU to use)$/).waitFor();
      await page.getByText("How to get WebGPU").click();
      await page.getByText("chrome://flags/#enable-unsafe-webgpu").waitFor();
      await page.getByText(/^Found here: connect: /).waitFor();
      const choice = page.getByLabel("Compute on", { exact: true });
      expect(await choice.inputValue()).toBe("wasm");
      expect(await choice.locator("option").allTextContents()).toEqual([
        "the processor",
        "the CPU reference",
      ]);
      await button(page, "Start").click();
      const accuracy = await untilFigure(page, "Validation accuracy", (value) => value > 90);
      expect(accuracy).toBeGreaterThan(90);
      expect(await figureNumber(page, "Images a second")).toBeGreaterThan(0);
      expectQuiet(opened);
      await page.close();
    },
    2 * MINUTES,
  );

  it(
    "a person may choose the reference, and the page still knows that there is no GPU",
    async () => {
      const opened = await demo.open({ at: "?data=digits" });
      const { page } = opened;
      await untilIsolated(page);
      await opened.worker();
      await chooseSmall(page);
      await page.getByLabel("Compute on", { exact: true }).selectOption("cpu");
      await button(page, "Step").click();
      await untilFigure(page, "Step", (step) => step === 1);
      await page.getByText("No GPU: training on the processor").waitFor();
      expect(await page.getByLabel("Compute on", { exact: true }).locator("option").count()).toBe(2);
      await page.close();
    },
    2 * MINUTES,
  );
});

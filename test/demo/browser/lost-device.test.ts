/** A GPU that is lost in the midst of training is got back, and the curve goes on. */
import type { Worker } from "playwright-core";
import { describe, expect, it } from "vitest";
import { button, chooseSmall, expectQuiet, figureNumber, MINUTES, untilFigure, useDemo } from "./page.ts";

const demo = useDemo();

/** Notes the devices that a worker opens, to be destroyed later: nothing else can lose one on purpose. */
async function noteDevices(worker: Worker): Promise<void> {
  await worker.evaluate(() => {
    const devices: GPUDevice[] = [];
    Object.assign(globalThis, { devices });
    const { requestDevice } = GPUAdapter.prototype;
    GPUAdapter.prototype.requestDevice = async function (...options) {
      const device = await requestDevice.apply(this, options);
      devices.push(device);
      return device;
    };
  });
}

function loseDevice(worker: Worker): Promise<void> {
  return worker.evaluate(() => {
    (globalThis as unknown as { devices: GPUDevice[] }).devices.at(-1)?.destroy();
  });
}

describe("a lost device", () => {
  it(
    "is replaced while the network trains, and while it rests",
    async () => {
      const opened = await demo.open();
      const { page } = opened;
      const worker = await opened.worker();
      await noteDevices(worker);
      await chooseSmall(page);
      // The device that the page opened with was not noted: the first one to be lost is the next.
      await page.getByLabel("Compute on", { exact: true }).selectOption("cpu");
      await button(page, "Step").click();
      await untilFigure(page, "Step", (step) => step === 1);
      await page.getByLabel("Compute on", { exact: true }).selectOption("gpu");
      await button(page, "Start over with these settings").click();
      await untilFigure(page, "Validation accuracy", (value) => value > 60);
      const before = await figureNumber(page, "Step");
      await loseDevice(worker);
      await page.getByText(/^The GPU was lost\. Training continued from step [\d,]+, on /).waitFor();
      await untilFigure(page, "Step", (step) => step > before + 30);
      await untilFigure(page, "Validation accuracy", (value) => value > 85);

      await button(page, "Pause").click();
      await button(page, "Go on").waitFor();
      const paused = await figureNumber(page, "Step");
      await loseDevice(worker);
      await expect
        .poll(() => page.getByText(/^The GPU was lost\./).textContent(), { timeout: 10_000 })
        .toContain(`from step ${paused}`);
      await button(page, "Go on").click();
      await untilFigure(page, "Step", (step) => step > paused + 30);
      expectQuiet(opened);
      await page.close();
    },
    2 * MINUTES,
  );
});

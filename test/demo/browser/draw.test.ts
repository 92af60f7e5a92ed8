/** Drawing a digit, and having it read. */
import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import { button, chooseSmall, expectQuiet, figureNumber, MINUTES, untilFigure, useDemo } from "./page.ts";

const demo = useDemo();

/** The probabilities that are shown, or undefined where there are none. */
async function probabilities(page: Page): Promise<number[] | undefined> {
  const cells = await page
    .locator(".draw-bars .number")
    .evaluateAll((all) => all.map((cell) => (cell as HTMLElement).dataset.probability));
  return cells.every((cell) => cell !== undefined) ? cells.map(Number) : undefined;
}

async function readings(page: Page): Promise<number[]> {
  await expect.poll(() => probabilities(page), { timeout: 10_000 }).toBeDefined();
  return (await probabilities(page)) as number[];
}

/** Corners of a line, as parts of the pad. */
async function stroke(page: Page, corners: readonly (readonly [number, number])[]): Promise<void> {
  const pad = await page.locator(".draw-pad").boundingBox();
  if (!pad) throw new Error("there is no pad");
  const [first, ...rest] = corners.map(([x, y]) => [pad.x + x * pad.width, pad.y + y * pad.height] as const);
  await page.mouse.move(...first);
  await page.mouse.down();
  for (const corner of rest) await page.mouse.move(...corner, { steps: 6 });
  await page.mouse.up();
}

const SEVEN = [
  [0.3, 0.2],
  [0.72, 0.2],
  [0.45, 0.85],
] as const;

describe("a drawing", () => {
  it(
    "is read as ten probabilities that sum to 1, and read anew while the network trains",
    async () => {
      const opened = await demo.open();
      const { page } = opened;
      await chooseSmall(page);
      await button(page, "Start").click();
      await page.getByRole("link", { name: "Draw", exact: true }).click();
      await untilFigure(page, "Step", (step) => step > 0);
      await stroke(page, SEVEN);
      const first = await readings(page);
      expect(first).toHaveLength(10);
      expect(Math.min(...first)).toBeGreaterThanOrEqual(0);
      expect(first.reduce((sum, part) => sum + part)).toBeCloseTo(1, 5);
      // Nobody draws now, and yet the bars move.
      await expect.poll(() => probabilities(page), { timeout: 10_000 }).not.toEqual(first);
      await untilFigure(page, "Validation accuracy", (accuracy) => accuracy > 93);
      await button(page, "Pause").click();
      await button(page, "Go on").waitFor();
      const last = await readings(page);
      expect(last.indexOf(Math.max(...last))).toBe(7);
      expect(last.reduce((sum, part) => sum + part)).toBeCloseTo(1, 5);
      // The words agree with the bars.
      expect(await page.locator(".draw-guess b").textContent()).toBe("7");

      await button(page, "Undo").click();
      await expect.poll(() => probabilities(page)).toBeUndefined();
      await stroke(page, [
        [0.5, 0.15],
        [0.5, 0.85],
      ]);
      const one = await readings(page);
      expect(one.indexOf(Math.max(...one))).toBe(1);
      expectQuiet(opened);
      await page.close();
    },
    2 * MINUTES,
  );

  it(
    "can be taken from the test images instead, with the keyboard alone",
    async () => {
      const opened = await demo.open();
      const { page } = opened;
      const press = async (name: string) => {
        await button(page, name).focus();
        await page.keyboard.press("Enter");
      };
      await chooseSmall(page);
      await page.getByRole("link", { name: "Draw", exact: true }).click();
      await press("Take a test image");
      await page.getByText("There are no images yet: press Start first.").waitFor();
      await press("Start");
      await untilFigure(page, "Validation accuracy", (accuracy) => accuracy > 90);
      await press("Pause");
      await button(page, "Go on").waitFor();
      let right = 0;
      for (let i = 0; i < 10; i++) {
        const label = page.getByText(/^Test image \d+: a \d\./);
        const before = (await label.count()) ? await label.textContent() : "";
        await press(i === 0 ? "Take a test image" : "Another test image");
        await expect.poll(() => label.textContent()).not.toBe(before);
        const [, shown] = /: a (\d)\./.exec((await label.textContent()) ?? "") ?? [];
        const read = await readings(page);
        expect(read.reduce((sum, part) => sum + part)).toBeCloseTo(1, 5);
        await page.waitForTimeout(200);
        if ((await page.locator(".draw-guess b").textContent()) === shown) right++;
      }
      // Nine of ten, on average: three wrong of ten are rare, five as good as impossible.
      expect(right).toBeGreaterThanOrEqual(6);
      expect(await figureNumber(page, "Step")).toBeGreaterThan(0);
      expectQuiet(opened);
      await page.close();
    },
    2 * MINUTES,
  );
});

/** The page for everyone: no violation of WCAG 2.2, levels A and AA, that axe-core finds; and all of it by keyboard. */
import { readFileSync } from "node:fs";
import type { AxeResults } from "axe-core";
import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import { installed } from "../../helpers/programs.ts";
import { button, chooseSmall, expectQuiet, figureNumber, MINUTES, untilFigure, useDemo } from "./page.ts";

const AXE = readFileSync(installed("axe-core/axe.min.js"), "utf8");
const LEVELS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
const VIEWS = ["Train", "Draw", "Compare", "Look inside", "Experiments"];

const demo = useDemo();

/** What axe-core finds wrong: rule, help, and where. */
async function violations(page: Page): Promise<string[]> {
  await page.evaluate(AXE);
  const { violations } = await page.evaluate(
    (values) =>
      (globalThis as unknown as { axe: { run(of: Document, how: object): Promise<AxeResults> } }).axe.run(
        document,
        {
          runOnly: values,
        },
      ),
    LEVELS,
  );
  return violations.flatMap(({ id, help, nodes }) => nodes.map(({ html }) => `${id}: ${help}: ${html}`));
}

async function overflow(page: Page): Promise<number> {
  return page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
}

const KINDS = [
  { name: "a desktop, light", width: 1280, dark: false },
  { name: "a desktop, dark", width: 1280, dark: true },
  { name: "a phone, light", width: 390, dark: false },
  { name: "a phone, dark", width: 390, dark: true },
] as const;

describe.each(KINDS)("on $name", ({ width, dark }) => {
  it(
    "no view has a violation, before training and after, nor is any wider than the screen",
    async () => {
      const opened = await demo.open({ width, dark });
      const { page } = opened;
      await page.getByText(/^GPU: /).waitFor();
      for (const trained of [false, true]) {
        for (const view of VIEWS) {
          await page.getByRole("link", { name: view, exact: true }).click();
          await page.getByRole("heading", { level: 1, name: view }).waitFor();
          await page.waitForLoadState("networkidle");
          if (trained && view === "Draw") await button(page, "Take a test image").click();
          await page.waitForTimeout(300);
          expect(await violations(page), `${view}, ${trained ? "trained" : "at first"}`).toEqual([]);
          expect(await overflow(page), view).toBeLessThanOrEqual(0);
        }
        if (trained) break;
        await page.getByRole("link", { name: "Train", exact: true }).click();
        await chooseSmall(page);
        await button(page, "Start").click();
        await untilFigure(page, "Validation accuracy", (accuracy) => accuracy > 50);
        await button(page, "Pause").click();
        await button(page, "Go on").waitFor();
      }
      expectQuiet(opened);
      await page.close();
    },
    3 * MINUTES,
  );
});

describe("by keyboard alone", () => {
  /** Presses Tab until what is focused has this name. */
  async function tabTo(page: Page, name: string): Promise<void> {
    for (let i = 0; i < 60; i++) {
      await page.keyboard.press("Tab");
      const focused = await page.evaluate(() => {
        const element = document.activeElement as HTMLElement | null;
        const label = element?.id ? document.querySelector(`label[for="${element.id}"]`) : null;
        return (label ?? element)?.textContent?.trim() ?? "";
      });
      if (focused === name) return;
    }
    throw new Error(`Tab never comes to "${name}"`);
  }

  it(
    "one gets from the address to a trained model, and to a digit that is read",
    async () => {
      const opened = await demo.open();
      const { page } = opened;
      await page.getByText(/^GPU: /).waitFor();
      await tabTo(page, "Skip to the content");
      await page.keyboard.press("Enter");
      await tabTo(page, "Start");
      await tabTo(page, "Hidden layers");
      await page.keyboard.press("Control+A");
      await page.keyboard.type("32");
      await tabTo(page, "Batch size");
      await page.keyboard.press("Control+A");
      await page.keyboard.type("32");
      await page.keyboard.press("Enter");
      for (let i = 0; i < 60; i++) {
        await page.keyboard.press("Shift+Tab");
        if (await button(page, "Start").evaluate((element) => element === document.activeElement)) break;
      }
      await page.keyboard.press("Enter");
      const accuracy = await untilFigure(page, "Validation accuracy", (value) => value > 90);
      expect(accuracy).toBeGreaterThan(90);
      // The button that started is the one that pauses, and keeps the focus.
      await page.keyboard.press("Enter");
      await button(page, "Go on").waitFor();
      for (let i = 0; i < 60; i++) {
        await page.keyboard.press("Shift+Tab");
        const link = page.getByRole("link", { name: "Draw", exact: true });
        if (await link.evaluate((element) => element === document.activeElement)) break;
      }
      await page.keyboard.press("Enter");
      await page.getByRole("heading", { level: 1, name: "Draw" }).waitFor();
      await tabTo(page, "Take a test image");
      await page.keyboard.press("Enter");
      await page.getByText(/^Test image \d+: a \d\./).waitFor();
      expect(await page.locator(".draw-guess b").textContent()).toMatch(/^\d$/);
      expect(await figureNumber(page, "Step")).toBeGreaterThan(0);
      expectQuiet(opened);
      await page.close();
    },
    2 * MINUTES,
  );
});

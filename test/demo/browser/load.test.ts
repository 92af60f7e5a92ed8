/** What the page loads, and what it does where there is no network, or no WebGPU. */
import { readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { gzipSync } from "node:zlib";
import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import {
  button,
  chooseSmall,
  expectQuiet,
  figure,
  MINUTES,
  type Opened,
  untilFigure,
  useDemo,
} from "./page.ts";

/** Of everything that opening the page loads. */
const MAX_GZIP_BYTES = 200 * 1024;

const demo = useDemo();

/** The paths below the page's own folder that were asked for. */
function pathsOf({ requested }: Opened): string[] {
  const own = `${demo.origin}/people/ada/wgrad/`;
  return requested
    .map((request) => request.url())
    .filter((url) => url.startsWith(own))
    .map((url) => new URL(url).pathname.slice("/people/ada/wgrad/".length));
}

/** Requests to anywhere else. */
function foreign({ requested }: Opened): string[] {
  return requested
    .map((request) => request.url())
    .filter((url) => !url.startsWith(`${demo.origin}/`) && !/^(data|blob):/.test(url));
}

const devicePresent = (page: Page) => page.getByText(/^(GPU|Processor): /).waitFor();

describe("opening the page", () => {
  it("loads less than 200 KB, packed, and asks nobody but its own server", async () => {
    const opened = await demo.open({ at: "?engine=gpu" });
    await devicePresent(opened.page);
    await opened.page.waitForLoadState("networkidle");
    const paths = pathsOf(opened);
    // Page, style, script, worker and the library in it.
    expect(paths.length).toBeGreaterThan(4);
    const sizes = [...new Set(paths)].map(
      (path) => [path, gzipSync(readFileSync(join(demo.folder, path))).length] as const,
    );
    const total = sizes.reduce((sum, [, size]) => sum + size, 0);
    console.log(
      `first load: ${total} bytes, packed: ${sizes.map(([path, size]) => `${basename(path)} ${size}`).join(", ")}`,
    );
    expect(total).toBeGreaterThan(60 * 1024);
    expect(total).toBeLessThan(MAX_GZIP_BYTES);
    expect(foreign(opened)).toEqual([]);
    expectQuiet(opened);
    // WebAssembly, and what measures its speed, only where there is no GPU, or one of software.
    expect(paths.filter((path) => /(wasm|times)-/.test(path))).toEqual([]);
    await opened.page.close();
  });

  it("asks nobody else for any view, nor for the digits", async () => {
    const opened = await demo.open();
    const { page } = opened;
    await devicePresent(page);
    for (const view of ["Draw", "Compare", "Look inside", "Experiments", "Train"]) {
      await page.getByRole("link", { name: view, exact: true }).click();
      await page.getByRole("heading", { level: 1, name: view }).waitFor();
      await page.waitForLoadState("networkidle");
    }
    await chooseSmall(page);
    await button(page, "Start").click();
    await untilFigure(page, "Step", (step) => step > 0);
    expect(foreign(opened)).toEqual([]);
    expectQuiet(opened);
    await page.close();
  });
});

describe("MNIST", () => {
  it(
    "that cannot be fetched is replaced by drawn digits, said plainly",
    async () => {
      const asked: string[] = [];
      const opened = await demo.open({
        at: "",
        before: (page) =>
          page.context().route(/^https:/, (route) => {
            asked.push(route.request().url());
            return route.abort("internetdisconnected");
          }),
      });
      const { page } = opened;
      await chooseSmall(page);
      expect(asked).toEqual([]);
      await button(page, "Start").click();
      await page.getByText("MNIST could not be fetched: are you offline").waitFor();
      await untilFigure(page, "Validation accuracy", (accuracy) => accuracy > 50);
      expect(asked[0]).toMatch(/train-images-idx3-ubyte\.gz$/);
      await page.context().unroute(/^https:/);
      await page.close();
    },
    2 * MINUTES,
  );

  it.runIf(process.env.MNIST_DIR)(
    "is fetched once, with its progress told, and kept",
    async () => {
      const folder = process.env.MNIST_DIR as string;
      let fetched = 0;
      const words: string[] = [];
      const before = async (page: Page) => {
        await page.context().route(/^https:.*ubyte\.gz$/, async (route) => {
          fetched++;
          const file = basename(new URL(route.request().url()).pathname);
          await route.fulfill({
            body: readFileSync(join(folder, file)),
            headers: { "access-control-allow-origin": "*" },
          });
        });
      };
      for (const visit of ["first", "second"]) {
        const opened = await demo.open({ at: "?engine=gpu", before });
        const { page } = opened;
        page.on("framenavigated", () => {});
        await page.exposeFunction("heard", (text: string) => words.push(text));
        await page.evaluate(() => {
          new MutationObserver(() => {
            const text = document.querySelector(".notice")?.textContent;
            if (text) (globalThis as unknown as { heard(text: string): void }).heard(text);
          }).observe(document.body, { childList: true, subtree: true, characterData: true });
        });
        await chooseSmall(page);
        await button(page, "Start").click();
        await untilFigure(page, "Validation accuracy", (accuracy) => accuracy > 50);
        expect(await figure(page, "Epoch"), visit).toBe("1 of 10");
        const shown = await page.locator(".confusion td").allTextContents();
        expect(shown.map(Number).reduce((sum, count) => sum + count)).toBe(10_000);
        expectQuiet(opened);
        await page.context().unroute(/^https:.*ubyte\.gz$/);
        await page.close();
      }
      expect(fetched).toBe(4);
      expect(words.join("\n")).toMatch(/Fetching MNIST, .*ubyte: [\d.]+ [KM]iB/);
    },
    3 * MINUTES,
  );
});

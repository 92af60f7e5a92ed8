/** The page, built as `npm run build:demo` builds it, served from below a path, and opened in Chromium. */
import { join } from "node:path";
import type { BrowserContext, Locator, Page, Request, Worker } from "playwright-core";
import { build } from "vite";
import { afterAll, afterEach, beforeAll, expect } from "vitest";
import { launchChromium } from "../../helpers/chromium.ts";
import { needsBuild, ROOT, useTemporaryFolder } from "../../helpers/programs.ts";
import { type StaticServer, serve } from "../../helpers/static-server.ts";

export const MINUTES = 60_000;
/** Some path that the page knows nothing of. */
const BELOW = "people/ada/wgrad";

interface OpenOptions {
  /** What follows the page's address: "?data=digits#/draw". */
  readonly at?: string;
  /** In CSS pixels (default 1280). */
  readonly width?: number;
  readonly dark?: boolean;
  /** Called before the page is asked for. */
  readonly before?: (page: Page) => Promise<unknown>;
}

/** A page that is open, and all that it said and asked for. */
export interface Opened {
  readonly page: Page;
  /** The training worker, once the page has found what to compute on. */
  readonly worker: () => Promise<Worker>;
  readonly said: readonly string[];
  readonly requested: readonly Request[];
}

interface Demo {
  readonly origin: string;
  /** The folder with what was built. */
  readonly folder: string;
  open(options?: OpenOptions): Promise<Opened>;
}

/** Call at the top level of a test file; builds once, and gives pages of one browser. */
export function useDemo(browserOptions: { readonly webgpu?: boolean } = {}): Demo {
  needsBuild();
  const site = useTemporaryFolder();
  const profile = useTemporaryFolder();
  let server: StaticServer;
  let browser: BrowserContext;

  beforeAll(async () => {
    const outDir = join(site.path, BELOW);
    await build({
      configFile: join(ROOT, "demo/page/vite.config.ts"),
      logLevel: "error",
      build: { outDir, emptyOutDir: true },
    });
    server = await serve(site.path, [BELOW]);
    browser = await launchChromium(profile.path, browserOptions);
  }, 3 * MINUTES);

  // A test that fails leaves its page behind, which would go on training: what it showed says why.
  afterEach(async ({ task }) => {
    for (const page of browser?.pages().slice(1) ?? []) {
      if (task.result?.state === "fail") console.log(await page.getByRole("main").textContent());
      await page.close();
    }
  });

  afterAll(async () => {
    await browser?.close();
    await server?.close();
  });

  return {
    get origin() {
      return server.origin;
    },
    get folder() {
      return join(site.path, BELOW);
    },
    async open({ at = "?data=digits&engine=gpu", width = 1280, dark = false, before } = {}) {
      const page = await browser.newPage();
      const said: string[] = [];
      const requested: Request[] = [];
      page.on("console", (message) => said.push(`${message.type()}: ${message.text()}`));
      page.on("pageerror", (error) => said.push(`error: ${error.stack ?? error}`));
      page.on("request", (request) => requested.push(request));
      page.setDefaultTimeout(MINUTES);
      await page.setViewportSize({ width, height: width < 500 ? 844 : 900 });
      await page.emulateMedia({ colorScheme: dark ? "dark" : "light" });
      await before?.(page);
      await page.goto(`${server.origin}/${BELOW}/index.html${at}`);
      await page.getByRole("main").waitFor();
      const worker = async () => {
        await page.getByText(/^(GPU: |Processor: |No GPU)/).waitFor();
        const [first] = page.workers();
        if (!first) throw new Error("the page has no worker");
        return first;
      };
      return { page, worker, said, requested };
    },
  };
}

/** Waits until the page is one that shares memory between threads: without a GPU, it is loaded once more for that. */
export async function untilIsolated(page: Page): Promise<void> {
  // While it is loaded, there is nothing to ask.
  const isIsolated = () => page.evaluate(() => crossOriginIsolated).catch(() => false);
  await expect.poll(isIsolated).toBe(true);
  await page.getByRole("main").waitFor();
}

/** Holds that nothing went wrong that a console would show. */
export function expectQuiet({ said }: Opened): void {
  expect(said.filter((text) => /^(error|warning|assert)/.test(text))).toEqual([]);
}

export function button(page: Page, name: string | RegExp): Locator {
  return page.getByRole("button", { name, exact: true });
}

/** The text of a figure of the run bar: "98.20 %". */
export async function figure(page: Page, name: string): Promise<string> {
  const cell = page.locator(".run-bar .figures div", { has: page.getByText(name, { exact: true }) });
  return (await cell.locator("dd").textContent()) ?? "";
}

/** The same as a number; NaN where there is none yet. */
export async function figureNumber(page: Page, name: string): Promise<number> {
  return Number.parseFloat((await figure(page, name)).replaceAll(",", ""));
}

/** Waits until a figure is as wanted. @throws Error with the last value when it does not come to that */
export async function untilFigure(
  page: Page,
  name: string,
  wanted: (value: number) => boolean,
  timeoutMs = MINUTES,
): Promise<number> {
  const end = performance.now() + timeoutMs;
  for (;;) {
    const value = await figureNumber(page, name);
    if (wanted(value)) return value;
    if (performance.now() > end) throw new Error(`${name} is ${value} after ${timeoutMs / 1000} s`);
    await page.waitForTimeout(100);
  }
}

/** A small network, which learns in seconds on a software adapter, too. */
export async function chooseSmall(page: Page): Promise<void> {
  const settings = page.locator("details.settings");
  if (!(await settings.evaluate((details: HTMLDetailsElement) => details.open)))
    await settings.locator("summary").click();
  await fill(page, "Hidden layers", "32");
  await fill(page, "Batch size", "32");
}

export async function fill(page: Page, label: string, value: string): Promise<void> {
  const field = page.getByLabel(label, { exact: true });
  await field.fill(value);
  await field.blur();
}

export async function select(page: Page, label: string, option: string): Promise<void> {
  await page.getByLabel(label, { exact: true }).selectOption({ label: option });
}

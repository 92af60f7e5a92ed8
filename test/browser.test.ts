/** The built package in Chromium, as a page gets it: modules from a server, and nothing else. */
import type { BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { launchChromium } from "./helpers/chromium.ts";
import { expectSameFigures, expectSameLosses, mean } from "./helpers/curve.ts";
import { needsBuild, ROOT, useTemporaryFolder } from "./helpers/programs.ts";
import { type StaticServer, serve } from "./helpers/static-server.ts";

const MINUTES = 60_000;

/** What test/platforms/page.js finds. */
interface Result {
  adapter: string;
  losses: number[];
  accuracy: number;
  compared: { losses: number[]; reference: number[] };
  craft: Record<string, [number, number]>;
}

needsBuild();
const profile = useTemporaryFolder();

describe("Chromium", () => {
  let server: StaticServer;
  let browser: BrowserContext;
  /** Awaited by each test, so that whatever went wrong fails them all. */
  let result: Promise<Result>;
  /** What the page printed, threw, and asked for. */
  const said: string[] = [];
  const requested: string[] = [];

  async function visit(): Promise<Result> {
    server = await serve(ROOT, ["dist", "test/platforms"]);
    browser = await launchChromium(profile.path);
    const page = await browser.newPage();
    page.on("console", (message) => said.push(`${message.type()}: ${message.text()}`));
    page.on("pageerror", (error) => said.push(`error: ${error.stack ?? error}`));
    page.on("requestfailed", (request) =>
      said.push(`error: ${request.url()} ${request.failure()?.errorText}`),
    );
    page.on("request", (request) => requested.push(request.url()));
    await page.goto(`${server.origin}/test/platforms/page.html`);
    return resultOf(page, said);
  }

  beforeAll(async () => {
    result = visit();
    await result.catch(() => {});
  }, 2 * MINUTES);

  afterAll(async () => {
    await browser?.close();
    await server?.close();
  });

  it("has an adapter with a name", async () => {
    expect((await result).adapter).toMatch(/swiftshader/i);
  });

  it("learns", async () => {
    const { losses, accuracy } = await result;
    expect(losses).toHaveLength(300);
    expect(mean(losses.slice(-50))).toBeLessThan(0.5 * mean(losses.slice(0, 10)));
    expect(accuracy).toBeGreaterThan(0.85);
  });

  it("computes the losses that the CPU engine computes", async () => {
    const { losses, reference } = (await result).compared;
    expect(reference).toHaveLength(20);
    expectSameLosses(losses, reference, 1e-4);
  });

  it("streams, augments, resumes, reads tables and searches as the CPU engine does", async () => {
    const { craft } = await result;
    expect(Object.keys(craft)).toHaveLength(10);
    expectSameFigures(craft, 1e-3);
  });

  it("prints no error or warning, and throws none", async () => {
    await result;
    expect(said.filter((text) => /^(error|warning|assert)/.test(text))).toEqual([]);
  });

  it("asks its own server for modules, and nobody for anything else", async () => {
    await result;
    const addresses = requested
      .map((address) => new URL(address))
      .filter(({ protocol }) => protocol !== "data:");
    expect(addresses.map(({ pathname }) => pathname)).toContain("/dist/index.js");
    expect(addresses.filter(({ origin }) => origin !== server.origin).map(String)).toEqual([]);
  });
});

/** @throws Error with what the page said, when it found nothing */
async function resultOf(page: Page, said: readonly string[]): Promise<Result> {
  try {
    const result = await page.evaluate(() => (globalThis as unknown as { result?: Promise<Result> }).result);
    if (!result) throw new Error("its module did not run");
    return result;
  } catch (cause) {
    throw new Error(
      `The page failed: ${cause}\n${said.join("\n")}\nWithout an adapter, this Chromium lacks SwiftShader: install Debian's or Google's, or name another in CHROMIUM_PATH`,
      { cause },
    );
  }
}

/** Threads of the built package in Node, in Deno and in pages: the same bits, no worker left, no process kept. */
import type { BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Engine } from "../../../src/runtime/engine.ts";
import { launchChromium } from "../../helpers/chromium.ts";
import { deno } from "../../helpers/deno.ts";
import { needsBuild, ROOT, runNode, useTemporaryFolder } from "../../helpers/programs.ts";
import { serve } from "../../helpers/static-server.ts";

const MINUTES = 60_000;
const SCRIPT = "test/platforms/threads-process.js";
const ISOLATED = {
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-embedder-policy": "require-corp",
};

/** What `trainAndEnd` of test/platforms/threads.js finds. */
interface Found {
  readonly losses: readonly number[];
  readonly features: readonly string[];
}

/** What test/platforms/threads-process.js prints. */
type Printed = Record<"1" | "2" | "3" | "open", Found> & { readonly ended: string };

const DESTROYED = /^EngineError: this wasm engine was destroyed; make a new one/;

/** What test/platforms/threads.html offers to tests. */
interface Offered {
  train(threads: number): Promise<Found & { readonly engine: Engine }>;
  trainAndEnd(threads: number): Promise<Found>;
  inWorker(threads: number): Promise<Found>;
  endInTheMiddle(threads: number): Promise<string>;
  openAndEnd(engines: number): Promise<void>;
}

needsBuild();
const folder = useTemporaryFolder();
let browser: BrowserContext;
/** The losses of one thread, in Node. */
let expected: Promise<Printed>;

beforeAll(async () => {
  expected = runNode([SCRIPT], { timeoutMs: 2 * MINUTES }).then(({ stdout, stderr }) => {
    expect(stderr).toBe("");
    return JSON.parse(stdout);
  });
  await expected.catch(() => {});
  browser = await launchChromium(folder.path, { webgpu: false });
}, 3 * MINUTES);
afterAll(() => browser?.close());

function expectThreads(found: Printed): void {
  expect(found.ended).toMatch(DESTROYED);
  expect(found[1].losses).toHaveLength(120);
  expect(found[1].losses[119]).toBeLessThan(0.5 * found[1].losses[0]);
  expect(found[1].features).not.toContain("threads");
  for (const name of ["2", "3", "open"] as const) {
    expect(found[name].losses, name).toEqual(found[1].losses);
    expect(found[name].features, name).toContain("threads");
  }
}

it("Node computes the same bits with each number of threads, and ends with an engine open", async () => {
  expectThreads(await expected);
});

it(
  "Deno computes the same bits as Node, and ends with an engine open",
  async () => {
    const { stdout, stderr } = await deno(folder.path, ["--allow-read=dist", SCRIPT]);
    expect(stderr).toBe("");
    const found = JSON.parse(stdout);
    expectThreads(found);
    expect(found[1].losses).toEqual((await expected)[1].losses);
  },
  3 * MINUTES,
);

describe("a page", () => {
  async function visit<T>(
    headers: Readonly<Record<string, string>>,
    work: (page: Page, said: readonly string[]) => Promise<T>,
  ): Promise<T> {
    const server = await serve(ROOT, ["dist", "test/platforms"], headers);
    const page = await browser.newPage();
    const said: string[] = [];
    page.on("console", (message) => said.push(`${message.type()}: ${message.text()}`));
    page.on("pageerror", (error) => said.push(`error: ${error}`));
    try {
      await page.goto(`${server.origin}/test/platforms/threads.html`);
      await page.waitForFunction("globalThis.trainAndEnd");
      return await work(page, said);
    } finally {
      await page.close();
      await server.close();
    }
  }

  const trained = (page: Page, threads: number, where: "trainAndEnd" | "inWorker"): Promise<Found> =>
    page.evaluate(([threads, where]) => (globalThis as unknown as Offered)[where](threads), [
      threads,
      where,
    ] as const);

  it("that is not isolated computes the same bits on one thread, without a word", async () => {
    await visit({}, async (page, said) => {
      const found = await trained(page, 2, "trainAndEnd");
      expect(found.losses).toEqual((await expected)[1].losses);
      expect(found.features).not.toContain("threads");
      expect(said).toEqual([]);
    });
  });

  it("that is isolated leaves all work to workers, which end with the engine", async () => {
    await visit(ISOLATED, async (page, said) => {
      const open = page.evaluate(async () => {
        const { engine, losses, features } = await (globalThis as unknown as Offered).train(3);
        Object.assign(globalThis, { engine });
        return { losses, features };
      });
      const found = await open;
      expect(found.losses).toEqual((await expected)[1].losses);
      expect(found.features).toContain("threads");
      expect(page.workers()).toHaveLength(3);
      await page.evaluate(() => (globalThis as unknown as { engine: Engine }).engine.destroy());
      await expect.poll(() => page.workers().length).toBe(0);
      expect(said).toEqual([]);
    });
  });

  it("that is isolated can destroy an engine while its workers run", async () => {
    await visit(ISOLATED, async (page, said) => {
      const heard = await page.evaluate(() => (globalThis as unknown as Offered).endInTheMiddle(2));
      expect(heard).toMatch(DESTROYED);
      await expect.poll(() => page.workers().length).toBe(0);
      expect(said).toEqual([]);
    });
  });

  it("that is isolated computes the same bits in a worker of its own", async () => {
    await visit(ISOLATED, async (page, said) => {
      const found = await trained(page, 2, "inWorker");
      expect(found.losses).toEqual((await expected)[1].losses);
      expect(found.features).toContain("threads");
      expect(said).toEqual([]);
    });
  });

  it("opens and destroys a hundred engines, and no worker is left", async () => {
    await visit(ISOLATED, async (page, said) => {
      await page.evaluate(() => (globalThis as unknown as Offered).openAndEnd(100));
      await expect.poll(() => page.workers().length).toBe(0);
      expect(said).toEqual([]);
    });
  });

  it("whose policy refuses WebAssembly is told what to allow", async () => {
    const policy = { "content-security-policy": "script-src 'self' 'unsafe-inline'" };
    await visit(policy, async (page) => {
      await expect(trained(page, 1, "trainAndEnd")).rejects.toThrow(
        /EngineError: wasm: WebAssembly does not compile here: .*add 'wasm-unsafe-eval' to script-src/s,
      );
    });
    const allowed = { "content-security-policy": "script-src 'self' 'unsafe-inline' 'wasm-unsafe-eval'" };
    await visit(allowed, async (page, said) => {
      expect((await trained(page, 1, "trainAndEnd")).losses).toEqual((await expected)[1].losses);
      expect(said).toEqual([]);
    });
  });

  it("whose policy refuses workers computes on one thread, and is told so once", async () => {
    const policy = { ...ISOLATED, "content-security-policy": "worker-src 'self'" };
    await visit(policy, async (page, said) => {
      const found = await trained(page, 3, "trainAndEnd");
      expect(found.losses).toEqual((await expected)[1].losses);
      expect(said.filter((text) => text.startsWith("warning: wasm:"))).toEqual([
        expect.stringMatching(/^warning: wasm: a worker does not start .*worker-src blob:/),
      ]);
    });
  });
});

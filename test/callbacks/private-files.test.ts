/** Checkpoints in the origin private file system of Chromium, on a page's main thread and in a worker. */
import type { BrowserContext, Page } from "playwright-core";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { launchChromium } from "../helpers/chromium.ts";
import { needsBuild, ROOT, useTemporaryFolder } from "../helpers/programs.ts";
import { type StaticServer, serve } from "../helpers/static-server.ts";

const MINUTES = 60_000;
needsBuild();
const profile = useTemporaryFolder();

/** What `train` of test/platforms/private-files.js tells. */
interface Told {
  readonly error: string;
  /** All bytes of the weights, as text. */
  readonly weights: string;
  readonly epochs: number;
  readonly warned: readonly string[];
}

let server: StaticServer;
let browser: BrowserContext;
let page: Page;
/** Weights of an unbroken run. */
let whole: string;

async function visit(): Promise<Page> {
  const opened = await browser.newPage();
  await opened.goto(`${server.origin}/test/platforms/private-files.html`);
  await opened.waitForFunction("globalThis.here");
  return opened;
}

type Place = "page" | "worker";
/** Calls a function of test/platforms/private-files.js. */
const call = <T>(name: string, options: unknown, { in: place = "page", of = page } = {}): Promise<T> => {
  const given = JSON.stringify(options);
  return of.evaluate(
    place === "page" ? `here.${name}(${given})` : `inWorker("${name}", ${given})`,
  ) as Promise<T>;
};
const train = (options: object, where: { in?: Place; of?: Page } = {}) => call<Told>("train", options, where);
const list = async (folder = "") => Object.keys(await call<Record<string, number>>("list", folder));

beforeAll(async () => {
  server = await serve(ROOT, ["dist", "test/platforms"]);
  browser = await launchChromium(profile.path, { webgpu: false });
}, 2 * MINUTES);
afterAll(async () => {
  await browser?.close();
  await server?.close();
});
beforeEach(async () => {
  const before = page;
  page = await visit();
  await before?.close();
  await call("clear", undefined);
  whole ??= (await train({})).weights;
});

describe.each<[Place, "cpu" | "wasm"]>([
  ["page", "wasm"],
  ["worker", "cpu"],
])("in a %s on the engine %s", (place, engine) => {
  it("the last ones are kept, and a series, a path and a folder go on to the bit after a reload", async () => {
    const begin = (path: string) => train({ engine, epochs: 4, path, how: { keep: 2 } }, { in: place });
    expect(await begin("runs/{epoch}.safetensors")).toMatchObject({ error: "", epochs: 4 });
    expect(await list("runs")).toEqual(["3.safetensors", "4.safetensors"]);
    await page.reload();
    await page.waitForFunction("globalThis.here");
    const unbroken = await train({ engine }, { in: place });
    expect(unbroken.weights.length).toBeGreaterThan(1000);
    for (const resume of ["runs/{epoch}.safetensors", "runs/3.safetensors", "runs", "/runs/"]) {
      const resumed = await train({ engine, resume }, { in: place });
      expect(resumed, resume).toEqual({ ...unbroken, epochs: resume.includes("3") ? 3 : 2 });
    }
  });
});

describe("in a page or a worker", () => {
  it("one whose newest file is damaged goes on from the one before, and says so", async () => {
    await train({ epochs: 4, path: "run-{epoch}.safetensors" });
    await call("damage", "run-4.safetensors");
    const told = await train({ resume: "run-{epoch}.safetensors" });
    expect(told).toMatchObject({ error: "", weights: whole, epochs: 3 });
    expect(told.warned.join()).toMatch(/run-4\.safetensors: the checkpoint is damaged.*from run-3/s);
  });

  it.each<[Place, string]>([
    ["page", "move"],
    ["page", "locks"],
    ["worker", "createWritable"],
  ])("a browser whose %s has no %s writes them as well", async (place, part) => {
    const path = "run.safetensors";
    for (const epochs of [2, 4]) {
      const resume = epochs === 4 ? path : undefined;
      const told = await train({ epochs, path, resume, lacks: [part] }, { in: place });
      expect(told).toMatchObject({ error: "", epochs: 2 });
    }
    expect(await list()).toEqual([path]);
    expect(await train({ resume: path })).toMatchObject({ weights: whole, epochs: 2 });
  });

  it.each<[Place, string[], string]>([
    [
      "page",
      ["getDirectory"],
      "this browser has none; use a newer one, or keep the bytes of run.checkpoint()",
    ],
    ["page", ["createWritable"], "train in a worker"],
    ["worker", ["getDirectory"], "this browser has none"],
    ["worker", ["createWritable", "move"], "only in a worker, or not at all"],
  ])("a %s without %j is told before the first step", async (place, lacks, words) => {
    const { error, epochs } = await train({ path: "run.safetensors", lacks }, { in: place });
    expect(error).toContain("save: run.safetensors cannot be written in the origin private file system: ");
    expect(error).toContain(words);
    expect(epochs).toBe(0);
  });

  it.each<[Place, string[]]>([
    ["page", []],
    ["worker", ["move"]],
  ])("a %s without room, and %j, is told what to do; earlier files stay whole", async (place, lacks) => {
    const series = "run-{epoch}.safetensors";
    await train({ epochs: 2, path: series });
    const before = await call("list", "");
    const devtools = await browser.newCDPSession(page);
    const { usage } = (await page.evaluate("navigator.storage.estimate()")) as { usage: number };
    const { origin } = server;
    await devtools.send("Storage.overrideQuotaForOrigin", { origin, quotaSize: usage + 100 });
    try {
      const full = await train({ path: series, resume: series, lacks }, { in: place });
      expect(full.error).toContain("save: run-3.safetensors cannot be written");
      expect(full.error).toContain("keep fewer checkpoints, or remove other files");
      expect(full.error).toContain("(QuotaExceededError)");
      expect(await call("list", "")).toEqual(before);
    } finally {
      await devtools.send("Storage.overrideQuotaForOrigin", { origin });
    }
    expect(await train({ resume: series, path: series })).toMatchObject({ weights: whole });
  });
});

describe("a page that is closed", () => {
  it.each(["closing", "moving"])(
    "in the middle of a write leaves the file before whole: %s",
    async (lack) => {
      const other = await visit();
      void train({ path: "run.safetensors", lacksLater: [lack] }, { of: other }).catch(() => {});
      await other.waitForFunction("globalThis.epoch === 2");
      await page.waitForFunction("here.list().then((files) => 'run.safetensors.wgrad-part' in files)");
      await other.close();
      // Chromium removes its own file beside them a moment later.
      const left = (await list()).filter((name) => !name.endsWith(".crswap"));
      expect(left).toEqual(["run.safetensors", "run.safetensors.wgrad-part"]);
      // Nothing of it is in the way of the next run.
      expect(await train({ resume: "run.safetensors", path: "run.safetensors" })).toMatchObject({
        weights: whole,
        epochs: 4,
      });
      expect(await list()).toEqual(["run.safetensors"]);
    },
  );
});

describe("two pages", () => {
  it("that write one name, again and again, leave a whole file, and a third reads one at any moment", async () => {
    const others = await Promise.all([visit(), visit()]);
    const how = { path: "run.safetensors", how: { everySteps: 1 }, epochs: 12 };
    await train({ path: "run.safetensors", epochs: 1 });
    let writing = true;
    const ends = Promise.all(others.map((of) => train(how, { of }))).finally(() => {
      writing = false;
    });
    let reads = 0;
    for (; writing || reads === 0; reads++) {
      const told = await train({ resume: "run.safetensors", epochs: 13 });
      expect(told.error).toBe("");
    }
    for (const { error } of await ends) expect(error).toBe("");
    expect(await list()).toEqual(["run.safetensors"]);
    for (const other of others) await other.close();
  });
});

describe("paths", () => {
  it("that name no file are refused before the first step, missing ones by name", async () => {
    await train({ epochs: 1, path: "folder/run.safetensors" });
    for (const [path, words] of [
      ["../run.safetensors", "the path leads upwards"],
      ["folder/", "the path names no file"],
      ["folder", "a folder has the name of a file"],
      ["folder/run.safetensors/inner", "a folder has the name of a file"],
    ] as const) {
      const { error, epochs } = await train({ path });
      expect(error, path).toContain(words);
      expect(epochs).toBe(0);
    }
    const missing = await train({ resume: "missing.safetensors" });
    expect(missing.error).toContain(
      "load: missing.safetensors cannot be read in the origin private file system: there is no such file",
    );
    expect((await train({ resume: "none-{epoch}" })).error).toContain(
      "resume: none-{epoch}: there is no checkpoint",
    );
  });
});

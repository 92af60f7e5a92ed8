import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { environmentVariable } from "../../src/environment.ts";
import { browserStore, folderStore, openCache, userCacheFolder } from "../../src/store.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "wgrad-store-"));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
  vi.unstubAllGlobals();
  vi.unstubAllEnvs();
});

describe("folderStore", () => {
  it("reads what it wrote, in a folder that it makes", async () => {
    const store = folderStore(`${join(folder, "a", "b")}/`);
    expect(await store.read("x", 3)).toBeUndefined();
    await store.write("x", Uint8Array.of(1, 2));
    await store.write("x", Uint8Array.of(3));
    expect([...((await store.read("x", 3)) ?? [])]).toEqual([3]);
    expect(store.locate("x")).toBe(`${join(folder, "a", "b")}/x`);
    expect(readdirSync(join(folder, "a", "b"))).toEqual(["x"]);
  });
  it("reads no file that is larger than it may be", async () => {
    const store = folderStore(folder);
    await store.write("x", new Uint8Array(4));
    await expect(store.read("x", 3)).rejects.toThrow("x: 4 bytes; expected at most 3");
    expect((await store.read("x", 4))?.length).toBe(4);
  });
  it("leaves no temporary file where the write fails", async () => {
    mkdirSync(join(folder, "x", "y"), { recursive: true }); // a folder that is not empty cannot be replaced
    await expect(folderStore(folder).write("x", Uint8Array.of(1))).rejects.toThrow();
    expect(readdirSync(folder)).toEqual(["x"]);
  });
  it("gives one whole file to two writers", async () => {
    const store = folderStore(folder);
    await Promise.all([1, 2].map((value) => store.write("x", new Uint8Array(1 << 20).fill(value))));
    expect(new Set(readFileSync(join(folder, "x"))).size).toBe(1);
    expect(readdirSync(folder)).toEqual(["x"]);
  });
});

/** The Cache API as far as the store uses it. */
function fakeCaches() {
  const kept = new Map<string, Map<string, Response>>();
  const open = async (name: string) => {
    const cache = kept.get(name) ?? new Map<string, Response>();
    kept.set(name, cache);
    return {
      match: async (key: string) => cache.get(key)?.clone(),
      put: async (key: string, response: Response) => void cache.set(key, response),
    };
  };
  return { kept, caches: { open } as unknown as CacheStorage };
}

describe("browserStore", () => {
  it("reads what it wrote", async () => {
    const { kept, caches } = fakeCaches();
    const store = browserStore(caches, "wgrad-mnist");
    expect(await store.read("x", 3)).toBeUndefined();
    await store.write("x", Uint8Array.of(1, 2, 3));
    expect(await store.read("x", 3)).toEqual(Uint8Array.of(1, 2, 3));
    await expect(store.read("x", 2)).rejects.toThrow("/wgrad-mnist/x: 3 bytes; expected at most 2");
    expect([...(kept.get("wgrad-mnist")?.keys() ?? [])]).toEqual(["/wgrad-mnist/x"]);
  });
});

describe("where files are kept", () => {
  const variables = (values: Record<string, string>) => (name: string) => values[name];
  it.each<[string, string, Record<string, string>, string | undefined]>([
    ["Linux", "linux", { HOME: "/home/a" }, "/home/a/.cache"],
    ["Linux with XDG_CACHE_HOME", "linux", { HOME: "/home/a", XDG_CACHE_HOME: "/c" }, "/c"],
    [
      "Linux with a relative XDG_CACHE_HOME",
      "linux",
      { HOME: "/home/a", XDG_CACHE_HOME: "c" },
      "/home/a/.cache",
    ],
    ["Linux without a home", "linux", {}, undefined],
    ["macOS", "darwin", { HOME: "/Users/a", XDG_CACHE_HOME: "/c" }, "/Users/a/Library/Caches"],
    ["macOS without a home", "darwin", {}, undefined],
    ["Windows", "win32", { HOME: "/h", LOCALAPPDATA: "C:\\a\\Local" }, "C:\\a\\Local"],
  ])("on %s", (_what, platform, values, expected) => {
    expect(userCacheFolder(platform, variables(values))).toBe(expected);
  });
  it("in a browser: in its cache, or nowhere", async () => {
    vi.stubGlobal("process", { env: {} }); // what some bundlers put in place of Node's
    expect(openCache("mnist")).toBeUndefined();
    expect(environmentVariable("HOME")).toBeUndefined();
    const { caches } = fakeCaches();
    vi.stubGlobal("caches", caches);
    expect(openCache("mnist")?.locate("x")).toBe("/wgrad-mnist/x");
  });
  it("in Node: in the given folder", () => {
    expect(openCache("mnist", folder)?.locate("x")).toBe(`${folder}/x`);
  });
  it("nowhere without a home", () => {
    vi.stubEnv("HOME", "");
    vi.stubEnv("XDG_CACHE_HOME", "");
    vi.stubEnv("LOCALAPPDATA", "");
    expect(openCache("mnist")).toBeUndefined();
  });
});

describe("environmentVariable", () => {
  it("is undefined where reading it is refused, as in Deno without permission", () => {
    const env = new Proxy(
      {},
      {
        get: () => {
          throw new Error("NotCapable");
        },
      },
    );
    vi.stubGlobal("process", { versions: { node: "20" }, env });
    expect(environmentVariable("HOME")).toBeUndefined();
  });
});

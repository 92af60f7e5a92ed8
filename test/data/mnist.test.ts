import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { loadMnist, mnist } from "../../src/data/mnist.ts";
import { type MnistOptions, type MnistProgress, MnistUnavailableError } from "../../src/data/mnistSource.ts";
import { idxFile, packed } from "./files.ts";
import { files, type MnistServer, serve, tiny } from "./mnist-server.ts";

const realDir = process.env.MNIST_DIR;

let server: MnistServer;
let folder: string;
beforeEach(async () => {
  server = await serve();
  folder = mkdtempSync(join(tmpdir(), "wgrad-mnist-"));
  vi.stubEnv("MNIST_DIR", undefined);
});
afterEach(() => {
  server.close();
  rmSync(folder, { recursive: true });
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
});

/** Loads the tiny MNIST from mirrors that answer in these ways, with the test's folder as the cache. */
const load = (ways: string[], options: MnistOptions = {}) =>
  loadMnist({ cacheDir: folder, mirrors: ways.map((way) => server.mirror(way)), ...options }, tiny);

const fill = (pack: (bytes: Uint8Array) => Uint8Array, ending: string) => {
  for (const [name, bytes] of Object.entries(files)) writeFileSync(join(folder, name + ending), pack(bytes));
};

const NAMES = ["test-images.gz", "test-labels.gz", "train-images.gz", "train-labels.gz"];

describe("mnist from a folder", () => {
  it.each([
    ["packed", packed, ".gz"],
    ["unpacked", (bytes: Uint8Array) => bytes, ""],
  ])("reads %s files, and asks no server", async (_what, pack, ending) => {
    fill(pack, ending);
    const { train, test } = await load(["good"], { dir: folder });
    expect(train).toMatchObject({ name: "mnist train", count: 3, classes: 10 });
    expect(train.inputs).toMatchObject({ shape: [1, 2, 2], scale: 1 / 255 });
    expect([...train.inputs.data]).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 255]);
    expect([...train.targets.data]).toEqual([9, 0, 4]);
    expect(test).toMatchObject({ name: "mnist test", count: 2 });
    expect([...test.targets.data]).toEqual([1, 2]);
    expect(server.asked).toEqual([]);
  });
  it("takes the folder from MNIST_DIR", async () => {
    fill(packed, ".gz");
    vi.stubEnv("MNIST_DIR", folder);
    expect((await loadMnist({ mirrors: [] }, tiny)).train.count).toBe(3);
  });
  it.each<[string, Uint8Array | undefined, RegExp]>([
    [
      "a missing file",
      undefined,
      /^mnist: .*train-labels\.gz: no such file, nor one without \.gz; put the four files/,
    ],
    [
      "a short file",
      packed(idxFile([3], [9, 0, 4])).slice(0, -4),
      /^mnist: .*train-labels\.gz: the gzip stream ends early \(\d+ bytes read\); replace the file/,
    ],
    [
      "another file",
      packed(idxFile([3], [9, 0, 5])),
      /^mnist: .*train-labels\.gz: MD5 sum [0-9a-f]{32}, expected [0-9a-f]{32} \(11 bytes unpacked\); replace/,
    ],
    ["a web page", new TextEncoder().encode("<html>"), /^mnist: .*train-labels\.gz: MD5 sum/],
  ])("names %s, and fetches nothing", async (_what, bytes, message) => {
    fill(packed, ".gz");
    rmSync(join(folder, "train-labels.gz"));
    if (bytes !== undefined) writeFileSync(join(folder, "train-labels.gz"), bytes);
    await expect(load(["good"], { dir: folder })).rejects.toThrow(message);
    expect(server.asked).toEqual([]);
  });
  it("names a folder that is none", async () => {
    writeFileSync(join(folder, "file"), "");
    await expect(load([], { dir: join(folder, "file") })).rejects.toThrow(
      /mnist: ENOTDIR.*file.train-images.gz.*; replace the file/,
    );
  });
});

describe("mnist from mirrors", () => {
  it("keeps what it fetched, and fetches it once", async () => {
    const first = await load(["good"]);
    expect(readdirSync(folder).sort()).toEqual(NAMES);
    expect(server.asked).toEqual(
      ["train-images", "train-labels", "test-images", "test-labels"].map((n) => `good/${n}.gz`),
    );
    expect(await load(["good"])).toEqual(first);
    expect(server.asked.length).toBe(4);
  });
  it("keeps it in the user's cache folder unless told otherwise", async () => {
    if (process.platform === "linux") vi.stubEnv("XDG_CACHE_HOME", folder);
    else vi.stubEnv(process.platform === "win32" ? "LOCALAPPDATA" : "HOME", folder);
    await loadMnist({ mirrors: [server.mirror("good")] }, tiny);
    const below = process.platform === "darwin" ? join("Library", "Caches") : "";
    expect(readdirSync(join(folder, below, "wgrad", "mnist")).sort()).toEqual(NAMES);
  });
  it.each([
    ["is cut off", packed(idxFile([3], [9, 0, 4])).slice(0, -9)],
    ["is another", packed(idxFile([3], [9, 0, 5]))],
    ["is empty", new Uint8Array(0)],
  ])("fetches a cached file anew that %s", async (_what, bytes) => {
    await load(["good"]);
    const good = readFileSync(join(folder, "train-labels.gz"));
    writeFileSync(join(folder, "train-labels.gz"), bytes);
    await load(["good"]);
    expect(server.asked.slice(4)).toEqual(["good/train-labels.gz"]);
    expect(readFileSync(join(folder, "train-labels.gz")).equals(good)).toBe(true);
  });
  it.each([
    ["missing", "HTTP 404 Not Found"],
    ["web-page", /^what came: MD5 sum .* \(27 bytes unpacked\)$/],
    ["empty", /^what came: MD5 sum .* \(0 bytes unpacked\)$/],
    ["short", /^what came: the gzip stream ends early \(\d+ bytes read\)$/],
    ["wrong", /^what came: MD5 sum .* expected/],
    ["breaks-off", /terminated/],
    ["silent", "nothing came for 1.5 s"],
    ["stalls", "nothing came for 1.5 s"],
  ])("goes on after a mirror that is %s, and lists it when all fail", async (way, reason) => {
    const { train } = await load([way, "good"]);
    expect(train.count).toBe(3);
    expect(readdirSync(folder).sort()).toEqual(NAMES);
    // The mirror that worked is asked first from then on.
    expect(server.asked.filter((path) => path.startsWith(way)).length).toBe(1);

    rmSync(join(folder, "test-labels.gz"));
    const error = await load([way]).catch((e) => e);
    expect(error).toBeInstanceOf(MnistUnavailableError);
    expect(error.file).toBe("test-labels.gz");
    expect(error.failures).toEqual([
      { url: `${server.mirror(way)}test-labels.gz`, reason: expect.stringMatching(reason) },
    ]);
    expect(error.message).toContain(
      `mnist: no mirror could give test-labels.gz:\n  ${server.mirror(way)}test-labels.gz: `,
    );
    expect(readdirSync(folder).length).toBe(3);
  });
  it("takes an empty dir for none", async () => {
    expect((await load(["good"], { dir: "" })).train.count).toBe(3);
  });
  it("lists every mirror when all fail", async () => {
    const mirrors = [server.mirror("missing"), "http://127.0.0.1:1/x"];
    const error = await load([], { mirrors }).catch((e) => e);
    expect(error).toBeInstanceOf(MnistUnavailableError);
    expect(error.message).toContain(
      "missing/train-images.gz: HTTP 404 Not Found\n  http://127.0.0.1:1/x/train-images.gz: ",
    );
    expect(error.message).toContain("digits()");
    expect(readdirSync(folder)).toEqual([]);
    await expect(load([])).rejects.toThrow("the list of mirrors is empty");
  });
  it("returns to a mirror for a file that the preferred one lacks", async () => {
    expect((await load(["only-labels", "good"])).test.count).toBe(2);
    expect(
      (await load(["missing", "only-labels", "redirected"], { cacheDir: join(folder, "other") })).test.count,
    ).toBe(2);
  });
  it("takes a file that the transfer has unpacked", async () => {
    const first = await load(["unpacked-by-transfer"]);
    expect(readdirSync(folder).sort()).toEqual(NAMES.map((name) => name.replace(".gz", "")));
    expect(await load([])).toEqual(first);
  });
  it("uses the fetch it is given, and gives up on one that does not listen", async () => {
    const seen: string[] = [];
    const own = async (input: string | URL | Request) => {
      seen.push(String(input));
      return new Promise<Response>(() => {});
    };
    await expect(load(["good"], { fetch: own })).rejects.toThrow("nothing came for 1.5 s");
    expect(seen).toEqual([`${server.mirror("good")}train-images.gz`]);
  });
  it("refuses more bytes than the file can have", async () => {
    const piece = new Uint8Array(8 << 20);
    const own = async () =>
      new Response(new ReadableStream({ pull: (controller) => controller.enqueue(piece) }));
    await expect(load(["good"], { fetch: own })).rejects.toThrow("more than 1052 bytes");
  });
  it("goes on with a warning where nothing can be kept", async () => {
    const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
    writeFileSync(join(folder, "file"), "");
    const { train } = await load(["good"], { cacheDir: join(folder, "file") });
    expect(train.count).toBe(3);
    expect(warn.mock.calls[0]?.[0]).toMatch(/mnist: .*train-images.gz: could not be kept .*set cacheDir/);
    expect(readdirSync(folder)).toEqual(["file"]);
  });
});

describe("mnist reports and stops", () => {
  it("tells how far it has come", async () => {
    const seen: MnistProgress[] = [];
    await load(["good"], { onProgress: (progress) => seen.push(progress) });
    await load(["good"], { onProgress: (progress) => seen.push(progress) });
    expect(seen.map(({ file }) => file)).toEqual([
      ...["train-images", "train-labels", "test-images", "test-labels"],
      ...["train-images", "train-labels", "test-images", "test-labels"],
    ]);
    expect(seen[0]?.source).toBe(`${server.mirror("good")}train-images.gz`);
    expect(seen[4]?.source).toBe(join(folder, "train-images.gz"));
    for (const { loadedBytes, totalBytes } of seen) expect(loadedBytes).toBe(totalBytes);
  });
  it("does not know the total of a packed transfer", async () => {
    const seen: MnistProgress[] = [];
    await load(["unpacked-by-transfer"], { onProgress: (progress) => seen.push(progress) });
    expect(seen[0]?.totalBytes).toBeUndefined();
  });
  it.each([false, true])(
    "passes on what the caller's function throws (from the cache: %s)",
    async (cached) => {
      if (cached) await load(["good"]);
      const asked = server.asked.length;
      const onProgress = () => {
        throw new Error("mine");
      };
      await expect(load(["good"], { onProgress })).rejects.toThrow(/^mine$/);
      expect(server.asked.length).toBe(asked + (cached ? 0 : 1));
    },
  );
  it("stops before the first file when the signal has aborted", async () => {
    const signal = AbortSignal.abort(new Error("enough"));
    await expect(load(["good"], { signal })).rejects.toThrow("enough");
    fill(packed, ".gz");
    await expect(load(["good"], { signal, dir: folder })).rejects.toThrow("enough");
    expect(server.asked).toEqual([]);
  });
  it("stops in the middle of a download, and asks no other mirror", async () => {
    const controller = new AbortController();
    const loading = load(["silent", "good"], { signal: controller.signal });
    loading.catch(() => {});
    await vi.waitFor(() => expect(server.asked).toHaveLength(1), { timeout: 1000 });
    controller.abort(new Error("enough"));
    await expect(loading).rejects.toThrow("enough");
    expect(server.asked).toEqual(["silent/train-images.gz"]);
  });
});

describe("mnist's files against each other", () => {
  it("refuses labels and images of different counts", async () => {
    const swapped = { ...tiny, trainLabels: tiny.testLabels };
    const mirrors = [server.mirror("good")];
    await expect(loadMnist({ cacheDir: folder, mirrors }, swapped)).rejects.toThrow(
      "mnist train: labels and images of different counts: 3 inputs of shape [1, 2, 2], 2 targets",
    );
  });
  it("refuses a file of the other kind", async () => {
    const swapped = { ...tiny, trainImages: tiny.testLabels };
    const mirrors = [server.mirror("good")];
    await expect(loadMnist({ cacheDir: folder, mirrors }, swapped)).rejects.toThrow(
      "mnist train: images: got Uint8Array",
    );
  });
});

if (realDir) {
  it("MNIST files: 60,000 + 10,000 digits", async () => {
    const { train, test } = await mnist({ dir: realDir });
    expect(train).toMatchObject({ count: 60_000, classes: 10 });
    expect(test).toMatchObject({ count: 10_000, classes: 10 });
    expect(train.inputs.shape).toEqual([1, 28, 28]);
    expect([...train.targets.data.subarray(0, 5)]).toEqual([5, 0, 4, 1, 9]);
    let sum = 0;
    for (const pixel of train.inputs.data) sum += pixel;
    const mean = sum / train.inputs.data.length / 255;
    expect(mean).toBeCloseTo(0.1307, 4);
  });
} else {
  it("MNIST files: did not run, MNIST_DIR is not set", () => {});
}

/** `bench peers`, with wgrad alone where a device is needed, and with made-up candidates where others are. */
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { isDeepStrictEqual } from "node:util";
import { describe, expect, it } from "vitest";
import { installOthers } from "../../bench/peers/bundle.ts";
import type { Run } from "../../bench/peers/candidate.ts";
import { CONTENDERS, type ContenderName, fastestPeer, ratios } from "../../bench/peers/contest.ts";
import type { Contender, Host } from "../../bench/peers/hosts/host.ts";
import { withHost } from "../../bench/peers/hosts/open.ts";
import { correctness, gflops, matmulLines, measureMatmul } from "../../bench/peers/matmul.ts";
import { measureStartup, startupLines } from "../../bench/peers/startup.ts";
import { agreement, measurePeers, peersLines, peersObject } from "../../bench/peers/training.ts";
import {
  batchesOf,
  createProducts,
  createWorkload,
  expectedRowSums,
  transposed,
  type Workload,
} from "../../bench/peers/workload.ts";
import { ownLines, runScript } from "../helpers/command.ts";
import { needsBuild, useTemporaryFolder } from "../helpers/programs.ts";

needsBuild();
const folder = useTemporaryFolder();
const silent = () => {};
const SMALL = { convolutions: false, hidden: [6, 5], batch: 8, samples: 30, seed: 3 };

describe("the workload", () => {
  it("is a function of its options", () => {
    expect(createWorkload(SMALL)).toEqual(createWorkload({ ...SMALL }));
    const other = createWorkload({ ...SMALL, seed: 4 });
    const { images, order, denseLayers } = createWorkload(SMALL);
    expect(other.images).not.toEqual(images);
    expect(other.order).not.toEqual(order);
    expect(other.denseLayers[0].weight).not.toEqual(denseLayers[0].weight);
  });

  it("has pixels and classes of all kinds, and an order of all samples", () => {
    const { images, classes, order } = createWorkload({ ...SMALL, samples: 1000 });
    expect(new Set(images).size).toBe(256);
    expect(images.reduce((sum, byte) => sum + byte, 0) / images.length).toBeCloseTo(127.5, 0);
    expect([...new Set(classes)].sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: 1000 }, (_, i) => i));
    expect([...order]).not.toEqual(Array.from({ length: 1000 }, (_, i) => i));
  });

  it("has the layers of the model", () => {
    const { convolutionLayers, denseLayers, flattened } = createWorkload({ ...SMALL, convolutions: true });
    expect(convolutionLayers.map(({ shape }) => shape)).toEqual([
      [24, 1, 5, 5],
      [32, 24, 3, 3],
    ]);
    expect(flattened).toEqual([32, 5, 5]);
    expect(denseLayers.map(({ shape }) => shape)).toEqual([
      [6, 800],
      [5, 6],
      [10, 5],
    ]);
    for (const { shape, weight, bias } of [...convolutionLayers, ...denseLayers]) {
      expect(weight).toHaveLength(shape.reduce((product, extent) => product * extent, 1));
      expect(bias).toHaveLength(shape[0]);
    }
  });

  it("gives batches as the order says", () => {
    const workload = createWorkload(SMALL);
    const batches = batchesOf(workload);
    expect(batches).toHaveLength(3);
    const sample = workload.order[2 * 8 + 5];
    const { images, oneHot } = batches[2];
    expect(images[5 * 784 + 100]).toBe(Math.fround(workload.images[sample * 784 + 100] / 255));
    expect([...oneHot.subarray(50, 60)].indexOf(1)).toBe(workload.classes[sample]);
    expect(oneHot.reduce((sum, value) => sum + value, 0)).toBe(8);
  });

  it("refuses a data set of one batch: a step would meet the batch of the step before", () => {
    expect(() => createWorkload({ ...SMALL, samples: 15 })).toThrow("15 samples are no two batches of 8");
  });

  it("knows what the products come to", () => {
    const { size, a, b, count } = createProducts({ size: 5, seed: 2 });
    let x = Float64Array.from(b);
    for (let i = 0; i < count; i++) {
      x = x.map((_, at) => {
        const [row, column] = [Math.floor(at / size), at % size];
        return [0, 1, 2, 3, 4].reduce((sum, k) => sum + a[row * size + k] * x[k * size + column], 0);
      });
    }
    expectedRowSums({ size, seed: 2, a, b, count }).forEach((sum, row) => {
      const direct = x.subarray(row * size, (row + 1) * size).reduce((total, value) => total + value, 0);
      expect(sum).toBeCloseTo(direct, 10);
    });
    expect([...transposed(Float32Array.of(1, 2, 3, 4, 5, 6), [2, 3])]).toEqual([1, 4, 2, 5, 3, 6]);
  });
});

/** The loss of the first batch in f64, without any library. */
function firstLoss(workload: Workload): number {
  const { images, oneHot } = batchesOf(workload)[0];
  let total = 0;
  for (let row = 0; row < workload.batch; row++) {
    let x = [...images.subarray(row * 784, (row + 1) * 784)];
    workload.denseLayers.forEach(({ shape: [outputs, inputs], weight, bias }, layer) => {
      const sums = [...bias].map((start, o) =>
        x.reduce((sum, value, i) => sum + value * weight[o * inputs + i], start),
      );
      expect(sums).toHaveLength(outputs);
      x = layer < workload.denseLayers.length - 1 ? sums.map((value) => Math.max(0, value)) : sums;
    });
    const logSum = Math.log(x.reduce((sum, value) => sum + Math.exp(value), 0));
    total += logSum - x[[...oneHot.subarray(row * 10, (row + 1) * 10)].indexOf(1)];
  }
  return total / workload.batch;
}

describe.each(["node", "chromium"] as const)("wgrad in %s", (where) => {
  it("does the workload's step, and products", async () => {
    const notes: string[] = [];
    const found = await withHost(where, ["wgrad"], silent, async (host) => {
      const guest = await host.open({ library: "wgrad", backend: "webgpu" });
      await guest.prepare({ kind: "step", options: SMALL });
      const first = await guest.run(1);
      const options = { contenders: ["wgrad"], ...SMALL, steps: 3, repetitions: 2 } as const;
      const training = await measurePeers(host, options, (line) => notes.push(line));
      const matmul = await measureMatmul(host, {
        contenders: ["wgrad"],
        size: 37,
        seed: 1,
        steps: 2,
        repetitions: 2,
      });
      return { first, training, matmul };
    });
    const { first, training, matmul } = found;
    expect(Math.abs(first.result[0] - firstLoss(createWorkload(SMALL)))).toBeLessThan(1e-5);
    expect(first.hostMilliseconds).toBeLessThan(first.milliseconds);
    expect(notes.at(-1)).toBe("measured 2 of 2");
    expect(training).toMatchObject({ layers: [784, 6, 5, 10], batch: 8, lossDifference: 0 });
    expect(training.host).toMatch(where === "node" ? /^Node v/ : /^Chromium \d/);
    expect(training.adapter).toMatch(/\S/);
    const [entry] = training.entries;
    expect(entry).toMatchObject({ name: "wgrad", count: 3, ratio: 1, pairedRatio: 1 });
    expect(entry.fails === undefined && entry.milliseconds.lowest).toBeGreaterThan(0);
    expect(matmul.difference).toBeLessThan(1e-4);
    expect(matmul.difference).toBeGreaterThan(0);
  });
});

/** What a made-up candidate does: the time that a step takes, and its losses; or the words that it fails with. */
interface Character {
  readonly milliseconds?: number;
  readonly results?: (step: number) => readonly number[];
  readonly failsAt?: { readonly step: number; readonly words: string };
  readonly adapter?: string;
}

function nameOf(contender: Contender): ContenderName {
  const found = Object.entries(CONTENDERS).find(([, one]) => isDeepStrictEqual(one, contender));
  return found?.[0] as ContenderName;
}

/** A host of made-up candidates. @param log what was called, in order */
function stage(characters: Partial<Record<ContenderName, Character>>, log: string[] = []): Host {
  return {
    name: "nowhere",
    async open(contender) {
      const name = nameOf(contender);
      const {
        milliseconds = 1,
        results = () => [2.5],
        failsAt,
        adapter = "made up",
      } = characters[name] ?? {};
      let steps = 0;
      return {
        adapter: async () => adapter,
        prepare: async () => {},
        run: async (count): Promise<Run> => {
          log.push(`${name} ${count}`);
          steps += count;
          if (failsAt && steps >= failsAt.step) throw new Error(failsAt.words);
          return { result: results(steps), milliseconds: milliseconds * count };
        },
        close: async () => void log.push(`${name} closed`),
      };
    },
    close: async () => {},
  };
}

const training = { convolutions: false, hidden: [4], batch: 100, seed: 1, steps: 2, repetitions: 3 };

describe("a contest", () => {
  it("is by turns, after the check and a warm-up, and ends with all closed", async () => {
    const log: string[] = [];
    const host = stage({ wgrad: { milliseconds: 2 }, "jax-wasm": { milliseconds: 5 } }, log);
    const result = await measurePeers(host, { ...training, contenders: ["wgrad", "jax-wasm"] }, silent);
    const both = ["wgrad 2", "jax-wasm 2"];
    const checks = (name: string) => Array(5).fill(`${name} 1`);
    expect(log).toEqual([
      ...checks("wgrad"),
      ...checks("jax-wasm"),
      ...both,
      ...Array(3).fill(both).flat(),
      "wgrad closed",
      "jax-wasm closed",
    ]);
    expect(result.entries[1]).toMatchObject({ ratio: 2.5, pairedRatio: 2.5, count: 2 });
    const lines = peersLines(result).join("\n");
    expect(lines).toMatch(/^wgrad \S+ +webgpu +2\.00 +50,000 +all of it +2$/m);
    expect(lines).toMatch(/^jax-js \S+ +wasm +5\.00 +20,000 +all of it +2 +2\.50 +2\.50$/m);
    expect(lines).toMatch(/^wgrad is 2\.50 times as fast as the fastest wasm peer \(jax-js [\d.]+\)\.$/m);
    expect(peersObject(result)).toMatchObject({
      benchmark: "peers",
      adapter: "made up",
      entries: [{ backend: "webgpu" }, { library: expect.stringMatching(/^jax-js/), backend: "wasm" }],
    });
  });

  it("measures about a second, but two steps at least", async () => {
    const host = stage({ wgrad: { milliseconds: 4 }, "jax-wasm": { milliseconds: 3000 } });
    const contenders = ["wgrad", "jax-wasm"] as const;
    const { entries } = await measurePeers(host, { ...training, contenders, steps: undefined }, silent);
    expect(entries).toMatchObject([{ count: 250 }, { count: 2 }]);
  });

  it.each([1, 6, 9])("shows who fails, at step %d, and goes on without it", async (step) => {
    const log: string[] = [];
    const host = stage({ "tfjs-wasm": { failsAt: { step, words: "no such kernel\n  at x.js" } } }, log);
    const contenders = ["wgrad", "tfjs-wasm", "jax-webgpu"] as const;
    const result = await measurePeers(host, { ...training, contenders }, silent);
    expect(result.entries.map(({ name, fails }) => [name, fails])).toEqual([
      ["wgrad", undefined],
      ["tfjs-wasm", "no such kernel"],
      ["jax-webgpu", undefined],
    ]);
    expect(log).toContain("tfjs-wasm closed");
    const lines = peersLines(result).join("\n");
    expect(lines).toMatch(/^TensorFlow\.js \S+ +wasm +fails$/m);
    expect(lines).toContain("tfjs-wasm fails: no such kernel");
    expect(lines).toMatch(/fastest WebGPU peer \(jax-js [\d.]+\)\.$/m);
  });

  it("compares peers with each of wgrad's own, and needs no GPU where none of them takes one", async () => {
    const host = stage({
      "wgrad-wasm": { milliseconds: 2 },
      "wgrad-wasm-1": { milliseconds: 4 },
      "jax-wasm": { milliseconds: 10 },
    });
    const contenders = ["wgrad-wasm", "wgrad-wasm-1", "jax-wasm"] as const;
    const result = await measurePeers(host, { ...training, contenders }, silent);
    expect(result.adapter).toBe("none");
    expect(result.entries[1]).toMatchObject({ ratio: 2, pairedRatio: 2, pairedRatios: undefined });
    expect(result.entries[2]).toMatchObject({
      pairedRatio: 5,
      pairedRatios: { "wgrad-wasm": 5, "wgrad-wasm-1": 2.5 },
    });
    const lines = peersLines(result).join("\n");
    expect(lines).toMatch(/^One training step of 784-4-10, batch 100, in nowhere$/m);
    expect(lines).toMatch(/^wgrad \S+ +wasm, 1 thread +4\.00 .* 2\.00 +2\.00$/m);
    expect(lines).toMatch(
      /^wgrad-wasm is 5\.00 times as fast as the fastest wasm peer \(jax-js [\d.]+\)\.$/m,
    );
    expect(lines).toMatch(/^wgrad-wasm-1 is 2\.50 times as fast as the fastest wasm peer/m);
  });

  it("holds wgrad's own engines to each other more closely than to peers", async () => {
    const host = stage({ "wgrad-wasm": { results: () => [2.501] }, "jax-wasm": { results: () => [2.501] } });
    const contest = (contenders: readonly ContenderName[]) =>
      measurePeers(host, { ...training, contenders }, silent);
    await expect(contest(["wgrad", "jax-wasm"])).resolves.toMatchObject({
      lossDifference: expect.closeTo(4e-4),
    });
    await expect(contest(["wgrad", "wgrad-wasm"])).rejects.toThrow(
      /wgrad-wasm and wgrad disagree by 0\.0003/,
    );
  });

  it("shows who comes to NaN while it is timed", async () => {
    const host = stage({ "jax-wasm": { results: (step) => [step > 9 ? Number.NaN : 2.5] } });
    const { entries } = await measurePeers(host, { ...training, contenders: ["wgrad", "jax-wasm"] }, silent);
    expect(entries[1]).toEqual({ name: "jax-wasm", fails: "its result became NaN" });
  });

  it("is none without wgrad, or on different adapters", async () => {
    const contenders = ["wgrad", "jax-webgpu"] as const;
    const broken = stage({ wgrad: { failsAt: { step: 3, words: "device lost" } } });
    await expect(measurePeers(broken, { ...training, contenders }, silent)).rejects.toThrow("device lost");
    const mixed = stage({ "jax-webgpu": { adapter: "another" } });
    await expect(measurePeers(mixed, { ...training, contenders }, silent)).rejects.toThrow(
      /different adapters: made up, another/,
    );
  });

  it.each([2.51, 0, Number.NaN])("is none when losses disagree: 2.5 and %d", async (loss) => {
    const log: string[] = [];
    const host = stage({ "jax-webgpu": { results: (step) => [step === 4 ? loss : 2.5] } }, log);
    await expect(
      measurePeers(host, { ...training, contenders: ["wgrad", "jax-webgpu"] }, silent),
    ).rejects.toThrow(
      /jax-webgpu and wgrad disagree by \S+ in the losses of the first 5 steps.*nothing was timed/,
    );
    expect(log.filter((line) => /closed$/.test(line))).toEqual(["wgrad closed", "jax-webgpu closed"]);
  });

  it("allows for rounding", () => {
    const losses = new Map([
      ["wgrad", [[2], [4]]],
      ["jax-wasm", [[2.0002], [4]]],
    ] as const);
    expect(agreement(losses)).toBeCloseTo(1e-4, 8);
  });
});

describe("products", () => {
  const expected = Float64Array.of(4, -8, 2);
  const results = (...sums: number[]) => new Map([["wgrad", [sums]]] as const);

  it.each([[[4, -8, 2.01]], [[4, Number.NaN, 2]], [[4, -8]], [[0, 0, 0]]])("are refused: %j", (sums) => {
    expect(() => correctness(results(...sums), expected)).toThrow(
      /wgrad's product is wrong.*nothing was timed/,
    );
  });

  it("may be rounded", () => {
    expect(correctness(results(4.004, -8, 2), expected)).toBeCloseTo(5e-4, 9);
  });

  it("have a speed", async () => {
    expect(gflops(100, { median: 2, lowest: 1, highest: 4 })).toEqual({
      median: 8,
      lowest: 4,
      highest: 16,
    });
    const rowSums = [...expectedRowSums(createProducts({ size: 100, seed: 1 }))];
    const host = stage({
      wgrad: { milliseconds: 2, results: () => rowSums },
      "tfjs-webgpu": { milliseconds: 8, results: () => rowSums },
    });
    const contenders = ["wgrad", "tfjs-webgpu"] as const;
    const result = await measureMatmul(host, { contenders, size: 100, seed: 1, steps: 4, repetitions: 2 });
    const lines = matmulLines(result).join("\n");
    expect(lines).toMatch(/^wgrad \S+ +webgpu +8\.00 +0\.250$/m);
    expect(lines).toMatch(/^TensorFlow\.js \S+ +webgpu +2\.00 +1\.00 +4\.00 +4\.00$/m);
  });
});

describe("a start", () => {
  it("is of a new process each time, by turns", async () => {
    const log: string[] = [];
    const host = stage({ "jax-wasm": { failsAt: { step: 1, words: "no wasm" } } }, log);
    const contenders = ["wgrad", "tfjs-wasm", "jax-wasm"] as const;
    const result = await measureStartup(host, { ...training, contenders, repetitions: 2 }, silent);
    const turn = ["wgrad 1", "wgrad closed", "tfjs-wasm 1", "tfjs-wasm closed"];
    const failing = ["jax-wasm 1", "jax-wasm closed"];
    expect(log).toEqual(["wgrad closed", ...turn, ...failing, ...turn, ...turn]);
    expect(startupLines(result).join("\n")).toMatch(/^jax-wasm fails: no wasm$/m);
  });

  it("is none when the losses disagree", async () => {
    const host = stage({ "tfjs-wasm": { results: () => [3] } });
    const options = { ...training, contenders: ["wgrad", "tfjs-wasm"] } as const;
    await expect(measureStartup(host, options, silent)).rejects.toThrow(/disagree by 0\.2/);
  });
});

describe("ratios", () => {
  it("are of medians, and of turns", () => {
    expect(ratios([2, 4, 30], [1, 4, 10])).toEqual({ ratio: 1, pairedRatio: 2 });
    expect(() => ratios([1], [1, 2])).toThrow("1 repetitions against 2");
    expect(() => ratios([Number.NaN], [1])).toThrow(RangeError);
  });

  it("are taken with the fastest that does not fail", () => {
    const entry = (name: ContenderName, median: number) => {
      const milliseconds = { median, lowest: median, highest: median };
      return { name, count: 1, milliseconds, ratio: median, pairedRatio: median };
    };
    const entries = [
      entry("wgrad", 1),
      entry("tfjs-webgpu", 3),
      entry("jax-webgpu", 2),
      { name: "jax-wasm", fails: "so" } as const,
    ];
    expect(fastestPeer(entries, "webgpu")?.name).toBe("jax-webgpu");
    expect(fastestPeer(entries, "wasm")).toBeUndefined();
  });
});

describe("npm run bench -- peers", () => {
  const peers = (...args: string[]) => runScript("bench/main.ts", ["peers", "--out", folder.path, ...args]);

  it("measures wgrad alone without installing any other library", async () => {
    const args = "--candidates wgrad --model 9 --batch 4 --steps 2 --repetitions 2 --json".split(" ");
    const { exitCode, stdout, stderr } = await peers(...args);
    expect(stderr).not.toMatch(/^\s+at |installing/m);
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      benchmark: "peers",
      layers: [784, 9, 10],
      batch: 4,
      entries: [{ name: "wgrad", backend: "webgpu", count: 2 }],
    });
    for (const kind of ["json", "svg"])
      expect(existsSync(`${folder.path}/peers-9-4-node.${kind}`)).toBe(true);
  });

  it.each([
    [["--candidates", "wgrad,keras"], /Expected names out of wgrad, wgrad-wasm, wgrad-wasm-1, tfjs-webgpu/],
    [["--in", "firefox"], /Allowed choices are node, deno, chromium/],
    [["--matmul", "1"], /whole number from 2/],
    [["--matmul", "64", "--model", "conv"], /--matmul.*cannot be used with.*--model/],
    [["--startup", "--steps", "3"], /--startup.*cannot be used with.*--steps/],
    [["--repetitions", "0"], /whole number from 1/],
  ])("refuses %j", async (args, message) => {
    const { exitCode, stdout, stderr } = await peers(...args);
    expect(exitCode).toBe(2);
    expect(stdout).toBe("");
    expect(ownLines(stderr, "bench")).toEqual([expect.stringMatching(message)]);
  });
});

describe("the other libraries", () => {
  it("tell what to do when they cannot be installed", () => {
    const notes: string[] = [];
    expect(() => installOthers((line) => notes.push(line), folder.path)).toThrow(
      /cannot be installed: .*package-lock\.json.*; try `npm ci` in .*, or measure wgrad alone with --candidates wgrad/,
    );
    expect(notes).toEqual([`installing the libraries to compare with, in ${folder.path}`]);
  });

  it("have a lock file that names no server", () => {
    const lock = readFileSync(
      fileURLToPath(new URL("../../bench/peers/others/package-lock.json", import.meta.url)),
      "utf8",
    );
    expect(lock).not.toContain('"resolved"');
    expect(lock).not.toMatch(/https?:[^"]*\.tgz/);
  });
});

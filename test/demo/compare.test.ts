/** The comparison with made-up contenders, and how it is told. The real ones run in test/demo/browser/. */
import { describe, expect, it } from "vitest";
import type { Run } from "../../bench/peers/candidate.ts";
import type { Host } from "../../bench/peers/hosts/host.ts";
import {
  ALL_CASES,
  type Case,
  type ContenderName,
  DEFAULT_CASES,
  keyOf,
} from "../../demo/page/compare/cases.ts";
import { type CaseResult, compareCase, type Entry } from "../../demo/page/compare/contest.ts";
import { logScale } from "../../demo/page/compare/log-scale.ts";
import { browserName } from "../../demo/page/compare/machine.ts";
import { columnsFor, markdown, type Row, remarks, summary } from "../../demo/page/compare/results.ts";

/** What a made-up contender does: the time of a step, and its losses; or the words that it fails with. */
interface Character {
  readonly milliseconds?: number;
  readonly loss?: (step: number) => number;
  readonly fails?: string;
}

/** A host of made-up contenders with a clock that only they move. */
function stage(characters: Partial<Record<ContenderName, Character>>) {
  const log: string[] = [];
  let clock = 0;
  const host: Host = {
    name: "nowhere",
    async open({ library, backend }) {
      const name = (library === "wgrad" ? (backend === "cpu" ? "cpu" : "gpu") : library) as ContenderName;
      const { milliseconds = 10, loss = () => 2.5, fails } = characters[name] ?? {};
      let steps = 0;
      return {
        adapter: async () => "made up",
        prepare: async () => {
          if (fails) throw new Error(fails);
        },
        run: async (count): Promise<Run> => {
          log.push(`${name} ${count}`);
          steps += count;
          clock += count * milliseconds;
          return { result: [loss(steps)], milliseconds: count * milliseconds };
        },
        close: async () => void log.push(`${name} closed`),
      };
    },
    close: async () => {},
  };
  return { host, log, now: () => clock };
}

const STEP: Case = { model: "small", batch: 10 };

function compare(
  { host, now }: ReturnType<typeof stage>,
  contenders: readonly ContenderName[] = ["gpu", "cpu"],
  controller = new AbortController(),
  note: (line: string) => void = () => {},
) {
  return compareCase(host, { step: STEP, contenders, note, signal: controller.signal, now });
}

describe("a case", () => {
  it("compares losses first, then times by turns, for about as long each", async () => {
    const made = stage({ gpu: { milliseconds: 2 }, cpu: { milliseconds: 20 } });
    const result = await compare(made);
    expect(made.log.slice(0, 10)).toEqual([...Array(5).fill("cpu 1"), ...Array(5).fill("gpu 1")]);
    expect(made.log.slice(-12)).toEqual([
      ...Array(5).fill(["cpu 10", "gpu 100"]).flat(),
      "cpu closed",
      "gpu closed",
    ]);
    expect(result).toMatchObject({ comparedSteps: 5, turns: 5, cut: false });
    expect(result.entries.gpu).toEqual({
      milliseconds: { median: 2, lowest: 2, highest: 2 },
      difference: 0,
    });
  });

  it("is cut short where a step takes seconds, and says so", async () => {
    const made = stage({ gpu: { milliseconds: 2 }, cpu: { milliseconds: 1500 } });
    const result = await compare(made);
    // Of the gradient, too: more than one step.
    expect(result).toMatchObject({ comparedSteps: 2, turns: 3, cut: true });
    expect(made.log.filter((line) => /^cpu \d/.test(line))).toHaveLength(5);
    expect(remarks([{ step: STEP, result }])).toEqual([
      "784-30-10, batch 10: measured only 3 times, because a step takes long.",
    ]);
  });

  it.each([
    ["gpu", 2.5 * (1 + 3e-4)],
    ["jax", 2.5 * (1 + 2e-3)],
    ["jax", Number.NaN],
    ["jax", 0],
  ] as const)("does not time %s with losses of %d", async (name, loss) => {
    const made = stage({ [name]: { loss: () => loss } });
    const { entries } = await compare(made, ["gpu", "cpu", "jax"]);
    expect(entries[name]?.fails).toMatch(/^the losses differ from the CPU engine's by .* not timed$/);
    expect(made.log.filter((line) => line.startsWith(`${name} `))).toEqual([
      ...Array(5).fill(`${name} 1`),
      `${name} closed`,
    ]);
    expect(entries.cpu?.fails).toBeUndefined();
  });

  it("allows other libraries their rounding", async () => {
    const { entries } = await compare(stage({ jax: { loss: () => 2.5 * (1 + 5e-4) } }), ["cpu", "jax"]);
    expect(entries.jax).toMatchObject({ difference: expect.closeTo(5e-4, 8) });
  });

  it("goes on without who fails, but not without the CPU engine", async () => {
    const { entries } = await compare(stage({ tensorflow: { fails: "no such kernel\n at x" } }), [
      "gpu",
      "cpu",
      "tensorflow",
    ]);
    expect(entries.tensorflow).toEqual({ fails: "no such kernel" });
    expect(entries.gpu?.fails).toBeUndefined();
    await expect(compare(stage({ cpu: { fails: "no memory" } }))).rejects.toThrow("no memory");
  });

  it("shows who comes to NaN while it is timed", async () => {
    const made = stage({ gpu: { loss: (step) => (step > 60 ? Number.NaN : 2.5) } });
    expect((await compare(made)).entries.gpu).toEqual({ fails: "its result became NaN" });
  });

  it("ends when it is stopped, with all closed", async () => {
    const made = stage({});
    const controller = new AbortController();
    const notes: string[] = [];
    const stopped = compare(made, ["gpu", "cpu"], controller, (line) => {
      notes.push(line);
      if (line.startsWith("measuring, turn 2")) controller.abort(new Error("stopped"));
    });
    await expect(stopped).rejects.toThrow("stopped");
    expect(made.log.slice(-2)).toEqual(["cpu closed", "gpu closed"]);
    expect(notes.slice(0, 2)).toEqual([
      "wgrad, CPU engine: getting ready",
      "wgrad, CPU engine: comparing losses",
    ]);
    expect(notes.at(-1)).toBe("measuring, turn 2 of 5");
  });
});

function timed(median: number, difference = 1e-6): Entry {
  return { milliseconds: { median, lowest: median, highest: median }, difference };
}

function rowOf(step: Case, entries: CaseResult["entries"]): Row {
  return { step, result: { entries, comparedSteps: 5, turns: 5, cut: false } };
}

const ROWS: Row[] = [
  rowOf({ model: "small", batch: 10 }, { gpu: timed(2), cpu: timed(1, 0) }),
  rowOf({ model: "mlp", batch: 128 }, { gpu: timed(4, 2e-7), cpu: timed(50, 0), jax: timed(10) }),
  rowOf({ model: "convnet", batch: 10 }, { gpu: { fails: "device lost" }, cpu: timed(300, 0) }),
  { step: { model: "convnet", batch: 32 }, failure: "out of memory" },
];

describe("the table", () => {
  const cellsOf = (row: Row, contenders: readonly ContenderName[]) =>
    columnsFor(contenders).map(({ cell }) => cell(row));

  it("says who is faster, and how many samples that is a second", () => {
    expect(cellsOf(ROWS[0], ["gpu", "cpu"])).toEqual([
      ...["784-30-10", "10", "2", "1", "CPU, 2×", "5,000", "10,000", "1e-6 (5 steps)"],
    ]);
    expect(cellsOf(ROWS[1], ["gpu", "cpu", "jax"])).toEqual([
      ...["MLP 784-128-64-10", "128", "4", "50", "GPU, 12.5×", "32,000", "2,560", "10", "wgrad, 2.5×"],
      "1e-6 (5 steps)",
    ]);
    const equal = rowOf(STEP, { gpu: timed(1), cpu: timed(1.04, 0) });
    expect(cellsOf(equal, ["gpu", "cpu"])).toContain("neither");
  });

  it("has no column of what took no part", () => {
    expect(columnsFor(["cpu"]).map(({ name }) => name)).toEqual([
      "Model",
      "Batch",
      "CPU engine, ms a step",
      "CPU engine, samples/s",
    ]);
  });

  it("tells what failed, and why", () => {
    expect(cellsOf(ROWS[2], ["gpu", "cpu"])).toEqual([
      ...["ConvNet", "10", "failed", "300", "–", "failed", "33.3", "–"],
    ]);
    expect(remarks(ROWS)).toEqual([
      "ConvNet, batch 10: wgrad, GPU: device lost.",
      "ConvNet, batch 32: out of memory.",
    ]);
    expect(cellsOf({ step: STEP }, ["gpu", "cpu"]).slice(2)).toEqual(Array(6).fill("…"));
  });

  it("can be copied as Markdown", () => {
    const lines = markdown(columnsFor(["cpu"]), ROWS.slice(0, 2), ["On a machine."]).split("\n");
    expect(lines).toEqual([
      "| Model | Batch | CPU engine, ms a step | CPU engine, samples/s |",
      "| --- | ---: | ---: | ---: |",
      "| 784-30-10 | 10 | 1 | 10,000 |",
      "| MLP 784-128-64-10 | 128 | 50 | 2,560 |",
      "",
      "On a machine.",
      "",
    ]);
  });
});

describe("the sentence", () => {
  it.each([
    [
      ROWS,
      "Some GPU",
      "On this machine the GPU trains the MLP (batch 128) 12.5 times as fast as the CPU engine.",
    ],
    [
      ROWS,
      "google swiftshader",
      "On this machine WebGPU in software trains the MLP (batch 128) 12.5 times as fast as the CPU engine.",
    ],
    [
      ROWS.slice(0, 1),
      "Some GPU",
      "On this machine the CPU engine trains 784-30-10 (batch 10) 2 times as fast as the GPU.",
    ],
    [
      ROWS.slice(2),
      undefined,
      "On this machine the CPU engine trains the ConvNet (batch 10) on 33.3 samples a second.",
    ],
    [ROWS.slice(3), "Some GPU", undefined],
  ])("is of the MLP, or of what there is", (rows, adapter, words) => {
    expect(summary(rows, adapter)).toBe(words);
  });
});

describe("a logarithmic axis", () => {
  it("has whole decades around all values, and a bar for each", () => {
    const { ticks, place } = logScale([1, 20, 350]);
    expect(ticks).toEqual([0.1, 1, 10, 100, 1000]);
    expect([place(0.1), place(10), place(1000)]).toEqual([0, 0.5, 1]);
    expect(place(1)).toBeGreaterThan(0);
    expect(logScale([3]).ticks).toEqual([1, 10]);
    expect(logScale([0.002]).ticks).toEqual([0.001, 0.01]);
  });
});

it("a browser is named by its own name", () => {
  const chrome = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0";
  const brands = [
    { brand: "Not=A?Brand", version: "24" },
    { brand: "Chromium", version: "140" },
  ];
  const userAgentData = { brands, platform: "Linux" };
  expect(browserName({ userAgent: chrome, userAgentData })).toBe("Chromium 140 on Linux");
  const edge = { brand: "Microsoft Edge", version: "140" };
  expect(
    browserName({ userAgent: chrome, userAgentData: { ...userAgentData, brands: [...brands, edge] } }),
  ).toBe("Microsoft Edge 140 on Linux");
  const mac = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)";
  expect(
    browserName({
      userAgent: `${mac} AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Safari/605.1.15`,
    }),
  ).toBe("Safari 26.0 on macOS");
  expect(browserName({ userAgent: `${mac} Gecko/20100101 Firefox/145.0` })).toBe("Firefox 145 on macOS");
});

it("what is chosen at first can be chosen, with the MLP among it", () => {
  const keys = ALL_CASES.map(keyOf);
  expect(new Set(keys).size).toBe(keys.length);
  expect([...DEFAULT_CASES].filter((key) => !keys.includes(key))).toEqual([]);
  expect([...DEFAULT_CASES].some((key) => key.startsWith("mlp/"))).toBe(true);
});

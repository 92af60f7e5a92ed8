/** Every golden case, on both engines, against the values that PyTorch gave. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { difference } from "./helpers/compare.ts";
import { ENGINES, useEngines } from "./helpers/engines.ts";
import { type GoldenCase, missing, type OpCase, readCases, run, type TrainCase } from "./helpers/golden.ts";

const ownFolder = fileURLToPath(new URL("golden", import.meta.url));
const folder = process.env.GOLDEN_DIR || ownFolder;
const cases = readCases(folder);
const supported = cases.filter((golden) => missing(golden).length === 0);
const unsupported = cases.filter((golden) => missing(golden).length > 0);
const engines = useEngines();

/** A software GPU compiles each kernel of a step when it first runs; the slowest cases have a dozen. */
const COMPILATION_MS = 180_000;

describe.each(ENGINES)("on the %s", (kind) => {
  it.each(supported.map((golden) => [golden.name, golden] as const))(
    "%s",
    async (_name, golden) => {
      expect(await run(engines[kind], golden)).toEqual([]);
    },
    COMPILATION_MS,
  );
});

describe("what is not built yet", () => {
  it("is not everything", () => {
    expect(supported).not.toEqual([]);
  });

  it.each(unsupported.map((golden) => [golden.name, missing(golden)] as const))(
    "not supported: %s",
    (_name, names) => expect(names).not.toEqual([]),
  );

  afterAll(() => {
    const list = unsupported.map((golden) => `${golden.name} (${missing(golden).join(", ")})`).join("; ");
    console.log(
      `golden cases: ${supported.length} supported, ${unsupported.length} not supported: ${list || "none"}`,
    );
  });
});

describe("the golden test itself", () => {
  it("refuses a folder without cases, and one that does not exist", () => {
    const empty = mkdtempSync(join(tmpdir(), "golden-"));
    try {
      expect(() => readCases(empty)).toThrow("holds no golden case");
      expect(() => readCases(join(empty, "nowhere"))).toThrow("holds no golden case");
    } finally {
      rmSync(empty, { recursive: true });
    }
  });

  const op = first(
    (golden): golden is OpCase => golden.kind === "op" && Object.keys(golden.grads).length > 1,
  );
  const training = first((golden): golden is TrainCase => golden.kind === "train");

  /** A case that is right but for one number, and the part that must be named as wrong. */
  const corruptions: [string, GoldenCase, (copy: never) => void, string][] = [
    ["an output", op, (copy: OpCase) => shift(copy.output.data), "output: 1 of"],
    ["a gradient", op, (copy: OpCase) => shift(Object.values(copy.grads)[1].data), "gradient of"],
    ["an input", op, (copy: OpCase) => shift(Object.values(copy.inputs)[0].data), "output: 1 of"],
    ["a loss", training, (copy: TrainCase) => shift(copy.losses), "losses: 1 of"],
    [
      "a first gradient",
      training,
      (copy: TrainCase) => shift(Object.values(copy.firstGrads)[0].data),
      "first gradient of",
    ],
    ["a final parameter", training, (copy: TrainCase) => shift(Object.values(copy.final)[0].data), "final "],
    ["the evaluation", training, (copy: TrainCase) => shift(copy.evalOutput.data), "evaluation mode: 1 of"],
  ];

  it.each(corruptions)("sees that %s is wrong", async (_what, golden, corrupt, expected) => {
    const copy = structuredClone(golden);
    corrupt(copy as never);
    const found = await run(engines.cpu, copy);
    expect(found.join("\n")).toContain(expected);
  });

  it("sees that the learning rate is wrong", async () => {
    const { lr } = training.optimizer;
    const found = await run(engines.cpu, {
      ...training,
      optimizer: { ...training.optimizer, lr: lr * 1.05 },
    });
    expect(found.join("\n")).toContain("final ");
  });

  it("never takes NaN or Infinity for a number", () => {
    const loose = { rtol: 1, atol: 1e30 };
    expect(difference("x", [1, Number.NaN], [1, 1], loose)).toContain("[1] is NaN, expected 1");
    expect(difference("x", [Number.POSITIVE_INFINITY], [1], loose)).toContain("[0] is Infinity");
    expect(difference("x", [], [1], loose)).toContain("0 elements, expected 1");
    expect(difference("x", [Number.NEGATIVE_INFINITY], [Number.POSITIVE_INFINITY], loose)).toContain(
      "expected Infinity",
    );
    expect(
      difference("x", [Number.NaN, Number.POSITIVE_INFINITY], [Number.NaN, Number.POSITIVE_INFINITY], loose),
    ).toBe(undefined);
  });

  it("accepts up to atol + rtol · |expected|, and no more", () => {
    const tolerance = { rtol: 0.5, atol: 0.25 };
    expect(difference("x", [3.25, -3.25, 0.25], [2, -2, 0], tolerance)).toBe(undefined);
    expect(difference("x", [3.26], [2], tolerance)).toContain("1 of 1 are wrong");
    expect(difference("x", [0.26], [0], tolerance)).toContain("1 of 1 are wrong");
  });

  it("knows what no table names", () => {
    expect(missing({ ...op, op: "fft" })).toEqual(["op fft"]);
    const model = [{ type: "dense", out: 2 }, { type: "hologram" }, { type: "hologram" }];
    expect(missing({ ...training, model, loss: "regret", l1: 0.1, optimizer: { type: "magic" } })).toEqual(
      expect.arrayContaining(["layer hologram", "loss regret", "optimizer magic"]),
    );
  });
});

function first<T extends GoldenCase>(is: (golden: GoldenCase) => golden is T): T {
  // From the folder beside this file, whatever GOLDEN_DIR names: these checks count on what its cases hold.
  const found = readCases(ownFolder).find(is);
  if (!found) throw new Error(`${ownFolder} holds no case for the golden test's own checks`);
  return found;
}

/** Moves the number in the middle by enough to matter. */
function shift(numbers: readonly number[]): void {
  const middle = Math.floor(numbers.length / 2);
  (numbers as number[])[middle] += 0.01 + 0.05 * Math.abs(numbers[middle]);
}

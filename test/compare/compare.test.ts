/** The comparison of two builds: a build is equal to itself, and whatever differs is found. */
import { describe, expect, it } from "vitest";
import * as augment from "../../src/augment/index.ts";
import * as callbacks from "../../src/callbacks/index.ts";
import * as data from "../../src/data/index.ts";
import * as wgrad from "../../src/index.ts";
import * as inspect from "../../src/inspect/index.ts";
import * as metrics from "../../src/metrics/index.ts";
import * as minimize from "../../src/minimize/index.ts";
import { ENGINES } from "../helpers/engines.ts";
import { compared, type Reason, tableOf, ulpsBetween } from "./compare.mjs";
import { programs } from "./programs/index.mjs";
import { buildOf, type Recorded, record } from "./record.mjs";
import { canonical } from "./shader.mjs";

const build = buildOf({ wgrad, augment, callbacks, data, inspect, metrics, minimize });
const NAMES = ["dropout", "predict", "products"];

const recorded = (kind: string, seed?: number) =>
  record(build, kind, { only: (name) => NAMES.includes(name), seed });

describe.each(ENGINES)("programs on the %s", (kind) => {
  it("are the same in the same build, to the bit", async () => {
    const rows = compared(await recorded(kind), await recorded(kind), []);
    expect(rows.map(({ program }) => program)).toEqual(NAMES);
    for (const { equal, launches, ulps, faults } of rows) {
      expect(launches).toBeGreaterThan(1);
      expect({ equal, ulps, faults }).toEqual({ equal: launches, ulps: 0, faults: [] });
    }
  });

  it("differ where their seeds do, and only there", async () => {
    const [dropout, predict, products] = compared(await recorded(kind), await recorded(kind, 4), []);
    for (const { ulps, largest, faults, equal, launches } of [dropout, predict]) {
      expect(ulps).toBeGreaterThan(100);
      expect(faults).toEqual([`${largest} differs by ${ulps} ulp, for no named reason`]);
      expect(equal).toBe(launches);
    }
    expect(products.faults).toEqual([]);
  });
});

it("there are many programs, each with a name of its own", () => {
  expect(new Set(programs.map(({ name }) => name)).size).toBe(programs.length);
  expect(programs.length).toBeGreaterThan(100);
});

it("numbers that are not finite are refused, for they would be compared with each other", async () => {
  const name = "a run that diverges";
  const diverging = { name, run: async () => ({ loss: [1, Number.NaN] }) };
  await expect(record(build, "cpu", { of: [diverging] })).rejects.toThrow(`${name}: loss holds NaN`);
});

describe("differences", () => {
  const one: Recorded = {
    program: "mlp",
    engine: "gpu",
    launches: [
      { name: "matmul (0.dense)", code: "a" },
      { name: "adam (optimizer)", code: "b" },
    ],
    numbers: { loss: [1, 2], weight: [3] },
  };
  const faults = (other: Partial<Recorded>, ...reasons: Reason[]) =>
    compared([one], [{ ...one, ...other }], reasons).flatMap((row) => row.faults);
  const launches = [one.launches[0], { name: "elementwise (optimizer)", code: "c" }];
  const written: Reason = { of: "launches", launch: /\(optimizer\)/, because: "updates are hooks" };
  const rounded: Reason = { of: "numbers", program: /^mlp$/, engine: "gpu", because: "rounded once" };

  it("without a reason are faults", () => {
    expect(faults({ launches })).toEqual([
      "adam (optimizer) differs, for no named reason",
      "elementwise (optimizer) differs, for no named reason",
    ]);
    expect(faults({ launches: [...one.launches].reverse() })).toHaveLength(2);
    expect(faults({ numbers: { ...one.numbers, weight: [3.0000002] } })).toEqual([
      "weight differs by 1 ulp, for no named reason",
    ]);
    expect(faults({ numbers: { loss: [1, 2] } })).toEqual([
      "weight differs by Infinity ulp, for no named reason",
    ]);
    expect(faults({ program: "other" })).toEqual([
      "is not among the programs after",
      "is not among the programs before",
    ]);
  });

  it("with one are none, and reasons without a difference are", () => {
    const numbers = { ...one.numbers, weight: [3.0000002] };
    expect(faults({ launches, numbers }, written, rounded)).toEqual([]);
    const unnamed = "weight differs by 1 ulp, for no named reason";
    expect(faults({ launches, numbers }, written)).toEqual([unnamed]);
    expect(faults({ launches, numbers }, written, { ...rounded, within: 0.5 })).toEqual([unnamed]);
    expect(faults({}, written)).toEqual(["equal, in spite of: updates are hooks"]);
    expect(faults({}, rounded)).toEqual(["equal, in spite of: rounded once"]);
    expect(faults({ launches }, written, { ...written, launch: /\(clipping\)/, because: "others" })).toEqual([
      "equal, in spite of: others",
    ]);
    expect(faults({}, { ...rounded, engine: "cpu" })).toEqual([]);
  });

  it("of numbers may come from launches that differ", () => {
    const numbers = { ...one.numbers, weight: [3.0000002] };
    const following: Reason = { of: "numbers", launch: /\(optimizer\)/, because: "rounded in between" };
    expect(faults({ launches, numbers }, written, following)).toEqual([]);
    expect(faults({ numbers }, following)).toEqual([
      "weight differs by 1 ulp, for no named reason",
      "equal, in spite of: rounded in between",
    ]);
  });

  it("are counted in units in the last place", () => {
    expect(ulpsBetween(1, 1)).toBe(0);
    expect(ulpsBetween(1, 1 + 2 ** -23)).toBe(1);
    expect(ulpsBetween(1, 1 - 2 ** -24)).toBe(1);
    expect(ulpsBetween(-(2 ** -149), 2 ** -149)).toBe(2);
    expect(ulpsBetween(0, -0)).toBe(0.5);
    expect(ulpsBetween(1, 1 + 2 ** -40)).toBe(0.5);
    expect(ulpsBetween(Number.NaN, Number.NaN)).toBe(Number.POSITIVE_INFINITY);
  });

  it("are told in a table", () => {
    const rows = compared([one], [{ ...one, launches }], [written]);
    expect(tableOf(rows)).toBe(
      [
        "program  engine  launches  numbers  why",
        "mlp      gpu     1 / 2     equal    updates are hooks",
      ].join("\n"),
    );
  });
});

describe("shaders", () => {
  const shader = `
enable subgroups;
// A comment.
const SIZE = 4u; /* another */
const UNUSED = 1.5e-3;
@group(1) @binding(0) var<storage, read_write> result: array<f32>;
fn unused(x: f32) -> f32 { return x; }
fn half(x: f32) -> f32 { return x * 0.5; }
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  if (id.x < SIZE) { result[id.x] = half(max(f32(id.x), 1.0)); }
}`;
  const same = (other: string, entry = "main") => canonical(shader, "main") === canonical(other, entry);
  const but = (from: string, to: string) => shader.replaceAll(from, to);

  it("are the same whatever their comments, spaces, names, order, and what they do not use", () => {
    expect(same(but("  ", "\n\n").replace("// A comment.", ""))).toBe(true);
    expect(
      same(but("fn unused(x: f32) -> f32 { return x; }", "").replace("const UNUSED = 1.5e-3;", "")),
    ).toBe(true);
    expect(same(but("half", "halved").replaceAll("result", "memory0"))).toBe(true);
    expect(same(but("main", "launch"), "launch")).toBe(true);
    expect(same(but("x: f32)", "x: f32,)"))).toBe(true);
    const line = "const SIZE = 4u; /* another */";
    expect(same(but(line, "").replace("@compute", `${line}\n@compute`))).toBe(true);
  });

  it("are the same where what is not used has the name of a variable", () => {
    const memory = "@group(1) @binding(1) var<storage, read> x: array<f32>;\n@compute";
    expect(same(but("@compute", memory))).toBe(true);
  });

  it.each([
    ["4u", "5u"],
    ["0.5", "0.25"],
    ["max", "min"],
    ["id.x < SIZE", "id.y < SIZE"],
    ["global_invocation_id", "local_invocation_id"],
    ["64", "32"],
    ["read_write", "read"],
    ["@binding(0)", "@binding(1)"],
    ["enable subgroups;", ""],
    ["x * 0.5", "0.5 * x"],
  ])("differ where %s is %s", (from, to) => {
    expect(same(but(from, to))).toBe(false);
  });

  it("differ where a builtin value is another one of a variable's name", () => {
    const named = (builtin: string) =>
      `@compute @workgroup_size(1) fn main(@builtin(${builtin}) ${builtin}: vec3<u32>) { f(${builtin}.x); }`;
    expect(canonical(named("workgroup_id"), "main")).not.toBe(canonical(named("num_workgroups"), "main"));
  });

  it("must be whole, with the entry point", () => {
    expect(() => canonical(shader, "other")).toThrow("declares no other");
    expect(() => canonical(shader.slice(0, -2), "main")).toThrow("ends within a declaration");
  });
});

/** Names are data: any text can name a tensor, a layer, a column or a class, and none reaches a shader or is lost. */
import { afterEach, describe, expect, it } from "vitest";
import {
  add,
  compile,
  createTrainer,
  dense,
  describe as described,
  evaluate,
  fit,
  init,
  type Layer,
  type Metric,
  mul,
  ops,
  predict,
  sequential,
  sgd,
  stepScalar,
  summary,
} from "wgrad";
import { parseCsv } from "wgrad/csv";
import { dataset, scalerFrom, standardScaler } from "wgrad/data";
import { launchDetails } from "wgrad/inspect";
import { decodeSafetensors, encodeSafetensors } from "wgrad/safetensors";
import { checkChart, checkTexts } from "../../charts/check.ts";
import { drawChart } from "../../charts/draw.ts";
import { ENGINES, useEngines } from "../helpers/engines.ts";

/** Names of what each object has, words and ends of WGSL, and letters that formats use. */
const NAMES = [
  "__proto__",
  "constructor",
  "hasOwnProperty",
  "toString",
  "valueOf",
  "then",
  "length",
  "fn",
  "var",
  "index",
  "value",
  "result0",
  "numbers",
  "workgroup_id",
  '"',
  "'",
  "`",
  "*/",
  "// comment\n} fn main() { return; }",
  "\n@compute @workgroup_size(1) fn main() {}",
  "/* */ ; @group(0) @binding(0) var<storage> secret: u32;",
  "${name}",
  "<script>alert(1)</script>",
  "\u2028 \u0000 \\",
  "\ud800",
  "../../etc/passwd",
];
/** Outputs are read as fields of an object: one name of these is none for them. */
const FIELDS = NAMES.filter((name) => name !== "__proto__");
const PLAIN = FIELDS.map((_, i) => `name${i}`);

const engines = useEngines();

const prototype = Reflect.ownKeys(Object.prototype).length;
afterEach(() => {
  expect(Reflect.ownKeys(Object.prototype).length).toBe(prototype);
});

/** An input, a step scalar and an output of each name. */
function compiled(engine: Parameters<typeof compile>[0], names: readonly string[]) {
  const inputs = Object.fromEntries(names.map((name) => [name, [2]]));
  const body = (given: Record<string, ReturnType<typeof stepScalar>>) =>
    Object.fromEntries(names.map((name, i) => [name, add(mul(given[name], stepScalar(name)), i)]));
  return compile(engine, inputs, body, { name: names[0] });
}

const given = <Value>(names: readonly string[], value: (i: number) => Value) =>
  Object.fromEntries(names.map((name, i) => [name, value(i)]));

/** A layer whose path, parameters and statistic have such names. */
const named = (name: string): Layer => ({
  name,
  apply(x, scope) {
    const inner = scope.child(name);
    const weight = inner.parameter(name, [1, 2], { init: init.constantValue(2) });
    const { value } = inner.statistic(`${name} mean`, [2], { initial: 0, momentum: 0.5 });
    return add(mul(x, weight), value);
  },
});

const data = dataset({
  name: NAMES[18],
  inputs: { data: Float32Array.of(1, 2, -1, 0.5, 3, -2, 0, 1), shape: [2] },
  targets: { data: Uint8Array.of(0, 1, 1, 0) },
  classes: NAMES.slice(0, 2),
});

describe.each(ENGINES)("on the %s", (kind) => {
  it("inputs, step scalars and outputs have any names", async () => {
    const step = await compiled(engines[kind], FIELDS);
    const plain = await compiled(engines[kind], PLAIN);
    const values = (names: readonly string[]) => given(names, (i) => Float32Array.of(i, 2 * i));
    const scalars = (names: readonly string[]) => given(names, (i) => i + 1);
    const found = await step(values(FIELDS), scalars(FIELDS));
    const expected = await plain(values(PLAIN), scalars(PLAIN));
    expect(Object.keys(found)).toEqual(FIELDS);
    for (const [i, name] of FIELDS.entries()) {
      expect(Object.hasOwn(found, name)).toBe(true);
      expect([...found[name]]).toEqual([i * (i + 1) + i, 2 * i * (i + 1) + i]);
      expect(found[name]).toEqual(expected[PLAIN[i]]);
    }
    const codes = [step, plain].map(({ program }) => launchDetails(program).map(({ code }) => code));
    expect(codes[0]).toEqual(codes[1]);
    step.release();
    plain.release();
    await expect(compiled(engines[kind], ["__proto__"])).rejects.toThrow('no output "__proto__"');
  });

  it("layers, parameters, statistics, metrics and classes have any names", async () => {
    const engine = engines[kind];
    const model = () => sequential(...NAMES.map(named), dense(2));
    const metric: Metric<string, number> = {
      name: "__proto__",
      mode: "min",
      trace: ({ outputs }) => ({ ["__proto__"]: ops.sum(outputs) }),
      finish: (sums) => [...(Object.values(sums)[0] as ArrayLike<number> & Iterable<number>)][0],
    };
    const options = { epochs: 1, batchSize: 4, optimizer: sgd({ learningRate: 1e-9 }) };
    const run = fit(engine, model(), data, { ...options, validation: data, metrics: [metric] });
    const [epoch] = await run;
    expect(Object.entries(epoch.validation?.metrics ?? {})).toEqual([["__proto__", expect.any(Number)]]);
    const weights = await run.trainer.weights();
    const paths = NAMES.flatMap((name, i) => [`${i}.${name}.${name}`, `${i}.${name}.${name} mean`]);
    expect(Object.keys(weights).sort()).toEqual([...paths, "26.weight", "26.bias"].sort());
    const file = await run.toSafetensors();
    const trainer = createTrainer(engine, model(), { inputShape: [2] });
    const { kept, unused } = await trainer.load(file);
    expect([kept, unused]).toEqual([[], []]);
    expect(await trainer.weights()).toEqual(weights);
    const { classNames = [] } = await predict(trainer, data, { probabilities: "softmax" });
    expect(classNames.map((name) => NAMES.indexOf(String(name))).every((at) => at === 0 || at === 1)).toBe(
      true,
    );
    expect((await evaluate(trainer, data)).loss).toBe(epoch.validation?.loss);
    for (const { code } of launchDetails(run.program))
      for (const name of NAMES.slice(14)) expect(code).not.toContain(name);
    expect(described(run.program).length).toBeGreaterThan(0);
    const text = await run.checkpoint();
    await fit(engine, model(), data, {
      ...options,
      epochs: 2,
      validation: data,
      metrics: [metric],
      resume: text,
    });
    trainer.release();
    run.release();
  });
});

it("a model of such layers is printed", () => {
  expect(summary(sequential(...NAMES.map(named)), { inputShape: [2] })).toContain("__proto__");
});

it("columns and categories of tables have any names", () => {
  const cells = (values: readonly string[]) =>
    values.map((value) => `"${value.replaceAll('"', '""')}"`).join(",");
  const names = NAMES.map((name) => name.trim());
  const rows = [0, 1, 2].map((row) => cells(NAMES.map((_, i) => String(row * i))));
  const table = parseCsv(
    [cells([...NAMES, "kind"]), ...rows.map((row, i) => `${row},${cells([names[i]])}`)].join("\n"),
  );
  expect(table.columns).toEqual([...names, "kind"]);
  const set = table.dataset({ inputs: table.columns, categorical: ["kind"], fill: {} });
  expect(set.schema?.columns?.map(({ name }) => name)).toEqual(table.columns);
  expect(set.schema?.columns?.at(-1)?.categories).toEqual(names.slice(0, 3).sort());
  expect([...set.inputs.data.subarray(29, 55)]).toEqual(NAMES.map((_, i) => i));
  const filled = parseCsv("__proto__,constructor\n1,\n,4\n3,5\n").dataset({
    inputs: ["__proto__", "constructor"],
    fill: JSON.parse('{"__proto__":"mean","constructor":7}'),
  });
  expect([...filled.inputs.data]).toEqual([1, 7, 2, 4, 3, 5]);
});

it("columns that lack a rule have none of an object's own methods for one", () => {
  const table = parseCsv("constructor,toString\n1,2\n3,\n");
  expect(() => table.dataset({ inputs: ["constructor", "toString"], fill: {} })).toThrow(
    'line 3, column "toString": the value is missing',
  );
});

it("tensors and texts of safetensors files have any names", () => {
  const tensors = new Map(NAMES.map((name, i) => [name, { shape: [1], data: Float32Array.of(i) }]));
  const metadata = Object.fromEntries(NAMES.map((name) => [name, name]));
  const read = decodeSafetensors(encodeSafetensors(tensors, metadata));
  expect([...read.tensors]).toEqual([...tensors]);
  expect(Object.entries(read.metadata)).toEqual(Object.entries(metadata));
  const none = decodeSafetensors(encodeSafetensors({}, {})).metadata;
  for (const name of NAMES) expect(none[name]).toBeUndefined();
});

it("a scaler comes back from JSON, and an object with a length is no list", () => {
  const scaler = standardScaler().fit(data);
  expect(scalerFrom(JSON.parse(JSON.stringify(scaler)))).toEqual(scaler);
  const given = { kind: "standard", shape: [3], offset: { length: 3 }, factor: [1, 1, 1] };
  expect(() => scalerFrom(given as never)).toThrow("scaler: its offset is an object with length");
});

it("a chart's texts are texts", () => {
  const names = NAMES.filter((name) => name !== "__proto__");
  const spread = { median: 2, lowest: 1, highest: 3 };
  const chart = drawChart(
    {
      kind: "bars",
      title: "</title><script>alert(1)</script>",
      categories: names,
      value: { name: "<b>", unit: '"><script>' },
      series: [{ name: "</text><script>alert(2)</script>", values: names.map(() => spread) }],
    },
    '"><script>alert(3)</script>',
  );
  expect(chart).toContain("alert(1)");
  expect(chart).not.toMatch(/<(?:script|b)\b/);
  // Elements alone stand between brackets.
  const elements = new Set([...chart.matchAll(/<\/?([^\s>/]+)/g)].map(([, name]) => name));
  const drawn = [
    "svg",
    "title",
    "rect",
    "path",
    "text",
    "g",
    "defs",
    "clipPath",
    "image",
    "tspan",
    "polyline",
    "circle",
  ];
  expect([...elements].filter((name) => !drawn.includes(name))).toEqual([]);
});

it("a chart does not show the name of a prototype", () => {
  const value = { name: "time" };
  const chart = { kind: "bars", title: "t", categories: ["a", "of __proto__"], value, series: [] } as const;
  expect(() => checkChart(chart)).toThrow('chart: a text of "t" holds __proto__');
  expect(() => checkTexts("t", ["a", { b: "__proto__" }])).toThrow("holds __proto__");
  expect(() => checkTexts("t", ["a", { b: "proto" }, new Uint8Array(3), null, 4])).not.toThrow();
});

/** Names that are the same, of things that are not: none takes the place of another. */
import { describe, expect, it } from "vitest";
import {
  adam,
  add,
  compile,
  createTrainer,
  dataSource,
  dense,
  describe as describeProgram,
  dropout,
  fit,
  init,
  type Layer,
  mul,
  openData,
  ops,
  sequential,
  sgd,
  stepScalar,
  sum,
} from "wgrad";
import { dataset } from "wgrad/data";
import { ENGINES, useEngines } from "../../helpers/engines.ts";

const engines = useEngines();
const x = Float32Array.of(1, 2, 3, 4);
const y = Float32Array.of(1, -1);
const inputs = { x: [2, 2], y: [2] } as const;

describe.each(ENGINES)("on the %s", (kind) => {
  it("data called like the model's own memory is read, and the model trained", async () => {
    const names = ["parameters", "gradients", "first", "second", "blocks", "statistics"];
    const engine = engines[kind];
    const trained = async (withData: boolean) => {
      const trainer = createTrainer(engine, dense(1), { inputShape: [2], optimizer: adam() });
      const data = Object.fromEntries(
        names.map((name) => [name, engine.buffer(name, "f32", 64, new Float32Array(64).fill(1))]),
      );
      const step = await trainer.compile(
        ({ x, y }, model) => ({
          minimize: ops.meanSquaredError(model(x), y),
          ...(withData
            ? Object.fromEntries(names.map((name) => [`of ${name}`, sum(dataSource(name, [64], "f32"))]))
            : {}),
        }),
        { inputs, data: withData ? data : {} },
      );
      const outputs = await step.run({ x, y });
      const kept = await Promise.all(names.map((name) => data[name].read()));
      return { weights: await trainer.weights(), outputs, kept };
    };
    const [plain, beside] = [await trained(false), await trained(true)];
    expect(beside.weights).toEqual(plain.weights);
    for (const [i, name] of names.entries()) {
      expect([...beside.outputs[`of ${name}`]]).toEqual([64]);
      expect([...beside.kept[i]]).toEqual(Array(64).fill(1));
    }
  });

  it("a step scalar called like one of Adam's leaves Adam's alone, the learning rate is the one that is given", async () => {
    const stepped = async (scalars: Record<string, number>) => {
      const trainer = createTrainer(engines[kind], dense(1), { inputShape: [2], optimizer: adam() });
      const step = await trainer.compile(
        ({ x, y }, model) => ({
          minimize: ops.meanSquaredError(model(x), y),
          own: mul(stepScalar("correction1"), 2),
        }),
        { inputs },
      );
      const { own } = await step.run({ x, y }, scalars);
      return { own: own[0], weights: await trainer.weights(), program: step.program };
    };
    const one = await stepped({ correction1: 1 });
    const other = await stepped({ correction1: 50 });
    expect([one.own, other.own]).toEqual([2, 100]);
    expect(other.weights).toEqual(one.weights);
    expect((await stepped({ correction1: 1, learningRate: 0.5 })).weights).not.toEqual(one.weights);
    expect(describeProgram(one.program)).toContain(
      "step scalars: correction1, learningRate, optimizer.correction1, optimizer.correction2",
    );
  });

  it("a step's own scalars are its own, whatever they are called", async () => {
    const stepped = async (value: number) => {
      const names = ["optimizer.correction1", "user.factor", "factor", "slot", "constructor"];
      const trainer = createTrainer(engines[kind], dense(1), { inputShape: [2], optimizer: adam() });
      const step = await trainer.compile(
        ({ x, y }, model) => ({
          minimize: ops.meanSquaredError(model(x), y),
          ...Object.fromEntries(names.map((name) => [name, mul(stepScalar(name), 2)])),
        }),
        { inputs },
      );
      const given = Object.fromEntries(names.map((name, i) => [name, value + i]));
      const outputs = await step.run({ x, y }, given);
      expect(names.map((name) => outputs[name][0])).toEqual(names.map((_, i) => 2 * (value + i)));
      return trainer.weights();
    };
    expect(await stepped(50)).toEqual(await stepped(1));
  });

  it("a step scalar may be read as a number where random numbers go by it", async () => {
    const outputs = async (reads: boolean) => {
      const trainer = createTrainer(engines[kind], sequential(dropout(0.5)), {
        inputShape: [8],
        seed: 2 ** 33 + 7,
      });
      const step = await trainer.compile(
        ({ x }, model) => ({
          // Asked for as a number before the layers ask for it as an integer.
          ...(reads ? { numbers: add(stepScalar("step"), stepScalar("seed")) } : {}),
          y: model(x),
        }),
        { inputs: { x: [4, 8] } },
      );
      return step.run({ x: new Float32Array(32).fill(1) }, { step: 5 });
    };
    const [plain, read] = [await outputs(false), await outputs(true)];
    expect(read.y).toEqual(plain.y);
    expect(read.numbers[0]).toBe(Math.fround(2 ** 33 + 12));
  });
});

const numbers = (first: number) =>
  dataset({
    name: "numbers",
    inputs: { data: Float32Array.from({ length: 8 }, (_, i) => first + i), shape: [1] },
    targets: { data: new Float32Array(8), shape: [1] },
  });

it("an input, data and a parameter may have one name", async () => {
  const trainer = createTrainer(engines.cpu, dense(1, { bias: false }), { inputShape: [2] });
  await trainer.load({ weight: { shape: [1, 2], data: [1, 10] } });
  const data = { weight: engines.cpu.buffer("weight", "f32", 2, Float32Array.of(3, 3)) };
  const step = await trainer.compile(
    ({ weight }, model) => ({
      model: model(weight),
      data: sum(dataSource("weight", [2], "f32")),
    }),
    { inputs: { weight: [1, 2] }, data },
  );
  const outputs = await step.run({ weight: Float32Array.of(4, 5) });
  expect([...outputs.model, ...outputs.data]).toEqual([54, 6]);
});

it("two data sets of one name are two in a step, resident and streamed", async () => {
  for (const dataMemory of [undefined, 300]) {
    const options = { batchSize: 4, dataMemory };
    const a = await openData(engines.cpu, numbers(0), options);
    const b = await openData(engines.cpu, numbers(100), options);
    const trainer = createTrainer(engines.cpu, dense(1), { inputShape: [1] });
    const step = await trainer.compile(() => ({ a: sum(a.batch(4).x), b: sum(b.batch(4).x) }), {
      data: { ...a.data, ...b.data },
    });
    const first = { epoch: 1, seed: 0, shuffle: false };
    const reading = [a.read(first), b.read(first)].map((parts) => parts[Symbol.asyncIterator]());
    for (const parts of reading) await parts.next();
    const outputs = await step.run({}, { batchStart: 0 });
    expect([outputs.a[0], outputs.b[0]]).toEqual([6, 406]);
    expect(Object.keys(b.data)).toContain("numbers (2) inputs");
    for (const parts of reading) await parts.return?.(undefined);
    a.release();
    b.release();
  }
});

describe("is refused, as one would hide the other:", () => {
  const open = (model: Layer) => () =>
    createTrainer(engines.cpu, model, { inputShape: [2], optimizer: sgd() });
  const options = { init: init.constantValue(1) };
  const layer = (apply: Layer["apply"]): Layer => ({ name: "own", apply });

  it("an output called loss beside what is minimised", async () => {
    const trainer = open(dense(1))();
    const compiling = trainer.compile(
      ({ x, y }, model) => {
        const loss = ops.meanSquaredError(model(x), y);
        return { minimize: loss, loss: mul(loss, 2) };
      },
      { inputs },
    );
    await expect(compiling).rejects.toThrow(
      'the step returns "loss" beside "minimize", whose value comes back as "loss"; give your own another name',
    );
  });

  it("a step's own scalar called like that of a data set's, where both are in one step", async () => {
    const source = await openData(engines.cpu, numbers(0), { batchSize: 4 });
    const trainer = createTrainer(engines.cpu, dense(1), { inputShape: [1] });
    const compiling = trainer.compile(
      () => ({ x: sum(source.batch(4).x), own: ops.stepScalar("batchStart") }),
      { data: source.data },
    );
    await expect(compiling).rejects.toThrow(
      "step scalar \"batchStart\" says where a data set's batch begins; give the step's own another name",
    );
    const run = fit(
      engines.cpu,
      sequential(
        dense(1),
        layer((x) => mul(x, ops.stepScalar("batchStart"))),
      ),
      numbers(0),
      {
        loss: ops.meanSquaredError,
      },
    );
    await expect(run).rejects.toThrow('step scalar "batchStart" says where');
    source.release();
  });

  it("data of a step's own called like that of a data set", async () => {
    const { cpu } = engines;
    const source = await openData(cpu, numbers(0), { batchSize: 4 });
    const name = "numbers inputs";
    const read = () => ({ y: sum(dataSource(name, [8], "f32")) });
    const own = cpu.buffer(name, "f32", 8, new Float32Array(8));
    await expect(compile(cpu, {}, read, { data: source.data })).rejects.toThrow(
      "data \"numbers inputs\" is a data set's own memory; give the step's data another name, and other memory",
    );
    const batch = () => ({ x: sum(source.batch(4).x) });
    await expect(compile(cpu, {}, batch, { data: { ...source.data, [name]: own } })).rejects.toThrow(
      'data "numbers inputs" is a data set\'s memory, and other memory is given under the same name',
    );
    await expect(
      compile(cpu, {}, () => ({ ...batch(), y: sum(dataSource(name, [8, 1], "f32")) }), {
        data: source.data,
      }),
    ).rejects.toThrow("is a data set's own memory");
    expect([...(await (await compile(cpu, {}, read, { data: { [name]: own } }))()).y]).toEqual([0]);
    source.release();
  });

  it.each(["parameters", "gradients", "blocks", "statistics", "observed", "history"])(
    "a slot of an optimizer called %s",
    (slot) => {
      const optimizer = { ...sgd(), slots: [slot] } as never;
      expect(() => createTrainer(engines.cpu, dense(1), { inputShape: [2], optimizer })).toThrow(
        `has a slot called "${slot}", as memory of the library is; give it another name`,
      );
    },
  );

  it("two tensors whose names look the same", () => {
    const twice = layer((x, scope) => {
      const first = scope.child("a.b").parameter("c", [2], options);
      const second = scope.child("a").parameter("b.c", [2], options);
      return add(mul(x, first), second);
    });
    expect(open(twice)).toThrow('two different tensors are called a.b.c: ["a.b","c"] and ["a","b.c"]');
    const shared = layer((x, scope) => {
      const own = () => scope.child("a.b").parameter("c", [2], options);
      return add(mul(x, own()), own());
    });
    expect(open(shared)().parameterCount).toBe(2);
  });

  it("a parameter and a statistic", () => {
    const both = layer((x, scope) => {
      const { value } = scope.statistic("mean", [2], { initial: 0, momentum: 0.1 });
      return add(mul(x, scope.parameter("mean", [2], options)), value);
    });
    expect(open(both)).toThrow("mean is declared as a parameter and as a statistic; give one another name");
  });
});

it("a step scalar that is misspelt is refused with the nearest, and changes nothing", async () => {
  const trainer = createTrainer(engines.cpu, dense(1), { inputShape: [2] });
  const scaled = await trainer.compile(({ x }, model) => ({ y: mul(model(x), stepScalar("factor")) }), {
    name: "scaled",
    inputs: { x: [1, 2] },
  });
  const x = new Float32Array(2);
  await expect(scaled.run({ x }, { factor: 1, facter: 2 })).rejects.toThrow(
    'step scaled: there is no step scalar "facter"; did you mean factor?',
  );
  scaled.write({ x });
  await expect(scaled.runMany(1, () => ({ factor: 1, learnigRate: 2 }))).rejects.toThrow(
    "did you mean learningRate?",
  );
  // The library's own are for any step.
  await scaled.run({ x }, { factor: 1, epoch: 1, learningRate: 2, seed: 3 });
});

it("names that every object has are names like others", async () => {
  const trainer = createTrainer(engines.cpu, dense(1), { inputShape: [2] });
  const scaled = await trainer.compile(({ x }, model) => ({ y: mul(model(x), stepScalar("constructor")) }), {
    name: "scaled",
    inputs: { x: [1, 2] },
  });
  const given = { x: new Float32Array(2) };
  await expect(scaled.run(given)).rejects.toThrow('step scalar "constructor" is undefined');
  await scaled.run(given, { constructor: 2 } as never);
  const reading = trainer.compile(() => ({ y: sum(dataSource("toString", [2], "f32")) }), {
    name: "reading",
  });
  await expect(reading).rejects.toThrow('memory for data "toString" is missing');
});

/**
 * NaN and infinities planted at two hundred places: each is noticed with the step that meets it, and the tracer names the place.
 * The suite plants all of them on the CPU engine, most of them for the tracer alone, and some on the others; `npm run planted` has
 * sessions meet all of them on each engine.
 */
import { afterAll, describe, expect, it } from "vitest";
import { DivergenceError, type Engine, type SessionState, session } from "wgrad";
import type { Elements } from "../../../src/dtypes.ts";
import type { TrainerState } from "../../../src/train/state.ts";
import { scalarsOf } from "../../../src/train/trace/step.ts";
import { reportInWords, type TracedStep, Tracer } from "../../../src/train/trace/trace.ts";
import type { Training } from "../../../src/train/training.ts";
import { ENGINES, type EngineKind, useEngines } from "../../helpers/engines.ts";
import { NETWORKS } from "../../helpers/planted/networks.ts";
import { type Bed, difference, type Network, type Plant } from "../../helpers/planted/plants.ts";

const engines = useEngines();
const EVERYWHERE = process.env.WGRAD_PLANTED === "all";
/** A software GPU compiles a program for each op that fails. */
const LONG_MS = 3_600_000;
/** Of so many plants of each network, one is planted on the slower engines in the suite. */
const FEW = 12;
const figures = new Map<EngineKind, { planted: number; noticed: number; named: number; misses: string[] }>();

/** A network in training, at its third step of the first epoch. */
class Field {
  readonly tracer: Tracer;

  private constructor(
    readonly training: Training,
    readonly state: SessionState,
    /** The data's columns, as they were. */
    readonly columns: ReadonlyMap<string, Elements>,
  ) {
    this.tracer = new Tracer(training.parts, training.source, training.batchSize);
  }

  static async open(engine: Engine, { model, data, options }: Network): Promise<Field> {
    const training = (await session(engine, model(), data(), options)) as Training;
    await training.advance(2);
    const columns = new Map<string, Elements>();
    for (const [name, buffer] of Object.entries(training.source.data))
      columns.set(name, (await buffer.read()).slice());
    return new Field(training, await training.snapshot(), columns);
  }

  /**
   * @param whole whether a session meets the plant, where it can, rather than the tracer alone
   * @returns what the tracer says, and whether the step itself was noticed
   */
  async plant(plant: Plant, whole: boolean) {
    const { training, state } = this;
    const { trainer, source, batchSize, dataset } = training;
    const planted = structuredClone(state.trainer) as { arenas: Record<string, Float32Array> } & TrainerState;
    let step: TracedStep = {
      epoch: 1,
      size: batchSize,
      start: 2 * batchSize,
      learningRate: state.learningRate,
    };
    const put = (column: "inputs" | "targets") => (sample: number, element: number, value: number) => {
      const buffer = Object.entries(source.data).find(([name]) => name.endsWith(column))?.[1];
      const { shape } = dataset[column];
      const size = shape.reduce((product, length) => product * length, 1);
      buffer?.write(Float32Array.of(value), sample * size + element);
    };
    const tensor = (name: string) => {
      const [slot, of] = name.includes(" of ") ? name.split(" of ") : ["parameters", name];
      const layout = trainer.statistics.specs.some((spec) => spec.name === of)
        ? trainer.statistics
        : trainer.layout;
      const spec = layout.specs.find((one) => one.name === of);
      if (!spec) throw new Error(`${name} is no tensor of ${[...layout.specs.map((one) => one.name)]}`);
      const arena = planted.arenas[layout === trainer.statistics ? "statistics" : slot];
      const length = spec.shape.reduce((product, size) => product * size, 1);
      return arena.subarray(layout.offset(of), layout.offset(of) + length);
    };
    const bed: Bed = {
      set(name, value, element = 0) {
        const values = tensor(name);
        expect(element, `${plant.name}: element of ${values.length}`).toBeLessThan(values.length);
        values[element] = value;
      },
      fill: (name, value) => void tensor(name).fill(value),
      input: put("inputs"),
      target: put("targets"),
      step: (change) => {
        step = { ...step, ...change };
      },
    };
    plant.plant(bed);
    try {
      const throughSession =
        whole && step.epoch === 1 && Number.isFinite(step.learningRate) && !("open" in dataset);
      const result = throughSession ? this.#advance(planted, step.learningRate) : this.#take(planted, step);
      return await result;
    } finally {
      for (const [name, data] of this.columns) source.data[name].write(data);
    }
  }

  /** The session's steps, as a user takes them. */
  async #advance(planted: TrainerState, learningRate: number) {
    const { training } = this;
    training.restore({ ...this.state, trainer: planted, learningRate }, { nonFinite: "allow" });
    const error: unknown = await training.advance(2).then(
      () => undefined,
      (failure) => failure,
    );
    expect(await training.trainer.snapshot(), "the trainer is as it was").toEqual(planted);
    if (!(error instanceof DivergenceError)) return { noticed: false };
    expect(error.report && error.message).toContain(error.report && reportInWords(error.report));
    return { noticed: true, report: error.report };
  }

  /** The step alone, with numbers that no session would give it. */
  async #take(planted: TrainerState, step: TracedStep) {
    const { training, tracer } = this;
    const { trainer } = training;
    trainer.restore(planted, { nonFinite: "allow" });
    const report = await tracer.trace(step);
    expect(await trainer.snapshot(), "the trainer is as it was").toEqual(planted);
    const { nonFinite } = await training.step.run({}, scalarsOf(step));
    return { noticed: nonFinite[0] > 0, report };
  }

  release(): void {
    this.tracer.release();
    this.training.release();
  }
}

describe.each(ENGINES)("on the %s", (kind) => {
  const counted = { planted: 0, noticed: 0, named: 0, misses: [] as string[] };
  figures.set(kind, counted);
  it.each(NETWORKS.map((network) => [network.name, network] as const))(
    "%s",
    async (_name, network) => {
      const all = EVERYWHERE || kind === "cpu";
      const plants = network.plants.filter((_, i) => all || i % FEW === FEW - 1);
      if (plants.length === 0) return;
      const misses: string[] = [];
      const field = await Field.open(engines[kind], network);
      for (const [i, plant] of plants.entries()) {
        const { report, noticed } = await field.plant(plant, EVERYWHERE || i % FEW === 0);
        const off = report ? difference(report, { step: 3, ...plant.expected }) : "no report";
        counted.planted++;
        if (noticed) counted.noticed++;
        if (off === undefined) counted.named++;
        if (off !== undefined || !noticed) {
          const fault = noticed ? off : `not noticed (${off ?? "named"})`;
          misses.push(`${network.name}: ${plant.name}: ${fault}: ${report && reportInWords(report)}`);
        }
      }
      field.release();
      counted.misses.push(...misses);
      expect(misses).toEqual([]);
    },
    LONG_MS,
  );
});

afterAll(() => {
  for (const [kind, { planted, noticed, named }] of figures)
    console.log(`${kind}: ${planted} planted, ${noticed} noticed, ${named} named`);
  for (const { misses } of figures.values()) for (const miss of misses) console.log(`MISS ${miss}`);
});

it("there are two hundred places", () => {
  expect(NETWORKS.flatMap(({ plants }) => plants).length).toBeGreaterThanOrEqual(200);
});

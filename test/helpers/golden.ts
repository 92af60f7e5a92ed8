/** Golden cases: reading them, and running one on an engine. Their README gives the format and the tolerances. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import {
  type CompiledStep,
  compile,
  createTrainer,
  type Elements,
  type Engine,
  gradients,
  type Optimizer,
  sequential,
  type TensorData,
  type Trainer,
} from "../../src/index.ts";
import { difference, differences, type Tolerance } from "./compare.ts";
import { type Args, extras, layers, losses, ops, optimizers } from "./golden-tables.ts";

interface Stored {
  readonly shape: readonly number[];
  readonly dtype: "f32" | "i32";
  readonly data: readonly number[];
}

type StoredTensors = Readonly<Record<string, Stored>>;

export interface OpCase {
  readonly kind: "op";
  readonly name: string;
  readonly op: string;
  readonly args: Args;
  readonly inputs: StoredTensors;
  readonly output: Stored;
  /** The gradient that arrives at the output. */
  readonly dOutput: Stored;
  /** What must leave, per input. */
  readonly grads: StoredTensors;
}

export interface TrainCase {
  readonly kind: "train";
  readonly name: string;
  readonly model: readonly ({ readonly type: string } & Args)[];
  readonly loss: string;
  readonly optimizer: { readonly type: string } & Args;
  readonly clipNorm?: number | null;
  readonly l1?: number | null;
  readonly batches: readonly { readonly x: Stored; readonly y: Stored }[];
  readonly initial: StoredTensors;
  readonly losses: readonly number[];
  readonly firstGrads: StoredTensors;
  readonly final: StoredTensors;
  readonly evalOutput: Stored;
}

export type GoldenCase = OpCase | TrainCase;

const OP: Tolerance = { rtol: 1e-4, atol: 1e-5 };
const STEP: Tolerance = { rtol: 2e-3, atol: 2e-5 };
const FINAL: Tolerance = { rtol: 5e-3, atol: 5e-5 };

/** @throws Error when there is no folder, or no case in it: a run that checks nothing must not pass. */
export function readCases(folder: string): GoldenCase[] {
  const files = existsSync(folder)
    ? readdirSync(folder)
        .filter((file) => file.endsWith(".json"))
        .sort()
    : [];
  if (files.length === 0) {
    throw new Error(`${folder} holds no golden case (*.json); set GOLDEN_DIR to a folder that does`);
  }
  return files.map((file) => {
    const golden: GoldenCase = JSON.parse(readFileSync(join(folder, file), "utf8"));
    if (golden.kind !== "op" && golden.kind !== "train") {
      throw new Error(
        `${join(folder, file)} is of kind ${(golden as GoldenCase).kind}; expected op or train`,
      );
    }
    return { ...golden, name: file.replace(/\.json$/, "") };
  });
}

/** What a case names that is not in the tables; nothing for a supported case. */
export function missing(golden: GoldenCase): string[] {
  if (golden.kind === "op") return golden.op in ops ? [] : [`op ${golden.op}`];
  return [
    ...new Set(golden.model.filter(({ type }) => !(type in layers)).map(({ type }) => `layer ${type}`)),
    ...(golden.loss in losses ? [] : [`loss ${golden.loss}`]),
    ...(golden.optimizer.type in optimizers ? [] : [`optimizer ${golden.optimizer.type}`]),
    ...extrasOf(golden)
      .filter(([name]) => !(name in extras))
      .map(([name]) => name),
  ];
}

function extrasOf({ clipNorm, l1 }: TrainCase): [string, number][] {
  return Object.entries({ clipNorm, l1 }).filter((entry): entry is [string, number] => entry[1] != null);
}

/** Runs a supported case. @returns all that is wrong */
export function run(engine: Engine, golden: GoldenCase): Promise<string[]> {
  return golden.kind === "op" ? runOp(engine, golden) : runTraining(engine, golden);
}

async function runOp(
  engine: Engine,
  { op, args, inputs, output, dOutput, grads }: OpCase,
): Promise<string[]> {
  const names = Object.keys(grads);
  const given: StoredTensors = { ...inputs, dOutput };
  const compiled = await compile(engine, given, (tensors) => {
    const result = ops[op](tensors, args);
    const leaving = gradients(
      result,
      names.map((name) => tensors[name]),
      tensors.dOutput,
    );
    return { output: result, ...Object.fromEntries(names.map((name, i) => [`d${name}`, leaving[i]])) };
  });
  const needed = compiled.program.buffers.filter(({ kind }) => kind === "input").map(({ name }) => name);
  const got = await compiled(Object.fromEntries(needed.map((name) => [name, elements(given[name])])));
  compiled.release();
  return differences(
    difference("output", got.output, output.data, OP),
    ...names.map((name) => difference(`gradient of ${name}`, got[`d${name}`], grads[name].data, OP)),
  );
}

async function runTraining(engine: Engine, golden: TrainCase): Promise<string[]> {
  const { batches, initial, firstGrads, final, evalOutput } = golden;
  const trainer = trainerOf(engine, golden);
  await trainer.load(initial);
  const steps = new StepsByShape(trainer, golden);
  const found: number[] = [];
  const problems: string[] = [];
  for (const [i, batch] of batches.entries()) {
    const step = await steps.training(batch);
    const { loss } = await step.run({ x: elements(batch.x), y: elements(batch.y) });
    found.push(loss[0]);
    if (i === 0) problems.push(...(await gradientDifferences(trainer, firstGrads)));
  }
  const weights = await trainer.weights();
  const evaluation = await steps.evaluation(batches[0]);
  const { outputs } = await evaluation.run({ x: elements(batches[0].x) });
  steps.release();
  trainer.release();
  return differences(
    ...problems,
    difference("losses", found, golden.losses, STEP),
    ...parameterDifferences(weights, final),
    difference("output in evaluation mode", outputs, evalOutput.data, FINAL),
  );
}

function trainerOf(engine: Engine, golden: TrainCase): Trainer {
  const model = sequential(...golden.model.map((args) => layers[args.type](args)));
  return createTrainer(engine, model, {
    inputShape: golden.batches[0].x.shape.slice(1),
    optimizer: optimizerOf(golden),
  });
}

/** A case's steps, compiled once for each shape of batch. */
class StepsByShape {
  readonly #steps = new Map<string, CompiledStep>();

  constructor(
    readonly trainer: Trainer,
    readonly golden: TrainCase,
  ) {
    for (const [name, value] of extrasOf(golden)) Object.assign(this.#extras, extras[name](value));
  }
  readonly #extras: object = {};

  training({ x, y }: TrainCase["batches"][number]): Promise<CompiledStep> {
    const loss = losses[this.golden.loss]();
    return this.#compiled(`train ${x.shape} ${y.shape}`, () =>
      this.trainer.compile((batch, model) => ({ minimize: loss.apply(model(batch.x), batch.y) }), {
        inputs: { x, y },
        ...this.#extras,
      }),
    );
  }

  evaluation({ x }: TrainCase["batches"][number]): Promise<CompiledStep> {
    return this.#compiled(`evaluate ${x.shape}`, () =>
      this.trainer.compile((batch, model) => ({ outputs: model(batch.x) }), {
        inputs: { x },
        training: false,
      }),
    );
  }

  async #compiled(key: string, make: () => Promise<CompiledStep>): Promise<CompiledStep> {
    const step = this.#steps.get(key) ?? (await make());
    this.#steps.set(key, step);
    return step;
  }

  release(): void {
    for (const step of this.#steps.values()) step.release();
  }
}

function optimizerOf(golden: TrainCase): Optimizer {
  const { type, weight_decay: weightDecay, ...args } = golden.optimizer;
  // PyTorch's weight decay applies to biases, too.
  return optimizers[type](args, { weightDecay, decayBiases: true });
}

/**
 * The gradients that the first step left in its arena, against the expected ones. Where a case clips, its file holds
 * the clipped ones, though its README calls them raw.
 */
async function gradientDifferences(trainer: Trainer, expected: StoredTensors): Promise<string[]> {
  const arena = await trainer.memory.gradients.read();
  return differences(
    ...Object.entries(expected).map(([name, { data }]) => {
      const offset = trainer.layout.offset(name);
      return difference(
        `first gradient of ${name}`,
        arena.subarray(offset, offset + data.length),
        data,
        STEP,
      );
    }),
  );
}

function parameterDifferences(weights: Readonly<Record<string, TensorData>>, expected: StoredTensors) {
  return Object.entries(expected).map(([name, { data }]) =>
    difference(`final ${name}`, weights[name]?.data ?? [], data, FINAL),
  );
}

function elements({ dtype, data }: Stored): Elements {
  return dtype === "f32" ? Float32Array.from(data) : Int32Array.from(data);
}

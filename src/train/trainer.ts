/**
 * A model on an engine: its parameters, its optimizer's state, and the steps compiled for it.
 *
 * This is the level under `fit`: compile a step from a function of traced tensors, run it on your own batches, and read
 * its outputs.
 */

import { checkOptions, inWords } from "../checks.ts";
import type { Schema } from "../data/schema.ts";
import type { Tensor } from "../nn/graph/tensor.ts";
import type { ArenaEntry, ArenaLayout } from "../nn/model/layout.ts";
import { asLayer, type Layer, type Model } from "../nn/model/model.ts";
import type { StatisticSpec } from "../nn/model/parameters.ts";
import { checkGroups, checkOptimizer, type Optimizer } from "../nn/training/optimizer.ts";
import type { ModelCall, StepOutputs } from "../nn/training/step.ts";
import { elementCount, formatShape, type Shape } from "../program.ts";
import { DeviceLostError, type Engine, type EngineBuffer, EngineError } from "../runtime/engine.ts";
import { checkEngine } from "./arguments.ts";
import type { CompiledStep } from "./compiledStep.ts";
import { type CompileStepOptions, compileStep, type InputSpec, type StepOwner } from "./compileStep.ts";
import { checkFinite, type SaveOptions } from "./finite.ts";
import { KeptSteps } from "./kept.ts";
import { type Arena, allocate, arenasOf, placed } from "./memory.ts";
import { checkState, type RestoreOptions, type TrainerState } from "./state.ts";
import type { LoadOptions, LoadReport, WeightsSource } from "./weights.ts";

export interface TrainerOptions {
  /** Shape of one sample, without the batch: [784], or [1, 28, 28]. */
  readonly inputShape: Shape;
  /** Updates the parameters in steps that minimise a loss. */
  readonly optimizer?: Optimizer;
  /** Seed of the initial parameters and of all random numbers in training (default 0). */
  readonly seed?: number;
  /** Schema of the training data: how raw rows become inputs, and the names of the classes. */
  readonly schema?: Schema | undefined;
}

/** A tensor's values with their shape. */
export interface TensorData {
  readonly shape: Shape;
  readonly data: Float32Array;
}

/**
 * Opens a model on an engine with newly initialised parameters.
 * @throws RangeError where the seed is no whole number from 0 to 2^53 − 1
 * @throws TypeError where an argument is of another kind, or an option is unknown; ShapeError where a layer refuses its
 *   input; MemoryLimitError where the device cannot hold a tensor
 */
export function createTrainer(engine: Engine, model: Model, options: TrainerOptions): Trainer {
  checkEngine("createTrainer", engine);
  checkOptions("createTrainer", options, {
    inputShape: "any",
    optimizer: "any",
    seed: "number",
    schema: "any",
  });
  if (options.optimizer !== undefined) checkOptimizer("createTrainer", options.optimizer);
  return new Trainer(engine, asLayer(model, "createTrainer"), options);
}

export class Trainer implements StepOwner {
  /** Layout of the parameters in the arenas `parameters` and `gradients` of `memory`, and in the optimizer's. */
  readonly layout: ArenaLayout;
  /** Layout of the running statistics in the arena `statistics`. */
  readonly statistics: ArenaLayout<StatisticSpec>;
  readonly seed: number;
  readonly optimizer: Optimizer | undefined;
  readonly #arenas: readonly Arena[];
  #memory: Readonly<Record<string, EngineBuffer>> | undefined;
  #released = false;
  /** What the caller must do before using these weights, which belong to a run that has not begun. */
  awaited: string | undefined;
  /** Parameters that have not been loaded. */
  readonly #unloaded: Set<string>;
  /** @internal Steps that other calls may use again, `predict`'s. */
  readonly kept = new KeptSteps();
  /** Training steps taken so far. */
  steps = 0;
  /** @internal How often the state was replaced by something else than training. */
  changes = 0;
  /** @internal Moves the trainer, in its state, to another engine after the loss of the device of `engine`. */
  recovery: ((error: DeviceLostError, engine: Engine) => Promise<void>) | undefined;
  #engine: Engine;
  /** Statistics without a value until `load`. */
  #unset: readonly StatisticSpec[];

  /** How raw rows become inputs, and the names of the classes. The schema is saved and loaded with the weights. */
  schema: Schema | undefined;

  constructor(
    engine: Engine,
    readonly model: Layer,
    readonly options: TrainerOptions,
  ) {
    this.#engine = engine;
    const { inputShape, optimizer, seed = 0 } = options;
    this.schema = options.schema;
    if (!Array.isArray(inputShape)) {
      throw new TypeError(
        `createTrainer: inputShape is ${inWords(inputShape)}; give a sample's shape, such as [784]`,
      );
    }
    if (!Number.isSafeInteger(seed) || seed < 0) {
      throw new RangeError(`createTrainer: seed is ${seed}; give a whole number from 0 to 2^53 - 1`);
    }
    this.seed = seed;
    this.optimizer = optimizer;
    const layout = placed(model, inputShape, engine);
    const { parameters, statistics } = layout;
    this.layout = parameters;
    this.statistics = statistics;
    this.#unset = statistics.specs.filter(({ hint }) => hint);
    const names = parameters.specs.map(({ name }) => name);
    this.#unloaded = new Set(names);
    if (optimizer) checkGroups(optimizer, names);
    this.#arenas = arenasOf(layout, optimizer, seed);
  }

  /** The model's engine: after the loss of a device, training with the option `recover` goes on on another. */
  get engine(): Engine {
    return this.#engine;
  }

  /** @internal Goes on on another engine, with initial values until {@link restore}. */
  move(engine: Engine): void {
    this.kept.release();
    this.#free();
    this.#engine = engine;
  }

  /** @internal Does it, again on another engine where the device is lost meanwhile and the trainer's session recovers. */
  async lasting<T>(work: () => Promise<T>): Promise<T> {
    const { engine } = this;
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof DeviceLostError && this.recovery)) throw error;
      await this.recovery(error, engine);
      return this.lasting(work);
    }
  }

  /** The model's buffers on the engine, by name, allocated on first use. */
  get memory(): Readonly<Record<string, EngineBuffer>> {
    if (this.#released)
      throw new EngineError(
        "this trainer was released; create another, or release the trainer after its last use",
      );
    this.#memory ??= allocate(this.engine, this.#arenas);
    return this.#memory;
  }

  /** @internal Arenas that take memory on first use. */
  get pending(): readonly Arena[] {
    return this.#memory ? [] : this.#arenas;
  }

  /** Number of trainable values. */
  get parameterCount(): number {
    return this.layout.specs.reduce((sum, { shape }) => sum + elementCount(shape), 0);
  }

  /**
   * Compiles a step. `body` is called once, with traced inputs and the model as a function; each run returns the
   * tensors that `body` returns. With `minimize` among them the step trains: that loss is differentiated, the
   * parameters are updated, and the loss is returned as `loss`.
   * @throws RangeError where an option is out of range
   * @throws TypeError where `body` is no function or returns no tensors, or an option is unknown; ShapeError where an
   *   op refuses its input; EngineError and MemoryLimitError as `Engine.compile`
   */
  async compile<const Inputs extends Record<string, InputSpec>>(
    body: (inputs: { [K in keyof Inputs]: Tensor }, model: ModelCall, part: number) => StepOutputs,
    options: CompileStepOptions<Inputs> = {},
  ): Promise<CompiledStep> {
    return compileStep(this, body, options);
  }

  /** @throws Error naming a statistic without a value, and the remedy */
  checkValues(name: string): void {
    const [unset] = this.#unset;
    if (unset) throw new Error(`${name}: ${unset.name} has no values yet; ${unset.hint}`);
  }

  /** @throws Error where the weights are the initial ones of a run of `fit` that has not begun */
  checkAwaited(name: string): void {
    if (this.awaited === undefined) return;
    throw new Error(
      `${name}: the model is not trained yet; ${this.awaited} first, or load all weights. createTrainer(…) opens a model for use without training.`,
    );
  }

  /**
   * All parameters and running statistics, by PyTorch's names.
   * @throws RangeError naming a value that is not finite, unless `nonFinite` is "allow"
   * @throws TypeError where an option is unknown
   */
  async weights(options: SaveOptions = {}): Promise<Record<string, TensorData>> {
    checkOptions("weights", options, { nonFinite: "string" });
    this.checkValues("weights");
    const weights: Record<string, TensorData> = {};
    // Requested together, so that no step comes between.
    const read = await this.lasting(() => Promise.all(this.#saved().map(({ memory }) => memory.read())));
    for (const [i, { layout }] of this.#saved().entries()) {
      const values = read[i] as Float32Array;
      for (const { name, shape } of layout.specs) {
        const offset = layout.offset(name);
        const data = values.slice(offset, offset + elementCount(shape));
        checkFinite(`weights: ${name}`, data, options.nonFinite);
        weights[name] = { shape, data };
      }
    }
    return weights;
  }

  /**
   * Replaces parameters and statistics, all of them or those that `options` select, from `weights` by name or from a
   * safetensors file. A run of `fit` can be loaded before its first epoch, to start from existing weights.
   * @returns the names that were loaded, kept, and left unused in the source
   * @throws Error naming missing and unknown tensors, wrong shapes, and NaN; nothing is then changed
   */
  async load(weights: WeightsSource, options: LoadOptions = {}): Promise<LoadReport> {
    const { loadWeights } = await import("./weights.ts");
    const specs = [...this.layout.specs, ...this.statistics.specs];
    const { values, report, schema } = await loadWeights(weights, specs, options);
    await this.lasting(async () => {
      for (const { layout, memory } of this.#saved()) {
        for (const { name } of layout.specs) {
          const loaded = values.get(name);
          if (loaded) memory.write(loaded, layout.offset(name));
        }
      }
    });
    this.changes++;
    this.#unset = this.#unset.filter(({ name }) => !values.has(name));
    // A model in training has its own schema; a model opened without one takes the file's.
    this.schema = this.options.schema ?? schema ?? this.schema;
    for (const name of values.keys()) this.#unloaded.delete(name);
    // A backbone alone is no complete model: its new head is random.
    if (this.#unloaded.size === 0) this.awaited = undefined;
    return report;
  }

  /** The state for {@link restore}, also on another engine, after the loss of a device for example. */
  snapshot(): Promise<TrainerState> {
    return this.lasting(() => this.state());
  }

  /** @internal The state as it is now; fails where the device is lost meanwhile. */
  async state(): Promise<TrainerState> {
    const { steps } = this;
    const read = this.#lasting().map(async ({ name }) => [name, await this.memory[name].read()]);
    return { steps, ...this.#identity(), arenas: Object.fromEntries(await Promise.all(read)) };
  }

  /** @internal The state before the first step and before any `load`. */
  initialState(): TrainerState {
    const arenas = this.#lasting().map(({ name, length, first }) => [
      name,
      first?.() ?? new Float32Array(length),
    ]);
    return { steps: 0, ...this.#identity(), arenas: Object.fromEntries(arenas) };
  }

  /**
   * Restores parameters, statistics and the optimizer's state.
   * @throws Error where the state belongs to another model or optimizer, is damaged, or is not finite; nothing is then
   *   changed
   */
  restore(state: TrainerState, options: RestoreOptions = {}, what = "restore: the state"): void {
    checkOptions("restore", options, { nonFinite: "string" });
    const names = this.#lasting().map(({ name }) => name);
    checkState(what, state, { ...this.#identity(), arenas: this.memory, names }, options.nonFinite);
    for (const name of names) this.memory[name].write(state.arenas[name]);
    // Gradients and the like of steps that are undone: NaN in the gaps between tensors would come into the next clipping.
    for (const { name, length, first, lasts } of this.#arenas)
      if (!lasts && !first) this.memory[name].write(new Float32Array(length));
    this.steps = state.steps;
    this.changes++;
    this.#unset = [];
    this.awaited = undefined;
  }

  #identity(): Pick<TrainerState, "model" | "optimizer"> {
    const tensors = [...this.layout.specs, ...this.statistics.specs];
    return {
      model: tensors.map(({ name, shape }) => `${name} ${formatShape(shape)}`).join(", "),
      optimizer: this.optimizer?.name ?? "none",
    };
  }

  /** Without gradients and observations, which each step computes anew. */
  #lasting(): Arena[] {
    return this.#arenas.filter(({ lasts }) => lasts);
  }

  /** The arenas of a model's file: those that are not empty. */
  #saved(): { layout: ArenaLayout<ArenaEntry>; memory: EngineBuffer }[] {
    const { parameters, statistics } = this.memory;
    return [
      ...(parameters ? [{ layout: this.layout, memory: parameters }] : []),
      ...(statistics ? [{ layout: this.statistics, memory: statistics }] : []),
    ];
  }

  /**
   * Frees the model's memory on the engine. `engine.destroy()` does the same; without either, the garbage collector
   * frees it later.
   */
  release(): void {
    this.#released = true;
    this.kept.release();
    this.#free();
  }

  #free(): void {
    for (const buffer of Object.values(this.#memory ?? {})) buffer.release();
    this.#memory = undefined;
  }

  /** `release`, for `using` and `await using`. */
  [Symbol.dispose](): void {
    this.release();
  }
}

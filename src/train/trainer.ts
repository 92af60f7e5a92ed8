/**
 * A model on an engine: its parameters, its optimizer's state, and the steps compiled for it.
 *
 * This is the level under `fit`: compile a step from a function of traced tensors, run it with your own batches,
 * read what you ask for.
 */
import { asLayer, type Layer, type Model } from "../nn/model.ts";
import { inputSource } from "../nn/ops/source.ts";
import { blockValues, type Optimizer } from "../nn/optimizers.ts";
import type { ArenaLayout } from "../nn/parameters.ts";
import { buildStep, declaredParameters, type ModelCall, type StepOutputs } from "../nn/step.ts";
import type { Tensor } from "../nn/tensor.ts";
import { type DType, type Elements, elementCount, type Program, type Shape, STEP_SLOTS } from "../program.ts";
import type { Engine, EngineBuffer, Executable, Outputs } from "../runtime/engine.ts";
import { loadWeights, type WeightsSource } from "./weights.ts";

/** An input of a step: its shape, and its type if that is not f32. */
export type InputSpec = Shape | { readonly shape: Shape; readonly dtype: DType };

export interface TrainerOptions {
  /** Shape of one sample, without the batch: [784], or [1, 28, 28]. */
  readonly inputShape: Shape;
  /** What updates the parameters in steps that minimise something. */
  readonly optimizer?: Optimizer;
  /** Of the initial parameters, and of everything random in training (default 0). */
  readonly seed?: number;
}

export interface CompileStepOptions<Inputs extends Record<string, InputSpec>> {
  /** For people: in error messages, and in `describe`. */
  readonly name?: string;
  readonly inputs?: Inputs;
  /** Whether layers behave as in training; by default where the step minimises something. */
  readonly training?: boolean;
  /** Resident memory for the step's data sources, by name. */
  readonly data?: Readonly<Record<string, EngineBuffer>>;
  /** How many steps one run may have (default 1). */
  readonly maxSteps?: number;
}

/** A tensor's values, with their shape. */
export interface TensorData {
  readonly shape: Shape;
  readonly data: Float32Array;
}

/** Opens a model on an engine, with freshly initialised parameters. */
export function createTrainer(engine: Engine, model: Model, options: TrainerOptions): Trainer {
  return new Trainer(engine, asLayer(model), options);
}

export class Trainer {
  readonly layout: ArenaLayout;
  readonly seed: number;
  readonly optimizer: Optimizer | undefined;
  readonly memory: Record<string, EngineBuffer> = {};
  /** Training steps taken so far. */
  steps = 0;

  constructor(
    readonly engine: Engine,
    readonly model: Layer,
    readonly options: TrainerOptions,
  ) {
    this.seed = options.seed ?? 0;
    this.optimizer = options.optimizer;
    this.layout = declaredParameters(model, options.inputShape);
    // A model without parameters still has an arena, of one block, as no buffer may be empty.
    if (this.layout.length === 0) return;
    const arena = (label: string, data?: Float32Array) => {
      this.memory[label] = engine.buffer(label, "f32", data?.length ?? this.layout.length, data);
    };
    arena("parameters", this.layout.initialise(this.seed));
    if (!this.optimizer) return;
    arena("gradients");
    arena("blocks", blockValues(this.layout, this.optimizer));
    for (const slot of this.optimizer.slots) arena(slot);
  }

  /** How many numbers the model learns. */
  get parameterCount(): number {
    return this.layout.specs.reduce((sum, { shape }) => sum + elementCount(shape), 0);
  }

  /**
   * Compiles a step. `body` is called once, with traced inputs and the model as a function; what it returns is what
   * each run gives back. With `minimize` among it, the step trains: that loss is differentiated, the parameters are
   * updated, and the loss comes back as `loss`.
   */
  async compile<const Inputs extends Record<string, InputSpec>>(
    body: (inputs: { [K in keyof Inputs]: Tensor }, model: ModelCall) => StepOutputs,
    options: CompileStepOptions<Inputs> = {},
  ): Promise<CompiledStep> {
    const { name = "step", inputs = {} as Inputs, data = {}, maxSteps } = options;
    let trains = false;
    const trace = (model: ModelCall) => {
      const sources = Object.fromEntries(
        Object.entries(inputs).map(([key, spec]) => [key, traced(key, spec)]),
      );
      const outputs = body(sources as { [K in keyof Inputs]: Tensor }, model);
      trains = outputs !== null && typeof outputs === "object" && "minimize" in outputs;
      return outputs;
    };
    const { model, layout, optimizer } = this;
    const program = buildStep({
      name,
      model,
      layout,
      optimizer,
      training: options.training ?? true,
      body: trace,
    });
    const executable = await this.engine.compile(program, { maxSteps, memory: { ...this.memory, ...data } });
    return new CompiledStep(this, executable, trains, Object.keys(inputs));
  }

  /** All parameters, by PyTorch's names. */
  async weights(): Promise<Record<string, TensorData>> {
    const { parameters } = this.memory;
    const values = parameters ? ((await parameters.read()) as Float32Array) : new Float32Array(0);
    return Object.fromEntries(
      this.layout.specs.map(({ name, shape }) => {
        const offset = this.layout.offset(name);
        return [name, { shape, data: values.slice(offset, offset + elementCount(shape)) }];
      }),
    );
  }

  /**
   * Replaces parameters: `weights` by name, or a safetensors file as bytes or, outside of browsers, by path.
   * @throws Error naming missing or extra tensors and wrong shapes; then nothing is changed.
   */
  async load(weights: WeightsSource): Promise<void> {
    const found = await loadWeights(weights, this.layout.specs);
    for (const [name, data] of found) this.memory.parameters.write(data, this.layout.offset(name));
  }

  /** Frees the model's memory on the engine. Destroying the engine does the same. */
  release(): void {
    for (const buffer of Object.values(this.memory)) buffer.release();
  }
}

function traced(name: string, spec: InputSpec): Tensor {
  return "shape" in spec ? inputSource(name, spec.shape, spec.dtype) : inputSource(name, spec);
}

/** Values of step scalars, by name. */
export type StepScalars = Readonly<Record<string, number>>;

export class CompiledStep {
  constructor(
    readonly trainer: Trainer,
    readonly executable: Executable,
    /** Whether running it updates the parameters. */
    readonly trains: boolean,
    /** Names of its inputs, whether what it computes depends on them or not. */
    readonly inputs: readonly string[],
  ) {
    const used = new Set(
      executable.program.buffers.filter(({ kind }) => kind === "input").map(({ name }) => name),
    );
    this.#unused = new Set(inputs.filter((name) => !used.has(name)));
  }

  readonly #unused: ReadonlySet<string>;

  /** The step, written down: `describe(step.program)` prints it. */
  get program(): Program {
    return this.executable.program;
  }

  /**
   * Runs one step on `inputs` (all on the first run; later, those that change). `scalars` gives step scalars; the
   * learning rate is the optimizer's unless given as `learningRate`.
   * @returns the outputs' elements, by name
   */
  async run(inputs: Readonly<Record<string, Elements>> = {}, scalars: StepScalars = {}): Promise<Outputs> {
    for (const [name, data] of Object.entries(inputs)) {
      if (!this.#unused.has(name)) this.executable.write(name, data);
    }
    return this.runMany(1, () => scalars);
  }

  /** Runs `count` steps in one submit; `scalarsAt(i)` gives the scalars of the i-th. Outputs hold a row a step. */
  runMany(count: number, scalarsAt: (i: number) => StepScalars): Promise<Outputs> {
    const { table } = this.executable;
    for (let i = 0; i < count && i < table.rows; i++) {
      if (this.trains) this.trainer.steps++;
      this.#fillRow(i, scalarsAt(i));
    }
    return this.executable.run(count);
  }

  #fillRow(row: number, given: StepScalars): void {
    const { optimizer, steps, seed } = this.trainer;
    const own = this.trains && optimizer ? optimizer.scalarsAt(steps) : {};
    const defaults: StepScalars = { learningRate: optimizer?.learningRate ?? 0, step: steps, seed };
    const { f32, u32 } = this.executable.table;
    this.program.scalars.forEach(({ name, dtype }, slot) => {
      const value = given[name] ?? own[name] ?? defaults[name];
      if (value === undefined || Number.isNaN(value)) {
        throw new TypeError(
          `step ${this.program.name}: step scalar "${name}" is ${value}; give it a number in run()`,
        );
      }
      (dtype === "f32" ? f32 : u32)[row * STEP_SLOTS + slot] = value;
    });
  }

  release(): void {
    this.executable.release();
  }
}

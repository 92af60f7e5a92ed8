/** What the epochs of a run are made with, and how one is trained: loaded when a run begins. */
import { correctCount } from "../nn/graph/ops/crossEntropy.ts";
import type { Optimizer } from "../nn/training/optimizers.ts";
import { constantRate } from "../nn/training/schedules.ts";
import type { ModelCall, StepOutputs } from "../nn/training/step.ts";
import type { CompiledStep } from "./compiledStep.ts";
import { checkOutputs } from "./defaults.ts";
import { compileEvaluator } from "./evaluate.ts";
import type { Evaluator } from "./evaluator.ts";
import { numberOf } from "./monitor.ts";
import { openData } from "./open.ts";
import { compileSteps } from "./opened.ts";
import { Pace } from "./pace.ts";
import type { Run } from "./run.ts";
import { BATCH_START, type BatchSource } from "./source.ts";
import { FiniteWeights, Totals } from "./watch.ts";

/** Steps in flight beside the one being waited for: enough to keep a GPU busy while results are read. */
const RUNS_IN_FLIGHT = 2;
/** Rows of the step table, and so the most steps in one submit. */
const MAX_STEPS_PER_RUN = 256;

export class Training {
  readonly #pace = new Pace(MAX_STEPS_PER_RUN);

  private constructor(
    readonly run: Run,
    readonly source: BatchSource,
    /** By the size of their batches. */
    readonly steps: ReadonlyMap<number, CompiledStep>,
    readonly evaluator: Evaluator | undefined,
    readonly weights: FiniteWeights,
  ) {}

  /**
   * Puts the data on the engine, and compiles what the epochs need.
   * @param hold is given whatever is to be released with the run
   */
  static async open(run: Run, hold: (one: { release(): void }) => void): Promise<Training> {
    const { trainer, dataset, options, batchSize } = run;
    const { validation, validationBatchSize, loss, metrics, confusion, dataMemory } = options;
    const source = await openData(trainer.engine, dataset, { batchSize, dataMemory });
    hold(source);
    const steps = await compileFor(run, source);
    for (const step of steps.values()) hold(step);
    const evaluating = { loss, batchSize: validationBatchSize, metrics, confusion, dataMemory };
    const evaluator = validation && (await compileEvaluator("fit", trainer, validation, evaluating));
    if (evaluator) hold(evaluator);
    const weights = await FiniteWeights.open(trainer);
    hold(weights);
    return new Training(run, source, steps, evaluator, weights);
  }

  /** The step for a full batch. */
  get full(): CompiledStep | undefined {
    return this.steps.get(this.run.batchSize);
  }

  /** Trains an epoch. */
  async train(epoch: number): Promise<Totals> {
    const { run, source, steps, weights } = this;
    const { options, trainer, dataset, batchSize, epochs } = run;
    const pace = this.#pace;
    const { schedule = constantRate(), shuffle = true, onProgress, signal } = options;
    const samplesPerEpoch = samplesPerEpochOf(run);
    const stepsPerEpoch = Math.ceil(samplesPerEpoch / batchSize);
    const totals = new Totals(dataset.classes !== undefined);
    const { monitor = "loss", mode } = schedule;
    const history = run.history.map((before) =>
      numberOf(`fit: the schedule ${schedule.name}`, before, monitor),
    );
    const learningRate = (optimizer: Optimizer, step: number) =>
      optimizer.learningRate *
      schedule.factor({ step, total: stepsPerEpoch * epochs, stepsPerEpoch, history, mode });
    const inFlight: Promise<void>[] = [];
    let stepsBefore = (epoch - 1) * stepsPerEpoch;
    try {
      for await (const part of source.read({ epoch, seed: trainer.seed, shuffle })) {
        for (const { size, starts } of part) {
          const step = steps.get(size);
          for (let first = 0; step && first < starts.length; ) {
            const count = Math.min(pace.steps, starts.length - first, step.executable.table.rows);
            const begin = first;
            const enqueued = step.runMany(count, (i) => ({
              [BATCH_START]: starts[begin + i],
              epoch,
              learningRate: learningRate(trainer.optimizer as Optimizer, stepsBefore + i),
            }));
            stepsBefore += count;
            first += count;
            const counted = enqueued.then(({ loss, correct }) => {
              pace.finished(count);
              totals.add(loss, correct, size);
              const { samples, loss: mean, accuracy } = totals;
              onProgress?.({ epoch, epochs, samples, samplesPerEpoch, loss: mean, accuracy });
            });
            // Its failure is met when its turn comes to be awaited; until then it must not count as unhandled.
            counted.catch(() => {});
            inFlight.push(counted);
            while (inFlight.length > RUNS_IN_FLIGHT) await inFlight.shift();
            totals.check(epoch);
            signal?.throwIfAborted();
          }
        }
      }
      // Asked for behind the last step, so that its answer comes with that of the step.
      const finite = weights.areFinite();
      inFlight.push(finite.then(() => {}));
      await Promise.all(inFlight);
      totals.check(epoch);
      if (!(await finite)) throw await weights.divergence(epoch);
      return totals;
    } finally {
      // After a failure, too, nothing goes on behind the caller's back.
      await Promise.allSettled(inFlight);
    }
  }
}

/** How many samples of the data set an epoch takes. */
function samplesPerEpochOf({ dataset: { count }, options, batchSize }: Run): number {
  return options.dropLast ? count - (count % batchSize) : count;
}

/** The steps, by the size of their batches. */
function compileFor(run: Run, source: BatchSource): Promise<Map<number, CompiledStep>> {
  const { loss, clip, penalty, accumulate: parts = 1, augment } = run.options;
  const { trainer, dataset, batchSize } = run;
  const { classes } = dataset;
  return compileSteps(source, samplesPerEpochOf(run), batchSize, (size) => {
    // A last batch that does not fall into equal parts is taken whole.
    const accumulate = size % parts === 0 ? parts : 1;
    const body = (_inputs: object, model: ModelCall, part: number): StepOutputs => {
      const batch = source.batch(size / accumulate, (part * size) / accumulate);
      const { x, y } = augment ? augment.apply(batch) : batch;
      const outputs = model(x);
      checkOutputs("fit", dataset, outputs);
      const minimize = loss.apply(outputs, y);
      if (!classes) return { minimize };
      return { minimize, correct: correctCount(outputs, batch.y, 0, loss.ignoreIndex) };
    };
    return trainer.compile(body, {
      name: "train",
      data: source.data,
      maxSteps: Math.min(MAX_STEPS_PER_RUN, source.batchesAtOnce),
      clip,
      penalty,
      accumulate,
    });
  });
}

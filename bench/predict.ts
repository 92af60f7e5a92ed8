/**
 * Prediction against the step that it runs: `predict` of one sample, as a page or a server asks for it again and again,
 * and a step for one sample, compiled once, on all engines.
 */
import type { Command } from "commander";
import { connect, cpu, createTrainer, dense, type Engine, predict, relu, sequential } from "wgrad";
import { openWasm } from "../presets/command.ts";
import { table } from "../src/text.ts";
import { formatSpread, inTurn, type Spread, spreadOf } from "./measure.ts";
import { benchmark, type OutputFlags, outputOptions, repetitionsOption } from "./options.ts";
import { publish, type Report } from "./report.ts";

interface PredictResult {
  readonly adapter: string;
  /** Milliseconds a call. */
  readonly step: Spread;
  readonly predict: Spread;
  /** The median of `predict` over that of `step`. */
  readonly ratio: number;
}

const [INPUTS, HIDDEN, OUTPUTS] = [20, 64, 10];
/** Calls one after the other, of which each measurement gives the mean. */
const CALLS = 100;

export function predictCommand(): Command {
  const command = benchmark(
    "predict",
    `one sample through ${INPUTS}-${HIDDEN}-${OUTPUTS}, and its step alone`,
  )
    .addOption(repetitionsOption(15))
    .action(async ({ repetitions, ...flags }: OutputFlags & { readonly repetitions: number }) => {
      const results: PredictResult[] = [];
      for (await using engine of [await connect(), await openWasm(), cpu()])
        results.push(await measurePredict(engine, repetitions, CALLS));
      await publish(predictReport(results), flags);
    });
  for (const option of outputOptions()) command.addOption(option);
  return command;
}

/**
 * Times both in turn.
 * @throws Error where they do not give the same: then there is nothing worth timing
 */
export async function measurePredict(
  engine: Engine,
  repetitions: number,
  calls: number,
): Promise<PredictResult> {
  const model = sequential(dense(HIDDEN), relu(), dense(OUTPUTS));
  const trainer = createTrainer(engine, model, { inputShape: [INPUTS] });
  const step = await trainer.compile(({ x }, model) => ({ outputs: model(x) }), {
    inputs: { x: [1, INPUTS] },
    training: false,
  });
  const x = Float32Array.from({ length: INPUTS }, (_, i) => Math.sin(i));
  const [{ outputs }, { data }] = [await step.run({ x }), await predict(trainer, x)];
  if (!(outputs.length === OUTPUTS && outputs.every((value, i) => value === data[i]))) {
    throw new Error(`the step gives ${outputs.join(", ")}, predict ${data.join(", ")}: nothing was timed`);
  }
  const timed = (call: () => Promise<unknown>) => async () => {
    const began = performance.now();
    for (let i = 0; i < calls; i++) await call();
    return (performance.now() - began) / calls;
  };
  const times = await inTurn(repetitions, {
    step: timed(() => step.run({ x })),
    predict: timed(() => predict(trainer, x)),
  });
  step.release();
  trainer.release();
  const [alone, asked] = [spreadOf(times.step), spreadOf(times.predict)];
  return { adapter: engine.info.adapter, step: alone, predict: asked, ratio: asked.median / alone.median };
}

export function predictReport(results: readonly PredictResult[]): Report {
  const rows = results.map(({ adapter, step, predict, ratio }) => [
    adapter,
    formatSpread(step),
    formatSpread(predict),
    ratio.toFixed(2),
  ]);
  return {
    name: "predict",
    lines: [
      `predict of one sample, ${INPUTS}-${HIDDEN}-${OUTPUTS}, and its step alone`,
      ...table([["engine", "ms a step", "ms a call of predict", "of the step"], ...rows]),
    ],
    object: { benchmark: "predict", adapter: results[0].adapter, results },
  };
}

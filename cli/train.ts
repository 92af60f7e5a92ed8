/** `npm run train`: trains a network from the command line. */

import { openEngine } from "../presets/command.ts";
import { loadData } from "./data.ts";
import { EXIT, report } from "./errors.ts";
import { Interruption } from "./interruption.ts";
import { parseOptions, type TrainOptions } from "./options.ts";
import { outputOf } from "./output.ts";
import { checkFolder, checkTargets, resumed } from "./paths.ts";
import { resultLines, resultObject } from "./report.ts";
import { runTraining } from "./run.ts";

const started = performance.now();
const interruption = new Interruption();

async function main(args: readonly string[]): Promise<number> {
  try {
    const options = parseOptions(args);
    if (options) await train(options, args);
    return interruption.code ?? (interruption.lostOutput ? EXIT.failure : EXIT.success);
  } catch (error) {
    return interruption.code ?? report(error);
  }
}

async function train(given: TrainOptions, args: readonly string[]): Promise<void> {
  const output = outputOf(given.json);
  const options = { ...given, resume: resumed(given, output.note) };
  // Failures that can be foreseen are reported before any work.
  if (options.data !== undefined) checkFolder("--data", options.data);
  const { save, checkpoint, history } = options;
  await checkTargets({ "--save": save, "--checkpoint": checkpoint, "--history": history });
  const data = await timed(() => loadData(options, output.note));
  const device = await timed(() => openEngine("--device", options.device, output.note, options.threads));
  // A process with a GPU device does not end by itself.
  await using engine = device.value;
  const { failure, ...run } = await runTraining(engine, data.value, options, {
    output,
    interruption,
    args,
  });
  const timing = { data: data.seconds, device: device.seconds, ...run.timing, total: since(started) };
  const result = { ...run, timing };
  if (options.json) output.json(resultObject(result, options));
  else for (const text of resultLines(result)) output.line(text);
  if (failure !== undefined) throw failure;
}

async function timed<T>(work: () => Promise<T>): Promise<{ value: T; seconds: number }> {
  const from = performance.now();
  return { value: await work(), seconds: since(from) };
}

function since(from: number): number {
  return (performance.now() - from) / 1000;
}

process.exitCode = await main(process.argv.slice(2));

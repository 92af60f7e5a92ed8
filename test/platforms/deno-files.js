/** Trains a little on the CPU engine, and saves as the arguments say: `save PATH`, or `checkpoints PATH`. Prints what came of it. */
import { checkWritable, cpu, dense, fit } from "wgrad";
import { checkpoints } from "wgrad/callbacks";
import { dataset } from "wgrad/data";

const [how, path] = process.argv.slice(2);
const data = dataset({
  inputs: { data: Float32Array.of(1, 2, 3, 4), shape: [2] },
  targets: { data: Uint8Array.of(0, 1) },
  classes: 2,
});
/** @type {{ epochs: number, steps: number, error?: string, bytes: number }} */
const told = { epochs: 0, steps: 0, bytes: 0 };
const run = fit(cpu(), dense(2), data, {
  batchSize: 2,
  epochs: 2,
  callbacks: how === "checkpoints" ? [checkpoints(path)] : [],
});
try {
  if (how === "check") await checkWritable(path);
  for await (const { epoch } of run) told.epochs = epoch;
  if (how === "save") await run.save(path);
  told.bytes = (await run.toSafetensors()).length;
} catch (error) {
  told.error = String(error);
}
told.steps = run.trainer.steps;
console.log(JSON.stringify(told));

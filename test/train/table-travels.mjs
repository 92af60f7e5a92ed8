/**
 * Run by table-travels.test.ts, each mode in a process of its own: `save` trains a model on a table and saves it, `load` knows
 * nothing but the model's layers and the file. Both print what they predict from the rows of another table as they stand.
 */
import { adam, cpu, createTrainer, dense, fit, predict } from "wgrad";
import { parseCsv } from "wgrad/csv";
import { standardScaler } from "wgrad/data";

const [mode, path] = process.argv.slice(2);
const START = 1_700_000_000;
const engine = cpu();

/** Every second minute a visit, from one of two towns; which town's trees are counted does not matter. */
function table() {
  const rows = Array.from(
    { length: 40 },
    (_, i) => `${START + 60 * i},${i % 2 ? "Ulm" : "Aue"},${i < 20 ? "early" : "late"}`,
  );
  return parseCsv(`time,town,when\n${rows.join("\n")}\n`);
}

async function trained() {
  const raw = table().dataset({
    target: "when",
    classes: ["late", "early"],
    categorical: ["town"],
    fill: { time: "mean" },
  });
  const train = standardScaler().fit(raw).transform(raw);
  const run = fit(engine, dense(2), train, { epochs: 60, optimizer: adam({ learningRate: 0.1 }), seed: 2 });
  await run;
  await run.save(path);
  return run.trainer;
}

async function loaded() {
  const trainer = createTrainer(engine, dense(2), { inputShape: [3] });
  await trainer.load(path);
  return trainer;
}

const trainer = mode === "save" ? await trained() : await loaded();
const rows = parseCsv(`town,time\nUlm,${START + 60 * 3}\nAue,${START + 60 * 37}\nUlm,\n`);
const { data, classNames } = await predict(trainer, rows, { probabilities: "softmax", threshold: 0 });
console.log(JSON.stringify({ classNames, bits: Buffer.from(data.buffer).toString("hex") }));
await engine.destroy();

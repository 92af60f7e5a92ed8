// Kills trainings at random moments, and holds that nothing is lost but the steps since the last checkpoint:
//
//   npm run kill-test [-- --kills 50 --engine wasm --seed 1]
//
// Each training is `npm run train` (without npm), tiny, and writes checkpoints after every few steps. It is ended by SIGKILL, which no
// process can notice, at a random moment, and started again with --resume, until it comes to its end. Held are: the newest
// checkpoint is whole at any kill, no file but checkpoints lies about for longer than an hour, and the weights at the end are, to the bit, those
// of a training that was never killed.
// Runs on the built package.
import { spawn } from "node:child_process";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { decodeSafetensors } from "wgrad/safetensors";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const TRAINING =
  "--dataset digits --count 2000 --hidden 24 --batch 20 --epochs 6 --dropout 0.1 --schedule cosine --early-stopping 4 --keep 2 --checkpoint-steps 10".split(
    " ",
  );

const { values } = parseArgs({
  options: {
    kills: { type: "string", default: "50" },
    engine: { type: "string", default: "wasm" },
    seed: { type: "string", default: "1" },
  },
});
const kills = Number(values.kills);
if (!Number.isInteger(kills) || kills < 1) {
  console.error(`--kills is ${values.kills}; give a whole number from 1`);
  process.exit(2);
}

/** Random numbers from 0 to 1 (Marsaglia 2003, xorshift of 32 bits). */
let state = Number(values.seed) || 1;
function random() {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  return (state >>> 0) / 2 ** 32;
}

/**
 * Trains in a process of its own; kills it after so many milliseconds behind its first checkpoint or its start of training.
 * @param {string[]} more
 * @param {number} [killAfter]
 * @returns {Promise<{ code: number | null, text: string, seconds: number }>}
 */
function train(more, killAfter) {
  return new Promise((resolve, reject) => {
    const args = ["--import", "tsx", "cli/train.ts", ...TRAINING, "--device", values.engine, ...more];
    const child = spawn(process.execPath, args, {
      cwd: ROOT,
      env: { ...process.env, TSX_TSCONFIG_PATH: "tsconfig.run.json" },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let text = "";
    let began = 0;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let timer;
    const hear = (/** @type {string} */ chunk) => {
      text += chunk;
      // The head of the run: from here on, it opens its data, compiles and trains.
      if (began > 0 || !text.includes("parameters")) return;
      began = performance.now();
      if (killAfter !== undefined) timer = setTimeout(() => child.kill("SIGKILL"), killAfter);
    };
    child.stdout.on("data", hear);
    child.stderr.on("data", hear);
    child.on("error", reject);
    child.on("close", (code) => {
      clearTimeout(timer);
      resolve({ code, text, seconds: (performance.now() - began) / 1000 });
    });
  });
}

/**
 * The tensors of a file of weights, as text.
 * @param {string} path
 */
async function weightsOf(path) {
  const { tensors } = decodeSafetensors(await readFile(path));
  // Times differ.
  tensors.delete("history");
  return JSON.stringify(
    [...tensors].map(([name, { data }]) => [name, Buffer.from(data.buffer).toString("base64")]),
  );
}

const folder = await mkdtemp(join(tmpdir(), "wgrad-kill-"));
const files = join(folder, "run-{step}.safetensors");
const weights = join(folder, "weights.safetensors");
let failures = 0;
/**
 * @param {boolean} holds
 * @param {string} otherwise
 */
function hold(holds, otherwise) {
  if (holds) return;
  failures++;
  console.error(`kill-test: ${otherwise}`);
}

try {
  const whole = await train(["--checkpoint", files, "--save", weights]);
  if (whole.code !== 0) throw new Error(`a training ended with ${whole.code}\n${whole.text}`);
  const expected = await weightsOf(weights);
  const last = await newest();
  await clear();
  const counts = { killed: 0, trainings: 0, complete: 0, before: 0, within: 0 };
  // What the last kill left goes on to the end, too.
  for (let over = false; !over; ) {
    over = counts.killed >= kills;
    const after = !over && random() < 0.8 ? random() * whole.seconds * 1000 : undefined;
    const { code, text } = await train(["--checkpoint", files, "--resume", "--save", weights], after);
    const there = (await readdir(folder)).filter(
      (name) => name.endsWith(".safetensors") && name.startsWith("run-"),
    );
    if (text.includes("Going on from")) hold(false, `a checkpoint was damaged: ${text}`);
    if (code === null) {
      counts.killed++;
      if (there.length === 0) counts.before++;
      else counts.within++;
      continue;
    }
    // Killed behind its last step, before its end: the checkpoint holds all of it.
    if (code === 1 && text.includes("epochs behind it")) {
      hold((await newest()) === last, "the last checkpoint is another");
      counts.complete++;
      await clear();
      continue;
    }
    hold(code === 0, `a training that was resumed ended with ${code}\n${text}`);
    if (code !== 0) break;
    hold((await weightsOf(weights)) === expected, "the weights at the end are others");
    counts.trainings++;
    await clear();
  }
  console.log(
    `${values.engine}: ${counts.killed} kills, ${counts.within} of them with checkpoints there and ${counts.before} before the first; ${counts.trainings} trainings came to their end and ${counts.complete} to their last checkpoint, all with the same weights to the bit; ${failures} failures`,
  );
} finally {
  await rm(folder, { recursive: true, force: true });
}
process.exitCode = failures === 0 ? 0 : 1;

async function clear() {
  for (const name of await readdir(folder)) await rm(join(folder, name));
}

/** The tensors of the newest checkpoint. */
async function newest() {
  const steps = (await readdir(folder)).flatMap((name) => /^run-(\d+)\.safetensors$/.exec(name)?.[1] ?? []);
  return weightsOf(join(folder, `run-${Math.max(...steps.map(Number))}.safetensors`));
}

// Kills trainings at random moments, and holds that nothing is lost but the steps since the last checkpoint:
//
//   npm run kill-test [-- --kills 50 --engine wasm --seed 1]
//
// Each training is `npm run train` (without npm), tiny, and writes a checkpoint every few steps. It is ended by SIGKILL, which no
// process can notice, started again with --resume, killed again, and after some kills left to come to its end. A third of the kills
// wait for the temporary file of a checkpoint, the others fall at random moments behind the first checkpoint of their process; one in
// twelve falls before there is any. Held are: a checkpoint that was there is never damaged, each training goes on from
// the newest one, and the weights at the end are, to the bit, those of a training that was never killed.
// Runs on the built package.
import { spawn } from "node:child_process";
import { existsSync, readdirSync, watch } from "node:fs";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { decodeSafetensors } from "wgrad/safetensors";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const TRAINING =
  "--dataset digits --count 2000 --hidden 24 --batch 20 --epochs 16 --dropout 0.1 --schedule cosine --early-stopping 8 --keep 2 --checkpoint-steps 10".split(
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

const CHECKPOINT = /^run-(\d+)\.safetensors$/;
/** Temporary files of checkpoints. */
const UNFINISHED = /^run-.*\.part$/;

/** Random numbers from 0 to 1 (Marsaglia 2003, xorshift of 32 bits). */
let state = Number(values.seed) || 1;
function random() {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  return (state >>> 0) / 2 ** 32;
}

/**
 * When a training is killed: so many milliseconds behind the head of its output ("start") or behind its first checkpoint ("training"),
 * or once the temporary file of a later checkpoint is there ("write").
 * @typedef {{ when: "start" | "training", after: number } | { when: "write", skipped: number }} Kill
 */

/**
 * Trains in a process of its own, and kills it.
 * @param {string[]} more
 * @param {Kill} [kill]
 * @returns {Promise<{ code: number | null, text: string, starting: number, training: number }>} milliseconds from the head to the first
 *   checkpoint, and from there to the end
 */
function train(more, kill) {
  return new Promise((resolve, reject) => {
    const args = ["--import", "tsx", "cli/train.ts", ...TRAINING, "--device", values.engine, ...more];
    const before = new Set(readdirSync(folder));
    const child = spawn(process.execPath, args, {
      cwd: ROOT,
      env: { ...process.env, TSX_TSCONFIG_PATH: "tsconfig.run.json" },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const end = () => child.kill("SIGKILL");
    let text = "";
    let head = 0;
    let first = 0;
    let skipped = 0;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let timer;
    const watcher = watch(folder, (_event, name) => {
      if (!name || before.has(name)) return;
      if (first === 0 && CHECKPOINT.test(name)) {
        first = performance.now();
        if (kill?.when === "training") timer = setTimeout(end, kill.after);
      }
      if (first === 0 || kill?.when !== "write" || !UNFINISHED.test(name)) return;
      if (existsSync(join(folder, name)) && skipped++ === kill.skipped) end();
    });
    const hear = (/** @type {string} */ chunk) => {
      text += chunk;
      if (head > 0 || !text.includes("parameters")) return;
      // From here on, it opens its data, compiles and trains.
      head = performance.now();
      if (kill?.when === "start") timer = setTimeout(end, kill.after);
    };
    child.stdout.on("data", hear);
    child.stderr.on("data", hear);
    child.on("error", reject);
    child.on("close", (code) => {
      clearTimeout(timer);
      watcher.close();
      resolve({ code, text, starting: first - head, training: performance.now() - first });
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
  await clear();
  const counts = { kills: 0, before: 0, write: 0, training: 0, ended: 0, complete: 0 };
  let left = killsOfOne();
  // What the last kill left goes on to the end, too.
  for (let over = false; !over && failures === 0; ) {
    over = counts.kills >= kills;
    const before = new Set(await readdir(folder));
    const kill = over || left === 0 ? undefined : drawn(!hasCheckpoint(before), counts.before, whole);
    const { code, text } = await train(["--checkpoint", files, "--resume", "--save", weights], kill);
    const there = await readdir(folder);
    hold(!text.includes("Going on from"), `a checkpoint was damaged: ${text}`);
    if (code === null) {
      counts.kills++;
      left--;
      if (!hasCheckpoint(there)) counts.before++;
      else if (there.some((name) => UNFINISHED.test(name) && !before.has(name))) counts.write++;
      else counts.training++;
      continue;
    }
    hold(code === 0, `a training that was resumed ended with ${code}\n${text}`);
    if (code !== 0) break;
    hold((await weightsOf(weights)) === expected, "the weights at the end are others");
    counts.ended++;
    // Killed behind its last step: the checkpoint holds all of it.
    if (text.includes("complete")) counts.complete++;
    await clear();
    left = killsOfOne();
  }
  hold(counts.before <= Math.max(1, kills / 10), "too many kills fell before the first checkpoint");
  console.log(
    `${values.engine}: ${counts.kills} kills: ${counts.before} before the first checkpoint, ${counts.write} during a write, ${counts.training} in training; ${counts.ended} trainings came to their end, ${counts.complete} of them by a checkpoint that was complete, all with the weights of a training that was never killed, to the bit; ${failures} failures`,
  );
} finally {
  await rm(folder, { recursive: true, force: true });
}
process.exitCode = failures === 0 ? 0 : 1;

/** Number of kills before a training is left to come to its end. */
function killsOfOne() {
  return 3 + Math.floor(4 * random());
}

/**
 * Draws a kill.
 * @param {boolean} isFirst whether there is no checkpoint yet
 * @param {number} early number of kills before the first checkpoint so far
 * @param {{ starting: number, training: number }} whole
 * @returns {Kill}
 */
function drawn(isFirst, early, { starting, training }) {
  if (isFirst && early < Math.floor(kills / 12) && random() < 0.5)
    return { when: "start", after: random() * starting };
  if (random() < 0.4) return { when: "write", skipped: Math.floor(random() * 20) };
  return { when: "training", after: random() * 0.4 * training };
}

/** @param {Iterable<string>} names */
function hasCheckpoint(names) {
  return [...names].some((name) => CHECKPOINT.test(name));
}

async function clear() {
  for (const name of await readdir(folder)) await rm(join(folder, name));
}

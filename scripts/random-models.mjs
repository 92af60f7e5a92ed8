// Trains random models on all engines, and fails where one of them gives a reason:
//
//   npm run models [-- --count 500 --from 1]
//
// `test/train/random-models.test.ts` says what is asked of each; the suite runs the first 40 seeds. Models run in parts, each in a
// process of its own with new engines. A seed that fails is run alone by `npm run models -- --count 1 --from SEED`.
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const PART = 50;
const TEST = "test/train/random-models.test.ts";

const { values } = parseArgs({
  options: { count: { type: "string", default: "500" }, from: { type: "string", default: "1" } },
});
const [count, from] = [Number(values.count), Number(values.from)];
if (!(Number.isInteger(count) && count > 0 && Number.isInteger(from) && from > 0)) {
  console.error(`--count and --from are whole numbers from 1, got ${values.count} and ${values.from}`);
  process.exit(2);
}

const root = fileURLToPath(new URL("..", import.meta.url));
const vitest = fileURLToPath(new URL("../node_modules/vitest/vitest.mjs", import.meta.url));
let failed = 0;
for (let first = from; first < from + count; first += PART) {
  const size = Math.min(PART, from + count - first);
  const output = await run(first, size);
  const figures = output.match(/^\d+ models from seed .*$/m)?.[0];
  const faults =
    output.match(/^.*(AssertionError|\w*Error: |: step |: loss|: slope |bytes are left).*$/gm) ?? [];
  console.log(figures ?? output);
  for (const fault of faults) console.log(fault);
}
process.exitCode = failed > 0 ? 1 : 0;

/** @param {number} first @param {number} size */
async function run(first, size) {
  const child = spawn(process.execPath, [vitest, "run", TEST], {
    cwd: root,
    env: { ...process.env, WGRAD_MODELS: `${size}`, WGRAD_MODELS_FROM: `${first}`, NO_COLOR: "1" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8");
    stream.on("data", (text) => {
      output += text;
    });
  }
  const code = await new Promise((resolve) => child.on("close", resolve));
  if (code !== 0) failed++;
  return output;
}

// Plants NaN and infinities at two hundred places of models in training, on each engine, and fails where one is not noticed with its
// step, or where the tracer names another place:
//
//   npm run planted [-- gpu wasm cpu]
//
// `test/train/trace/planted.test.ts` plants them; `test/helpers/planted/networks.ts` lists them.
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

const ENGINES = ["gpu", "wasm", "cpu"];
const given = process.argv.slice(2);
const unknown = given.find((engine) => !ENGINES.includes(engine));
if (unknown !== undefined) {
  console.error(`the engines are ${ENGINES.join(", ")}, got ${unknown}`);
  process.exit(2);
}

const root = fileURLToPath(new URL("..", import.meta.url));
const vitest = fileURLToPath(new URL("../node_modules/vitest/vitest.mjs", import.meta.url));
for (const engine of given.length > 0 ? given : ENGINES) {
  const { code, output } = await run(engine);
  const lines = output.match(new RegExp(`^(${engine}: \\d+ planted|MISS).*$`, "gm"));
  console.log(lines?.join("\n") ?? output);
  if (code !== 0) process.exitCode = 1;
}

/** @param {string} engine @returns {Promise<{ code: number, output: string }>} */
function run(engine) {
  const test = "test/train/trace/planted.test.ts";
  const child = spawn(process.execPath, [vitest, "run", test, "-t", `on the ${engine}`], {
    cwd: root,
    env: { ...process.env, WGRAD_PLANTED: "all", NO_COLOR: "1" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8");
    stream.on("data", (text) => {
      output += text;
    });
  }
  return new Promise((resolve) => child.on("close", (code) => resolve({ code: code ?? 1, output })));
}

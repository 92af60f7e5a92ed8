/**
 * Gives each reader of files many mutated ones, and prints what became of them:
 * npm run fuzz -- [--files 100000] [--seed 1] [reader …]
 */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { files: { type: "string", default: "100000" }, seed: { type: "string", default: "1" } },
});
const root = fileURLToPath(new URL("..", import.meta.url));
const names = positionals.length > 0 ? ["-t", positionals.join("|")] : [];
const { status } = spawnSync(
  process.execPath,
  ["node_modules/vitest/vitest.mjs", "run", "test/fuzz/fuzz.test.ts", ...names],
  {
    cwd: root,
    stdio: "inherit",
    env: { ...process.env, WGRAD_FUZZ_FILES: values.files, WGRAD_FUZZ_SEED: values.seed },
  },
);
process.exitCode = status ?? 1;

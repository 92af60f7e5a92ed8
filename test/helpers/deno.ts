/** Deno, as someone without a network and without a terminal has it. */
import { installed, runNode } from "./programs.ts";

/**
 * Runs Deno with these arguments of `deno run`: whatever it would have to fetch, or to ask for, is an error.
 * @param cache a folder of the test's own
 */
export function deno(
  cache: string,
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>> = {},
) {
  const alone = ["--no-prompt", "--no-remote", "--no-npm"];
  return runNode([installed("deno/bin.cjs"), "run", ...alone, ...args], {
    env: { DENO_DIR: cache, DENO_NO_UPDATE_CHECK: "1", ...env },
    timeoutMs: 120_000,
  });
}

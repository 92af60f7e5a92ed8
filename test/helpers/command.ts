/** Runs the project's command-line programs as users do, but for npm: on the built package in dist. */
import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));

export interface Finished {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Called whenever something was printed, with all of stdout so far. */
  readonly onOutput?: (stdout: string, child: ChildProcess) => void;
}

/** `script` is a TypeScript file, from the repository's root. */
export function runScript(
  script: string,
  args: readonly string[],
  { env = {}, onOutput }: CommandOptions = {},
): Promise<Finished> {
  const tsx = `${root}/node_modules/.bin/tsx`;
  return new Promise((resolve, reject) => {
    const child = spawn(tsx, ["--tsconfig", "tsconfig.run.json", script, ...args], {
      cwd: root,
      env: { ...process.env, ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let stdout = "";
    let stderr = "";
    child.stdout.on("data", (text) => {
      stdout += text;
      onOutput?.(stdout, child);
    });
    child.stderr.on("data", (text) => {
      stderr += text;
    });
    child.on("error", reject);
    child.on("close", (exitCode) => resolve({ exitCode, stdout, stderr }));
  });
}

/** What our programs wrote to stderr, without what a graphics driver says there. */
export function ownLines(stderr: string, program: string): string[] {
  return stderr.split("\n").filter((line) => line.startsWith(`${program}: `));
}

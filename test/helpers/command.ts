/** Runs the project's command-line programs as users do, but for npm: on the built package in dist. */
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** Variables of a process on Linux that finds no adapter: Vulkan gets no driver. */
export const NO_ADAPTER = { VK_ICD_FILENAMES: "/dev/null", VK_DRIVER_FILES: "/dev/null" };

const root = fileURLToPath(new URL("../..", import.meta.url));

interface Finished {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** A file or device that takes the place of stdout; what goes there is not given back. */
  readonly stdout?: string;
  /** Called whenever something was printed, with all of stdout so far. */
  readonly onOutput?: (stdout: string, child: ChildProcess) => void;
}

/** `script` is a TypeScript file, from the repository's root. */
export function runScript(
  script: string,
  args: readonly string[],
  { env = {}, onOutput, stdout: target }: CommandOptions = {},
): Promise<Finished> {
  const output = target === undefined ? undefined : openSync(target, "w");
  return new Promise<Finished>((resolve, reject) => {
    // As the program tsx does, but without its process between: it passes on no signal to one that is computing.
    const child = spawn(process.execPath, ["--import", "tsx", script, ...args], {
      cwd: root,
      env: { ...process.env, TSX_TSCONFIG_PATH: "tsconfig.run.json", ...env },
      stdio: ["ignore", output ?? "pipe", "pipe"],
    });
    let stdout = "";
    let stderr = "";
    child.stdout?.on("data", (text) => {
      stdout += text;
      onOutput?.(stdout, child);
    });
    child.stderr?.on("data", (text) => {
      stderr += text;
    });
    child.on("error", reject);
    child.on("close", (exitCode) => resolve({ exitCode, stdout, stderr }));
  }).finally(() => {
    if (output !== undefined) closeSync(output);
  });
}

/** What our programs wrote to stderr, without what a graphics driver says there. */
export function ownLines(stderr: string, program: string): string[] {
  return stderr.split("\n").filter((line) => line.startsWith(`${program}: `));
}

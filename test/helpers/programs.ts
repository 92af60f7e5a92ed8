/** Programs of the project, run as a user runs them: each in a process of its own, from the repository's root. */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll } from "vitest";

export const ROOT = fileURLToPath(new URL("../..", import.meta.url));

interface Finished {
  readonly stdout: string;
  readonly stderr: string;
}

interface ProgramOptions {
  /** Added to this process's environment; undefined takes a variable out of it. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** After this long it is ended, and that is a failure. */
  readonly timeoutMs: number;
}

/**
 * Runs a script of Node's with arguments, and waits until it ends by itself.
 * @throws Error with all it printed when it fails, or does not end in time
 */
export function runNode(args: readonly string[], { env, timeoutMs }: ProgramOptions): Promise<Finished> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, {
      cwd: ROOT,
      env: { ...process.env, NO_COLOR: "1", ...env },
      stdio: ["ignore", "pipe", "pipe"],
      // A group of its own, so that what it starts ends with it.
      detached: true,
    });
    const text = { stdout: "", stderr: "" };
    for (const stream of ["stdout", "stderr"] as const) {
      child[stream].setEncoding("utf8").on("data", (chunk) => {
        text[stream] += chunk;
      });
    }
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      endGroup(child.pid);
    }, timeoutMs);
    child.on("error", reject);
    child.on("close", (status, signal) => {
      clearTimeout(timer);
      if (status === 0) return resolve(text);
      const how = late ? `did not end within ${timeoutMs / 1000} s` : `ended with ${status ?? signal}`;
      reject(new Error(`${args.join(" ")} ${how}\n${text.stdout}\n${text.stderr}`));
    });
  });
}

function endGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // It had just ended.
  }
}

/** A path inside node_modules. @throws Error when it is not installed */
export function installed(path: string): string {
  const full = join(ROOT, "node_modules", path);
  if (!existsSync(full)) throw new Error(`${full} does not exist; run npm ci first`);
  return full;
}

/** Has every test of a file fail, with words on what to do, when the package was not built. */
export function needsBuild(): void {
  beforeAll(() => {
    for (const name of ["index.js", "data.js"]) {
      if (!existsSync(join(ROOT, "dist", name)))
        throw new Error(`dist/${name} does not exist; build it first: npm run build`);
    }
  });
}

/** An empty folder for a file's tests, removed after them. */
export function useTemporaryFolder(): { readonly path: string } {
  const folder = { path: "" };
  beforeAll(async () => {
    folder.path = await mkdtemp(join(tmpdir(), "wgrad-test-"));
  });
  afterAll(() => rm(folder.path, { recursive: true, force: true, maxRetries: 5 }));
  return folder;
}

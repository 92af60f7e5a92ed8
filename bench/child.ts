/** Programs that print JSON objects, one a line, in processes of their own: whatever happens to one, its starter goes on. */
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";

/** How a program ended: by itself, well or not, or because it was stopped. */
export interface Ending {
  readonly how: "done" | "failed" | "stopped";
  /** Why, unless it is done: the program's last words, or who stopped it. */
  readonly words?: string;
  /** Its exit code, where it ended by itself. */
  readonly code?: number;
  readonly seconds: number;
}

interface ChildOptions {
  /** Called with each line that is a JSON object. */
  readonly onLine: (line: Readonly<Record<string, unknown>>) => void;
  /** The program is stopped after so many seconds in all, */
  readonly seconds?: number;
  /** or where no line came for so many. */
  readonly patience?: number;
  /** Stops the program, with its reason as the words. */
  readonly signal?: AbortSignal;
  /** Added to this process's environment. */
  readonly env?: NodeJS.ProcessEnv;
  /** Whether all that the program starts is stopped with it (default true). */
  readonly group?: boolean;
}

/** Characters kept of the program's stderr. */
const KEPT_WORDS = 4000;
/** A process that waits for a driver may not end, not even when it is killed. */
const END_MS = 3000;

/** Runs a command until it ends or is stopped. Never throws: what fails is told in words. */
export function runLines(command: readonly string[], options: ChildOptions): Promise<Ending> {
  const { onLine, seconds, patience, signal, env, group = true } = options;
  const began = performance.now();
  return new Promise((resolve) => {
    const [program, ...args] = command;
    const child = spawn(program, args, {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, ...env },
      detached: group,
    });
    let said = "";
    let stopped: string | undefined;
    let ended = false;
    const timers: NodeJS.Timeout[] = [];
    let impatience: NodeJS.Timeout | undefined;

    const end = (how: Ending["how"], words?: string, code?: number) => {
      if (ended) return;
      ended = true;
      for (const timer of [...timers, impatience]) clearTimeout(timer);
      signal?.removeEventListener("abort", onAbort);
      child.stdout.destroy();
      child.stderr.destroy();
      child.unref();
      resolve({ how, words, code, seconds: (performance.now() - began) / 1000 });
    };
    const stop = (why: string) => {
      if (ended || stopped !== undefined) return;
      stopped = why;
      kill(child, group);
      timers.push(setTimeout(() => end("stopped", `${why}, and its process does not end`), END_MS));
    };
    const onAbort = () => stop(String(signal?.reason ?? "stopped"));
    const wait = () => {
      clearTimeout(impatience);
      if (patience !== undefined)
        impatience = setTimeout(() => stop(`no answer in ${patience} s`), patience * 1000);
    };

    if (seconds !== undefined)
      timers.push(setTimeout(() => stop(`stopped after ${formatSeconds(seconds)}`), seconds * 1000));
    wait();
    if (signal?.aborted) onAbort();
    signal?.addEventListener("abort", onAbort);
    createInterface({ input: child.stdout }).on("line", (text) => {
      if (ended) return;
      wait();
      const line = parsed(text);
      if (line) onLine(line);
    });
    child.stderr.setEncoding("utf8").on("data", (text) => {
      said = (said + text).slice(-KEPT_WORDS);
    });
    child.on("error", (error) => end("failed", `cannot be started: ${error.message}`));
    child.on("exit", () => {
      // What it started may hold its pipes open, and waits for nobody any more.
      if (group) kill(child, group);
      timers.push(setTimeout(() => child.stdout.destroy(), END_MS));
    });
    child.on("close", (code, by) => {
      if (stopped !== undefined) end("stopped", stopped);
      else if (code === 0) end("done");
      else
        end("failed", `${lastWords(said) || "no words"} (${by ?? `exit code ${code}`})`, code ?? undefined);
    });
  });
}

/** 12.345 → "12.3 s". */
export function formatSeconds(seconds: number): string {
  return `${seconds.toFixed(1)} s`;
}

function kill(child: ChildProcess, group: boolean): void {
  if (child.pid === undefined) return;
  try {
    process.kill(group ? -child.pid : child.pid, "SIGKILL");
  } catch {
    // It had just ended, or this system has no groups.
    child.kill("SIGKILL");
  }
}

function parsed(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** A program's own error, or the last line that it wrote. */
function lastWords(said: string): string {
  const lines = said.trim().split("\n");
  const own = lines.findLast((line) => /^(bench: |\w*Error\b)/.test(line));
  return (own ?? lines.at(-1) ?? "").replace(/^bench: /, "").slice(0, 600);
}

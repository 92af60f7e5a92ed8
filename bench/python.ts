/** A Python process that answers requests, one JSON object a line each, and lives on between them. */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { createInterface } from "node:readline";

/** Characters kept of the process's stderr, for the message at its death. */
const KEPT_ERRORS = 2000;

/** An operation and its arguments. */
export type Question = Readonly<Record<string, unknown>> & { readonly op: string };

interface Waiting {
  resolve(answer: object): void;
  reject(error: Error): void;
}

export class Python {
  readonly #waiting: Waiting[] = [];
  #errors = "";
  #ended: Error | undefined;

  private constructor(
    readonly path: string,
    private readonly child: ChildProcessWithoutNullStreams,
  ) {
    createInterface({ input: child.stdout }).on("line", (line) => this.#answered(line));
    child.stderr.setEncoding("utf8").on("data", (text) => {
      this.#errors = (this.#errors + text).slice(-KEPT_ERRORS);
    });
    // A process that is gone cannot be written to: its end is reported separately.
    child.stdin.on("error", () => {});
    child.on("error", (error) => this.#end(`cannot be started: ${error.message}`));
    child.on("close", (code, signal) => this.#end(`ended with ${code ?? signal}: ${this.#errors.trim()}`));
  }

  /**
   * Starts `script`, which tells what it can do in a first line.
   * @throws Error when the program cannot be started, or its first line is an error
   */
  static async start(
    path: string,
    script: string,
    args: readonly string[] = [],
  ): Promise<{ python: Python; greeting: object }> {
    const child = spawn(path, ["-u", script, ...args], { stdio: ["pipe", "pipe", "pipe"] });
    const python = new Python(path, child);
    try {
      return { python, greeting: await python.#next() };
    } catch (error) {
      python.close();
      throw error;
    }
  }

  /** Asks, and waits for the answer. @throws Error with the process's own error, or when the process ended */
  request(question: Question): Promise<object> {
    const answer = this.#next();
    if (!this.#ended) this.child.stdin.write(`${JSON.stringify(question)}\n`);
    return answer;
  }

  close(): void {
    this.child.stdin.end();
    this.child.kill();
  }

  #next(): Promise<object> {
    if (this.#ended) return Promise.reject(this.#ended);
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  #answered(line: string): void {
    const waiting = this.#waiting.shift();
    if (!waiting) return;
    try {
      const answer = JSON.parse(line);
      if (typeof answer?.error === "string") waiting.reject(new Error(`${this.path}: ${answer.error}`));
      else waiting.resolve(answer);
    } catch {
      waiting.reject(new Error(`${this.path}: expected a line of JSON, got ${line.slice(0, 200)}`));
    }
  }

  #end(how: string): void {
    this.#ended ??= new Error(`${this.path}: ${how}`);
    for (const { reject } of this.#waiting.splice(0)) reject(this.#ended);
  }
}

/**
 * Starts `script` with the first of these programs that can run it.
 * @throws Error with each one's reason where none can
 */
export async function startFirst(paths: readonly string[], script: string, args: readonly string[] = []) {
  const reasons: string[] = [];
  for (const path of paths) {
    try {
      return await Python.start(path, script, args);
    } catch (error) {
      reasons.push((error as Error).message);
    }
  }
  throw new Error(reasons.join("; "));
}

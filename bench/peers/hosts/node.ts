/** Candidates in processes, one each: in Node, on Dawn by the package `webgpu`, or in Deno, on its own WebGPU. */
import { type ChildProcess, execFileSync, fork } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { CHILD } from "../bundle.ts";
import { type Call, guestOf, type Host, inTime } from "./host.ts";

/** `folder` holds the bundled candidates; `env` is added to the environment of their processes. */
export function nodeHost(folder: string, env: NodeJS.ProcessEnv = {}): Host {
  return processHost(folder, env, {
    name: `Node ${process.version}`,
    program: process.execPath,
    args: [],
    webgpu: import.meta.resolve("webgpu"),
  });
}

/** The same in the Deno of the package `deno`. @throws Error where there is none */
export function denoHost(folder: string, env: NodeJS.ProcessEnv = {}): Host {
  const program = findDeno();
  const version = execFileSync(program, ["--version"], { encoding: "utf8" });
  return processHost(folder, env, {
    name: `Deno ${/deno ([\d.]+)/.exec(version)?.[1]}`,
    program,
    args: ["run", "--allow-all", "--no-config", "--no-lock", "--no-remote"],
  });
}

function findDeno(): string {
  const starter = fileURLToPath(import.meta.resolve("deno/bin.cjs"));
  const program = join(dirname(starter), process.platform === "win32" ? "deno.exe" : "deno");
  // The package puts it there when it is first started.
  if (!existsSync(program)) execFileSync(process.execPath, [starter, "--version"], { stdio: "ignore" });
  return program;
}

interface ProcessOptions {
  readonly name: string;
  readonly program: string;
  /** Before the script. */
  readonly args: readonly string[];
  /** The address of a module that brings WebGPU, where the program has none of its own. */
  readonly webgpu?: string;
}

function processHost(folder: string, env: NodeJS.ProcessEnv, options: ProcessOptions): Host {
  const address = (name: string) => pathToFileURL(join(folder, `${name}.mjs`)).href;
  const children: ChildProcess[] = [];
  return {
    name: options.name,
    async open(contender) {
      const { library, backend } = contender;
      const webgpu = backend === "webgpu" && options.webgpu !== undefined ? [options.webgpu] : [];
      const child = fork(join(folder, CHILD), [address("calls"), ...webgpu], {
        execPath: options.program,
        execArgv: [...options.args],
        env: { ...process.env, ...env },
        stdio: ["ignore", "ignore", "pipe", "ipc"],
      });
      children.push(child);
      const call = caller(child);
      await inTime(call("ready"));
      return guestOf(call, address(library), contender, () => end(child));
    },
    async close() {
      await Promise.all(children.map(end));
    },
  };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, "exit");
  child.kill();
  await exited;
}

type Answer = { readonly value?: unknown } | { readonly error: string };

/** Calls to a child, one after the other. A child that ends instead of answering makes the call throw the child's last words. */
function caller(child: ChildProcess): Call {
  let settle: (answer: Answer) => void = () => {};
  let said = "";
  let ended: Answer | undefined;
  child.stderr?.on("data", (text) => {
    said = `${said}${text}`.slice(-2000);
  });
  child.on("message", (answer) => settle(answer as Answer));
  child.on("exit", (code, signal) => {
    const words = /^\w*Error\b.*$/m.exec(said)?.[0] ?? said.trim().split("\n").at(-1);
    ended = { error: `its process ended with ${signal ?? `exit code ${code}`}${words ? `: ${words}` : ""}` };
    settle(ended);
  });
  return async (name, ...args) => {
    const answered = new Promise<Answer>((resolve) => {
      settle = resolve;
    });
    if (!ended) child.send({ name, args });
    const answer = ended ?? (await answered);
    if ("error" in answer) throw new Error(answer.error);
    return answer.value;
  };
}

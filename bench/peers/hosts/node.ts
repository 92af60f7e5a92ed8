/** Candidates in Node: a process each, on Dawn by the package `webgpu`. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { CHILD } from "../bundle.ts";
import { type Call, guestOf, type Host, inTime } from "./host.ts";

/** `folder` holds the bundled candidates; `env` is added to the environment of their processes. */
export function nodeHost(folder: string, env: NodeJS.ProcessEnv = {}): Host {
  const address = (name: string) => pathToFileURL(join(folder, `${name}.mjs`)).href;
  const children: ChildProcess[] = [];
  return {
    name: `Node ${process.version}`,
    async open(library, backend) {
      const webgpu = backend === "webgpu" ? [import.meta.resolve("webgpu")] : [];
      const child = fork(join(folder, CHILD), [address("calls"), ...webgpu], {
        execArgv: [],
        env: { ...process.env, ...env },
        stdio: ["ignore", "ignore", "pipe", "ipc"],
      });
      children.push(child);
      const call = caller(child);
      await inTime(call("ready"));
      return guestOf(call, address(library), backend, () => end(child));
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

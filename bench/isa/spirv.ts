/** WGSL → SPIR-V, by Dawn's Tint, and what a Vulkan pipeline of it needs to be told. */
import { fork, spawn } from "node:child_process";
import { mkdtemp, open, readFile, rm } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Memory, Module } from "./compile.ts";

/** A shader to compile. */
export interface Source {
  /** For people, in errors. */
  readonly name: string;
  readonly code: string;
  readonly entryPoint: string;
}

export interface TintReply {
  readonly error?: string;
}

/** A module, and the workgroup that its shader states. */
export interface SpirvModule extends Module {
  /** Invocations, [x, y, z]. */
  readonly workgroup: readonly [number, number, number];
}

/** @throws Error where a shader is refused */
export async function toSpirv(sources: readonly Source[]): Promise<SpirvModule[]> {
  const asked = sources.map(withoutSubgroupSize);
  const texts = await tintsSpirv(asked.map(({ source }) => source));
  return inTurns(texts, async (text, i) => ({
    ...describe(text, sources[i].name),
    spirv: await assembled(text, sources[i].name),
    subgroupSize: asked[i].subgroupSize,
  }));
}

/** The size of subgroups that a shader asks for is told to the driver by itself: the adapter at hand has others. */
function withoutSubgroupSize(source: Source): { source: Source; subgroupSize?: number } {
  const asked = /@subgroup_size\((\d+)u?\)/.exec(source.code);
  if (!asked) return { source };
  const code = source.code.replace(asked[0], "").replace(/^\s*enable subgroup_size_control;/m, "");
  return { source: { ...source, code }, subgroupSize: Number(asked[1]) };
}

/** The disassembly of each shader, out of what Dawn prints. */
async function tintsSpirv(sources: readonly Source[]): Promise<string[]> {
  const folder = await mkdtemp(join(tmpdir(), "wgrad-isa-"));
  try {
    const printed = spirvOf(await printedBy(sources, join(folder, "log.txt")));
    return sources.map(({ name, code }) => {
      const text = printed.get(code.trim());
      if (text === undefined) throw new Error(`${name}: Dawn printed no SPIR-V of this shader`);
      return text;
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** What Dawn prints, into a file: from a pipe that is full, some of its text would be missing. */
async function printedBy(sources: readonly Source[], path: string): Promise<string> {
  const log = await open(path, "w");
  const child = fork(fileURLToPath(new URL("tint.ts", import.meta.url)), {
    stdio: ["ignore", log.fd, "ignore", "ipc"],
  });
  let reply: TintReply = { error: "the process that compiles WGSL ended early" };
  child.on("message", (message: TintReply) => {
    reply = message;
  });
  child.send(sources);
  await new Promise((resolve, reject) => child.on("error", reject).on("close", resolve));
  await log.close();
  if (reply.error !== undefined) throw new Error(reply.error);
  return readFile(path, "utf8");
}

/** By WGSL: Dawn prints a shader's WGSL, then its SPIR-V. */
export function spirvOf(printed: string): Map<string, string> {
  const parts = printed.split(/^(?:info:)?\s*\/\/ Dumped WGSL:\n/m).slice(1);
  return new Map(
    parts.flatMap((part) => {
      const [wgsl, spirv] = part.split(/^(?:info:)?\s*\/\* Dumped SPIRV disassembly \*\/\n/m);
      return spirv === undefined ? [] : [[wgsl.replace(/\ninfo:\s*$/, "").trim(), spirv]];
    }),
  );
}

const NUMBER = "(\\d+)";

/** Entry point, workgroup and memory, as the disassembly states them. */
export function describe(text: string, name: string): Omit<SpirvModule, "spirv"> {
  const entryPoint = /OpEntryPoint GLCompute %\S+ "([^"]+)"/.exec(text)?.[1];
  const size = /OpExecutionMode %\S+ LocalSize (\d+) (\d+) (\d+)/.exec(text);
  if (!entryPoint || !size) throw new Error(`${name}: the SPIR-V states no entry point and workgroup`);
  const decoration = (variable: string, what: string) =>
    Number(new RegExp(`OpDecorate ${variable} ${what} ${NUMBER}`).exec(text)?.[1]);
  const memory: Memory[] = [];
  let constantBytes = 0;
  for (const [, variable, storage] of text.matchAll(/^\s*(%\S+) = OpVariable %\S+ (\w+)/gm)) {
    if (storage === "PushConstant") constantBytes = 128;
    if (storage !== "Uniform" && storage !== "StorageBuffer") continue;
    memory.push({
      set: decoration(variable, "DescriptorSet"),
      binding: decoration(variable, "Binding"),
      uniform: storage === "Uniform",
    });
  }
  return {
    entryPoint,
    memory,
    constantBytes,
    workgroup: [Number(size[1]), Number(size[2]), Number(size[3])],
  };
}

/** Debian 12's assembler does not know this extension, which only restricts how branches may be changed. */
const UNKNOWN = /MaximallyReconverges|SPV_KHR_maximal_reconvergence|^(info|warning):/i;

/** SPIR-V in binary. @throws Error with the assembler's words */
function assembled(text: string, name: string): Promise<Uint8Array> {
  const known = text.split("\n").filter((line) => !UNKNOWN.test(line));
  const child = spawn("spirv-as", ["--target-env", "vulkan1.3", "-o", "-", "-"]);
  const output: Buffer[] = [];
  let errors = "";
  child.stdout.on("data", (bytes) => output.push(bytes));
  child.stderr.setEncoding("utf8").on("data", (words) => {
    errors += words;
  });
  child.stdin.end(known.join("\n"));
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) =>
      code === 0
        ? resolve(Buffer.concat(output))
        : reject(new Error(`${name}: spirv-as: ${errors.trim() || `ended with ${code}`}`)),
    );
  });
}

/** Maps with as many at a time as the machine has cores. */
async function inTurns<T, R>(items: readonly T[], map: (item: T, index: number) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  let next = 0;
  const worker = async () => {
    for (let i = next++; i < items.length; i = next++) results[i] = await map(items[i], i);
  };
  await Promise.all(Array.from({ length: availableParallelism() }, worker));
  return results;
}

/** Parts of command lines: numbers as options, the engine asked for, and errors on one line. */
import { statSync } from "node:fs";
import { InvalidArgumentError, Option } from "commander";
import { connect, cpu, type Engine } from "wgrad";
import { isSoftware } from "../charts/adapter.ts";

const DECIMAL = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

/** A number in decimal notation, or NaN: an empty text is no number here, nor are 0x10 and Infinity. */
export function decimal(text: string): number {
  return DECIMAL.test(text.trim()) ? Number(text) : Number.NaN;
}

/** Reads an option's value: a whole number from `low` to `high`. */
export function wholeNumber(low: number, high = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const value = decimal(text);
    if (Number.isSafeInteger(value) && value >= low && value <= high) return value;
    const range = high === Number.MAX_SAFE_INTEGER ? `from ${low}` : `from ${low} to ${high}`;
    throw new InvalidArgumentError(`Expected a whole number ${range}.`);
  };
}

/** A folder, or a path that may become one, checked before anything runs. */
export function folder(path: string): string {
  const found = path === "" ? undefined : statSync(path, { throwIfNoEntry: false });
  if (path === "" || (found && !found.isDirectory())) throw new InvalidArgumentError("Expected a folder.");
  return path;
}

/** The engines by name, as options take them. */
export const ENGINES = ["gpu", "wasm", "cpu"] as const;
export type EngineName = (typeof ENGINES)[number];
/** What an option that is left out means, for its help. */
export const DEFAULT_ENGINE = "gpu, and wasm where there is none";
export const DEFAULT_THREADS = "one for each core";

export const engineOption = () =>
  new Option("--engine <name>", `where to compute (default: ${DEFAULT_ENGINE})`).choices(ENGINES);

/** Reads `--threads`: of the wasm engine. */
export const threadCount = wholeNumber(1, 256);

/**
 * The engine that the option asks for; without a wish the GPU, and where there is none the wasm engine, told through `note`,
 * as is that a GPU is software.
 * @param option the option's name, for errors
 * @param threads of the wasm engine, where that is the engine
 * @throws Error when the GPU was asked for by name and there is none
 */
export async function openEngine(
  option: string,
  wanted: EngineName | undefined,
  note: (line: string) => void,
  threads?: number,
): Promise<Engine> {
  if (wanted === "cpu") return cpu();
  if (wanted === "wasm") return openWasm(threads);
  try {
    const gpu = await connect();
    const { adapter } = gpu.info;
    if (wanted === undefined && isSoftware(adapter))
      note(`${adapter} is software, which computes on the processor: ${option} wasm may be faster`);
    return gpu;
  } catch (cause) {
    const reason = oneLine(cause);
    if (wanted === "gpu")
      throw new Error(`${option} gpu: ${reason}; leave ${option} out to use the wasm engine`, { cause });
    note(`On the wasm engine, which computes on the processor, as there is no GPU: ${reason}`);
    return openWasm(threads);
  }
}

/** Loads the wasm engine, which most runs do not need. */
export async function openWasm(threads?: number): Promise<Engine> {
  const { wasm } = await import("wgrad/wasm");
  return wasm({ threads });
}

const MAX_LENGTH = 600;

/** An error's message, on one line. */
export function oneLine(error: unknown): string {
  const message = (error instanceof Error ? error.message || error.name : String(error)).trim();
  const line = message.replace(/^error: /, "").replace(/\s*\n\s*/g, " ");
  if (line.length <= MAX_LENGTH) return line;
  // A shader's error, for example, has all its source: the first line names the mistake.
  return `${message.split("\n")[0].slice(0, MAX_LENGTH)} … (DEBUG=wgrad shows all of it)`;
}

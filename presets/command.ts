/** Parts of command lines: numbers as options, the engine asked for, and errors on one line. */
import { statSync } from "node:fs";
import { InvalidArgumentError } from "commander";
import { connect, cpu, type Engine } from "wgrad";

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

/**
 * The engine that the option asks for; without a wish the GPU, and where there is none the CPU engine, told through `note`.
 * @throws Error when the GPU was asked for by name and there is none
 */
export async function openEngine(
  option: string,
  wanted: "gpu" | "cpu" | undefined,
  note: (line: string) => void,
): Promise<Engine> {
  if (wanted === "cpu") return cpu();
  try {
    return await connect();
  } catch (cause) {
    const reason = oneLine(cause);
    if (wanted === "gpu")
      throw new Error(`${option} gpu: ${reason}; leave ${option} out to use the CPU engine`, { cause });
    note(`On the CPU engine, which is slow, as there is no GPU: ${reason}`);
    return cpu();
  }
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

/** Errors of the command line, and the exit codes. */
import { MnistUnavailableError } from "wgrad/data";
import { oneLine as lineOf } from "../presets/command.ts";

/** The command makes no sense: an option, or a file that it names. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

export const EXIT = { success: 0, failure: 1, usage: 2 } as const;

/** An error as one line. */
export function oneLine(error: unknown): string {
  return error instanceof MnistUnavailableError ? unavailable(error) : lineOf(error);
}

/** Why MNIST could not be fetched: the mirrors' reasons, each once. */
export function unavailable({ file, failures }: MnistUnavailableError): string {
  const reasons = [...new Set(failures.map(({ reason }) => reason))].join("; ");
  return `MNIST cannot be fetched: ${file}: ${reasons || "no mirrors are known"}`;
}

/**
 * Prints an error on stderr: one line, or the whole error with DEBUG=wgrad.
 * @returns the exit code
 */
export function report(error: unknown, program = "train"): number {
  const usage = error instanceof UsageError;
  const hint = usage ? " (--help lists the options)" : "";
  const all = (process.env.DEBUG ?? "").split(/[\s,]+/).includes("wgrad");
  const stack = all && error instanceof Error ? `\n${error.stack}` : "";
  process.stderr.write(`${program}: ${oneLine(error)}${hint}${stack}\n`);
  return usage ? EXIT.usage : EXIT.failure;
}

/** docs/ops.md: what the gradient tests tried, and how large the errors were. */
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { formatShape } from "../../src/program.ts";
import { ENGINES } from "./engines.ts";
import type { DifferentiableFunction } from "./finite-differences.ts";

type Cases = Readonly<Record<string, Readonly<Record<string, DifferentiableFunction>>>>;
const COLUMNS = ["gpu", "wasm", "cpu", "second"] as const;
type Column = (typeof COLUMNS)[number];

const INTRODUCTION = `# Ops and their gradients

Written by \`npx vitest run test/nn/graph/gradients.test.ts\`, which is part of \`npm test\`.

Each op's gradient rule is held against central differences (two steps, extrapolated) along random directions, on
all engines; the gradient of the gradient, by the same rules once more, on the CPU engine. An error is relative to
the size of the gradient; a test fails above 1e-3, plus what 32-bit rounding of the values does to the difference.
The engines here: the GPU engine on the adapter of the machine that ran the tests last, the wasm engine, and the CPU
reference.

| op | shapes tried | largest error, GPU | wasm | CPU | of the gradient's gradient, CPU |
|---|---|---|---|---|---|
`;

export class OpsTable {
  readonly #worst = new Map<string, number>();

  constructor(readonly cases: Cases) {}

  /** A place for the errors of one op. */
  noting(op: string, column: Column): (relative: number) => void {
    const key = `${op} ${column}`;
    return (relative) => this.#worst.set(key, Math.max(relative, this.#worst.get(key) ?? 0));
  }

  /** Writes the table when every case has run: part of a run must not replace what a whole one wrote. */
  write(): void {
    const ops = Object.keys(this.cases).sort();
    const ran = ops.every((op) => ENGINES.every((kind) => this.#worst.has(`${op} ${kind}`)));
    if (!ran) return;
    const rows = ops.map((op) => {
      const shapes = new Set(Object.values(this.cases[op]).map(shapesOf));
      const errors = COLUMNS.map((column) => formatError(this.#worst.get(`${op} ${column}`)));
      return `| ${op} | ${[...shapes].join("; ")} | ${errors.join(" | ")} |`;
    });
    writeFileSync(
      fileURLToPath(new URL("../../docs/ops.md", import.meta.url)),
      `${INTRODUCTION}${rows.join("\n")}\n`,
    );
  }
}

function shapesOf({ inputs }: DifferentiableFunction): string {
  return Object.values(inputs)
    .map(({ shape }) => formatShape(shape))
    .join(" ");
}

/** One digit: more would change from run to run of another adapter, and say nothing. */
function formatError(error: number | undefined): string {
  if (error === undefined) return "–";
  return error === 0 ? "0" : error.toExponential(0);
}

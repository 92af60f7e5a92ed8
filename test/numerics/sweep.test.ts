/** Elementary functions on every engine and adapter, against 64 bits; and the table of docs/numerics.md. */
import { readFileSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { type ScalarFunction, scalarFunctions } from "../../src/kernels/scalar.ts";
import type { Features } from "../../src/wasm/kernels/kernel.ts";
import { openWasm } from "../../src/wasm/open.ts";
import { ADAPTERS, type Ran } from "../helpers/adapters.ts";
import { needsBuild } from "../helpers/programs.ts";
import { decode, encode, type ProgramRun, runAll } from "../platforms/programs.js";
import {
  composed,
  type Functions,
  functionRuns,
  functions,
  points,
  softmaxes,
  softmaxRuns,
  type Worst,
  worstOf,
} from "./functions.ts";

needsBuild();

/** As a power of two: 16 for the suite, more where someone wants to be sure. */
const xs = points(2 ** Number(process.env.SWEEP_POINTS ?? 16));
/** What docs/numerics.md promises, in units in the last place. */
const PROMISED = 4;

/** The wasm engine with these features of the host's. */
function onWasm(features: Features) {
  return async (runs: readonly ProgramRun[]): Promise<Ran> => {
    const engine = openWasm(1, features);
    try {
      return decode(await runAll(engine, encode(runs)));
    } finally {
      await engine.destroy();
    }
  };
}

const PLACES: typeof ADAPTERS = {
  "wasm engine": onWasm({ relaxed: true }),
  "without relaxed SIMD": onWasm({ relaxed: false }),
  ...ADAPTERS,
};
/** A column's head. */
const headOf = (place: string, { adapter }: Ran) => (place in ADAPTERS ? `${place}: ${adapter}` : place);

/** By place, then by function. */
const table = new Map<string, Map<string, Worst>>();
const places = Object.keys(PLACES);
const all: Functions = { ...functions, ...softmaxes };

async function sweep(place: string): Promise<Ran> {
  const folder = await mkdtemp(join(tmpdir(), "wgrad-sweep-"));
  try {
    const runs = [...functionRuns(xs), ...softmaxRuns(xs)];
    const ran = await PLACES[place](
      runs.map(({ run }) => run),
      folder,
    );
    const column = new Map<string, Worst>();
    runs.forEach(({ names, values }, i) => {
      for (const [k, name] of names.entries()) {
        column.set(name, worstOf(all[name], xs, values(ran.found[i][`result${k}`])));
      }
    });
    table.set(headOf(place, ran), column);
    return ran;
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

describe.each(places)("in %s", (place) => {
  let ran: Promise<Ran> | undefined;
  const swept = () => {
    ran ??= sweep(place);
    return ran;
  };

  it.each(Object.keys(all))(
    "%s is exact to a few units in the last place",
    async (name) => {
      const worst = table.get(headOf(place, await swept()))?.get(name);
      expect(worst, `${name}(${worst?.x})`).toBeDefined();
      expect(
        worst?.error,
        `${name}(${worst?.x}) is ${worst?.got}, expected ${worst?.exact}`,
      ).toBeLessThanOrEqual(PROMISED);
    },
    240_000,
  );
});

describe("on the CPU", () => {
  const column = new Map<string, Worst>();
  table.set("CPU engine", column);

  it.each(Object.entries(functions))("%s is at least as exact", (name, swept) => {
    const compute = (fn: ScalarFunction, args: readonly number[]) =>
      Math.fround((scalarFunctions[fn] as (...values: number[]) => number)(...args));
    const got = Float32Array.from(xs, (x) => composed(swept, x, (value) => value, compute));
    const worst = worstOf(swept, xs, got);
    column.set(name, worst);
    // Each call rounds to 32 bits.
    expect(worst.error, `${name}(${worst.x}) is ${worst.got}, expected ${worst.exact}`).toBeLessThanOrEqual(
      swept.calls.length,
    );
  });
});

const document = fileURLToPath(new URL("../../docs/numerics.md", import.meta.url));
const MARKS = ["<!-- sweep -->", "<!-- /sweep -->"] as const;

/** A table in Markdown, as the formatter has it. */
function aligned([head, ...rows]: string[][]): string {
  const widths = head.map((_, i) => Math.max(...[head, ...rows].map((row) => row[i].length)));
  const line = (cells: string[]) => `| ${cells.map((cell, i) => cell.padEnd(widths[i])).join(" | ")} |`;
  return [line(head), line(widths.map((width) => "-".repeat(width))), ...rows.map(line)].join("\n");
}

/** Written when every place has run: a part must not replace what the whole wrote. */
afterAll(() => {
  const columns = [...table.keys()];
  const ran = [...table].every(
    ([place, column]) => place === "CPU engine" || column.size === Object.keys(all).length,
  );
  if (columns.length !== places.length + 1 || !ran) return;
  const rows = Object.keys(all).map((name) => {
    const cells = columns.map((column) => {
      const worst = table.get(column)?.get(name);
      return worst ? `${worst.error.toFixed(1)} at ${worst.x.toPrecision(4)}` : "";
    });
    return [name, all[name].range ?? "all", ...cells];
  });
  const text = aligned([["function", "range", ...columns], ...rows]);
  console.log(
    `${xs.length} points each; the largest error in units in the last place, and where it is\n${text}`,
  );
  if (process.env.SWEEP_POINTS) return;
  const before = readFileSync(document, "utf8");
  const [start, end] = [before.indexOf(MARKS[0]) + MARKS[0].length, before.indexOf(MARKS[1])];
  writeFileSync(document, `${before.slice(0, start)}\n${text}\n${before.slice(end)}`);
});

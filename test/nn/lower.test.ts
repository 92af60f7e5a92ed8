/** Lowering and fusion: whatever they make of a graph must compute what the graph says. */
import { describe, expect, it } from "vitest";
import type { Engine } from "../../src/index.ts";
import { HOOK_LIMITS } from "../../src/kernels/kernel.ts";
import { lower, type Place } from "../../src/nn/lower/lower.ts";
import {
  aligned,
  type Elements,
  elementCount,
  MAX_STORAGE_BINDINGS,
  type Program,
  STEP_SLOTS,
} from "../../src/program.ts";
import { difference, differences } from "../helpers/compare.ts";
import { useEngines } from "../helpers/engines.ts";
import { type RandomGraph, randomGraph } from "../helpers/random-graphs.ts";

const engines = useEngines();
const CPU_GRAPHS = 300;
const GPU_GRAPHS = 16;
const STEPS = 2;

/** Memory behind the graph's parameters and assignments: one arena each. */
function arenas({ parameters, assigned }: Pick<RandomGraph, "parameters" | "assigned">) {
  const offsets = (tensors: RandomGraph["assigned"]) => {
    let length = 0;
    const at = tensors.map(({ shape }) => {
      const offset = length;
      length += aligned(elementCount(shape));
      return offset;
    });
    return { at, length };
  };
  const place = (name: string, length: number, offset: number): Place => ({
    buffer: { name, kind: "state", dtype: "f32", length },
    offset,
  });
  const read = offsets(parameters);
  const written = offsets(assigned);
  return {
    read,
    written,
    placeRead: (i: number) => place("parameters", read.length, read.at[i]),
    placeWritten: (i: number) => place("assigned", written.length, written.at[i]),
  };
}

function programOf(graph: RandomGraph): Program {
  const { placeRead, placeWritten } = arenas(graph);
  const nameOf = (i: number) => (graph.parameters[i].attributes as { name: string }).name;
  return lower({
    name: "random graph",
    outputs: graph.outputs,
    assignments: graph.assigned.map((tensor, i) => ({ tensor, place: placeWritten(i) })),
    place: ({ name }) => placeRead(graph.parameters.findIndex((_, i) => nameOf(i) === name)),
  });
}

/** Runs the graph's program, two steps. @returns outputs (a row a step), and assigned tensors as `assigned0` … */
async function run(engine: Engine, graph: RandomGraph): Promise<Record<string, Elements>> {
  const program = programOf(graph);
  const { read, written } = arenas(graph);
  const memory = {
    parameters: engine.buffer("parameters", "f32", Math.max(read.length, 1)),
    assigned: engine.buffer("assigned", "f32", Math.max(written.length, 1)),
  };
  graph.parameters.forEach((parameter, i) => {
    const { name } = parameter.attributes as { name: string };
    memory.parameters.write(graph.given[name] as Float32Array, read.at[i]);
  });
  const executable = await engine.compile(program, { memory, maxSteps: STEPS });
  for (const { kind, name } of program.buffers) {
    if (kind === "input") executable.write(name, graph.given[name] as Elements);
  }
  program.scalars.forEach(({ name, dtype }, slot) => {
    for (let step = 0; step < STEPS; step++) {
      executable.table[dtype][step * STEP_SLOTS + slot] = graph.given[name][0];
    }
  });
  const found: Record<string, Elements> = { ...(await executable.run(STEPS)) };
  const arena = await memory.assigned.read();
  graph.assigned.forEach(({ shape }, i) => {
    found[`assigned${i}`] = arena.slice(written.at[i], written.at[i] + elementCount(shape));
  });
  executable.release();
  for (const buffer of Object.values(memory)) buffer.release();
  return found;
}

/** What the graph says, in the form of `run`. */
function expected({ outputs, assigned, valueOf }: RandomGraph): Record<string, number[]> {
  const value = (tensor: RandomGraph["assigned"][number]) => [...(valueOf.get(tensor) ?? [])];
  return {
    ...Object.fromEntries(
      Object.entries(outputs).map(([name, tensor]) => [name, [...value(tensor), ...value(tensor)]]),
    ),
    ...Object.fromEntries(assigned.map((tensor, i) => [`assigned${i}`, value(tensor)])),
  };
}

/** Rounding in f32 over some ten operations, relative to the largest number of the tensor. */
function compare(
  got: Readonly<Record<string, Elements>>,
  want: Readonly<Record<string, ArrayLike<number>>>,
): string[] {
  return differences(
    ...Object.entries(want).map(([name, values]) => {
      const largest = Array.from(values).reduce((most, x) => Math.max(most, Math.abs(x)), 1);
      return difference(name, got[name] ?? [], values, { rtol: 1e-4, atol: 1e-5 * largest });
    }),
  );
}

function bindingProblems({ dispatches }: Program): string[] {
  return dispatches.flatMap(({ kernel, bindings }) => {
    const names = Object.keys(bindings);
    const count = (kind: string) => names.filter((name) => name.startsWith(kind)).length;
    const fits =
      names.length <= MAX_STORAGE_BINDINGS &&
      count("operand") <= HOOK_LIMITS.operands &&
      count("result") <= HOOK_LIMITS.results;
    return fits ? [] : [`${kernel} binds ${names.join(", ")}`];
  });
}

describe("random graphs", () => {
  const graphs = Array.from({ length: CPU_GRAPHS }, (_, seed) => randomGraph(seed));

  it("are various", () => {
    const used = new Set(graphs.flatMap(({ valueOf }) => [...valueOf.keys()].map(({ op }) => op.name)));
    expect([...used].length).toBeGreaterThan(40);
    expect(graphs.filter(({ outputs }) => Object.keys(outputs).length > 1).length).toBeGreaterThan(
      CPU_GRAPHS / 2,
    );
  });

  it.each(graphs.map((graph, seed) => [seed, graph] as const))(
    "%i: its program on the CPU is what it says",
    async (_seed, graph) => {
      expect(compare(await run(engines.cpu, graph), expected(graph))).toEqual([]);
      expect(bindingProblems(programOf(graph))).toEqual([]);
    },
  );

  it.each(graphs.slice(0, GPU_GRAPHS).map((graph, seed) => [seed, graph] as const))(
    "%i: the GPU agrees with the CPU",
    async (_seed, graph) => {
      expect(compare(await run(engines.gpu, graph), await run(engines.cpu, graph))).toEqual([]);
    },
  );
});

/** Graphs, lowered and run on an engine, and what they should give by naive evaluation. */
import type { Elements } from "../../src/dtypes.ts";
import type { Engine, Tensor } from "../../src/index.ts";
import { lower } from "../../src/nn/graph/lower/lower.ts";
import type { Place } from "../../src/nn/graph/lower/lowering.ts";
import { isSource } from "../../src/nn/graph/ops/source.ts";
import { topological } from "../../src/nn/graph/tensor.ts";
import { aligned, elementCount, type Program, STEP_SLOTS, scalarName } from "../../src/program.ts";
import { difference, differences } from "./compare.ts";
import { evaluate, type Given } from "./interpreter.ts";

export interface Graph {
  /** What the host reads, by name. */
  readonly outputs: Readonly<Record<string, Tensor>>;
  /** What is written into one arena, tensor after tensor. */
  readonly assigned: readonly Tensor[];
  readonly given: Given;
}

/** Every program runs twice, so that the second step finds the temporaries of the first. */
const STEPS = 2;

/** Tensors one after the other in an arena, each at an aligned offset. */
function arena(name: string, tensors: readonly Tensor[]) {
  let length = 0;
  const offsets = tensors.map(({ shape }) => {
    const offset = length;
    length += aligned(elementCount(shape));
    return offset;
  });
  const place = (i: number): Place => ({
    buffer: { name, kind: "state", dtype: "f32", length },
    offset: offsets[i],
  });
  return { offsets, length, place };
}

/** The parameters that a graph reads, by name. */
function parametersOf({ outputs, assigned }: Graph): Map<string, Tensor> {
  const sources = topological([...Object.values(outputs), ...assigned]).filter(isSource);
  const parameters = sources.filter(({ attributes }) => attributes.role === "parameter");
  return new Map(parameters.map((tensor) => [tensor.attributes.name, tensor as Tensor]));
}

export function programOf(graph: Graph): Program {
  const parameters = parametersOf(graph);
  const read = arena("parameters", [...parameters.values()]);
  const written = arena("assigned", graph.assigned);
  return lower({
    name: "graph",
    outputs: graph.outputs,
    assignments: graph.assigned.map((tensor, i) => ({ tensor, place: written.place(i) })),
    place: ({ name }) => read.place([...parameters.keys()].indexOf(name)),
  });
}

/** @returns outputs (a row a step), and assigned tensors as `assigned0` … */
export async function runGraph(engine: Engine, graph: Graph): Promise<Record<string, Elements>> {
  const program = programOf(graph);
  const parameters = parametersOf(graph);
  const read = arena("parameters", [...parameters.values()]);
  const written = arena("assigned", graph.assigned);
  const memory = {
    parameters: engine.buffer("parameters", "f32", Math.max(read.length, 1)),
    assigned: engine.buffer("assigned", "f32", Math.max(written.length, 1)),
  };
  [...parameters.keys()].forEach((name, i) => {
    memory.parameters.write(Float32Array.from(graph.given[name]), read.offsets[i]);
  });
  const executable = await engine.compile(program, { state: memory, maxSteps: STEPS });
  for (const { kind, name } of program.buffers) {
    if (kind === "input") executable.write(name, graph.given[name] as Elements);
  }
  program.scalars.forEach(({ name, dtype }, slot) => {
    for (let step = 0; step < STEPS; step++) {
      executable.table[dtype][step * STEP_SLOTS + slot] = graph.given[scalarName(name)][0];
    }
  });
  const found: Record<string, Elements> = { ...(await executable.run(STEPS)) };
  const state = await memory.assigned.read();
  graph.assigned.forEach(({ shape }, i) => {
    found[`assigned${i}`] = state.slice(written.offsets[i], written.offsets[i] + elementCount(shape));
  });
  executable.release();
  for (const buffer of Object.values(memory)) buffer.release();
  return found;
}

/** What the graph says, in the form of `runGraph`. */
export function expected({ outputs, assigned, given }: Graph): Record<string, number[]> {
  const { elements } = evaluate([...Object.values(outputs), ...assigned], given);
  const value = (tensor: Tensor) => [...(elements.get(tensor) ?? [])];
  return {
    ...Object.fromEntries(
      Object.entries(outputs).map(([name, tensor]) => [
        name,
        Array.from({ length: STEPS }, () => value(tensor)).flat(),
      ]),
    ),
    ...Object.fromEntries(assigned.map((tensor, i) => [`assigned${i}`, value(tensor)])),
  };
}

/** @returns differences beyond rounding in f32 over some ten operations, relative to each tensor's largest number */
export function graphDifferences(
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

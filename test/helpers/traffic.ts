/** Plays a program's dispatches through their twins, and counts the elements that each really reads and writes. */
import { bytesPerElement, type Elements } from "../../src/dtypes.ts";
import type { StepRow } from "../../src/kernels/hooks.ts";
import { kernelNamed } from "../../src/kernels/index.ts";

import { type Dispatch, elementCount, type Program } from "../../src/program.ts";
import { elementFunction } from "./hooks.ts";

/** Elements of one binding that were read, and that were written. */
class Watched {
  readonly reads = new Set<string | symbol>();
  readonly writes = new Set<string | symbol>();
  readonly elements: Elements;

  constructor(elements: Elements) {
    const { reads, writes } = this;
    const isElement = (key: string | symbol): key is string => typeof key === "string" && /^\d+$/.test(key);
    this.elements = new Proxy(elements, {
      get(target, key) {
        if (isElement(key)) reads.add(key);
        return Reflect.get(target, key, target);
      },
      set(target, key, value) {
        if (isElement(key)) writes.add(key);
        return Reflect.set(target, key, value, target);
      },
    });
  }
}

/**
 * Runs one step of a program.
 * @param memory an array for each of its buffers
 * @param row the step table's current row
 * @returns bytes moved by each dispatch: of every element that it reads, and of every one that it writes, once
 */
export function programTraffic(program: Program, memory: readonly Elements[], row: StepRow): number[] {
  return program.dispatches.map((dispatch) => dispatchTraffic(program, dispatch, memory, row));
}

function dispatchTraffic(
  program: Program,
  dispatch: Dispatch,
  memory: readonly Elements[],
  row: StepRow,
): number {
  const kernel = kernelNamed(dispatch.kernel);
  const views = Object.entries(dispatch.bindings);
  const watched = views.map(([name, { buffer, offset, shape }]) => {
    const part = memory[buffer].subarray(offset, offset + elementCount(shape));
    return [name, new Watched(part)] as const;
  });
  const elements = Object.fromEntries(watched.map(([name, { elements }]) => [name, elements]));
  const hooks = Object.entries(dispatch.hooks).map(([name, hook]) => {
    const run = elementFunction(hook, elements, program.scalars, row);
    return [name, hook.code.length > 0 ? run : () => 0] as const;
  });
  const ofKind = (kind: "load" | "store") => hooks.filter(([name]) => kernel.hooks[name] === kind);
  const work = kernel.twin({
    constants: dispatch.constants,
    memory: elements,
    load: Object.fromEntries(
      ofKind("load").map(([name, run]) => [
        name,
        (start, count) => Float32Array.from({ length: count }, (_, i) => run(start + i, 0)),
      ]),
    ),
    store: Object.fromEntries(
      ofKind("store").map(([name, run]) => [
        name,
        (start, values) => values.forEach((value, i) => void run(start + i, value)),
      ]),
    ),
    scalar: (slot) => row.f32[slot],
  });
  Array.from(work ?? []);
  return watched.reduce((bytes, [, { reads, writes }], i) => {
    const { dtype } = program.buffers[views[i][1].buffer];
    return bytes + (reads.size + writes.size) * bytesPerElement(dtype);
  }, 0);
}

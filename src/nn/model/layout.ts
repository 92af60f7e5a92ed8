/** Layout of a model's tensors in flat memory. */
import { aligned, type BufferSpec, elementCount, type Shape } from "../../program.ts";
import { inputSource } from "../graph/ops/source.ts";
import { type Initializer, initialValues } from "./initializers.ts";
import { applyModel, type Layer } from "./model.ts";
import { ModelTrace, type ParameterSpec, Scope, type StatisticSpec } from "./parameters.ts";

/** A tensor with a place in an arena. */
export interface ArenaEntry {
  readonly name: string;
  readonly shape: Shape;
  readonly init: Initializer;
}

/** Tensors one after the other in flat memory, each at an aligned offset. */
export class ArenaLayout<Entry extends ArenaEntry = ParameterSpec> {
  readonly length: number;
  readonly #offsets = new Map<string, number>();

  constructor(readonly specs: readonly Entry[]) {
    let length = 0;
    for (const { name, shape } of specs) {
      this.#offsets.set(name, length);
      length += aligned(elementCount(shape));
    }
    this.length = length;
  }

  /**
   * Position of a tensor's first element in the arena.
   * @throws Error where the model has no such tensor
   */
  offset(name: string): number {
    const offset = this.#offsets.get(name);
    if (offset === undefined) {
      throw new Error(`the model has no tensor "${name}"; a model must declare the same ones in every trace`);
    }
    return offset;
  }

  /**
   * A tensor's place in an arena of this layout, by their names.
   * @throws Error where the model has no such tensor
   */
  place(arena: string, tensor: string): { readonly buffer: BufferSpec; readonly offset: number } {
    const buffer: BufferSpec = { name: arena, kind: "state", dtype: "f32", length: this.length };
    return { buffer, offset: this.offset(tensor) };
  }

  /** The arena's first values: entry i draws from stream i of the seed. */
  initialise(seed: number): Float32Array {
    const arena = new Float32Array(this.length);
    this.specs.forEach(({ name, shape, init }, stream) => {
      arena.set(initialValues(name, init, shape, { seed, stream }), this.offset(name));
    });
    return arena;
  }

  /** One value for each block of `size` elements: that of the entry it belongs to. */
  perBlock(size: number, value: (entry: Entry) => number): number[] {
    const values: number[] = [];
    for (const entry of this.specs) {
      const blocks = aligned(elementCount(entry.shape)) / size;
      const own = value(entry);
      for (let block = 0; block < blocks; block++) values.push(own);
    }
    return values;
  }
}

/** Layout of a model's parameters and statistics. */
export interface ModelLayout {
  readonly parameters: ArenaLayout<ParameterSpec>;
  readonly statistics: ArenaLayout<StatisticSpec>;
}

/** The layout of a model for inputs of one shape, in the order of its declarations. */
export function declaredLayout(model: Layer, inputShape: Shape): ModelLayout {
  const trace = new ModelTrace();
  applyModel(model, inputSource("x", [1, ...inputShape]), new Scope(trace, false));
  const both = [...trace.parameters.specs.keys()].find((name) => trace.statistics.specs.has(name));
  if (both !== undefined) {
    throw new Error(`${both} is declared as a parameter and as a statistic; give one another name`);
  }
  return {
    parameters: new ArenaLayout([...trace.parameters.specs.values()]),
    statistics: new ArenaLayout([...trace.statistics.specs.values()]),
  };
}

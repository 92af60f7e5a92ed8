/** What a model declares while it is traced: parameters, and running statistics. */
import { formatShape, type Shape } from "../../program.ts";
import { parameterSource, statisticSource } from "../graph/ops/source.ts";
import { sameShape } from "../graph/shape.ts";
import { ShapeError, type Tensor } from "../graph/tensor.ts";
import { constantValue, type Initializer } from "./initializers.ts";
import type { ArenaEntry } from "./layout.ts";

export interface ParameterSpec extends ArenaEntry {
  /** PyTorch's name: the layer's path, then `weight` or `bias`. */
  readonly name: string;
  /** Whether weight decay and penalties apply: to weights, not to biases and norms. */
  readonly decay: boolean;
  /** Never trained, whatever the optimizer. */
  readonly frozen?: boolean;
}

export interface StatisticSpec extends ArenaEntry {
  /** By which part of the way it moves towards what a step observes. */
  readonly rate: number;
  /** Where it has no value before one is loaded: what to do to give it one. */
  readonly remedy?: string;
}

export interface ParameterOptions {
  readonly init: Initializer;
  /** Default: true for tensors of rank 2 and more. */
  readonly decay?: boolean;
}

export interface StatisticOptions {
  /** The value before anything was observed: one for all elements, or one for each. */
  readonly initial: number | ArrayLike<number>;
  readonly rate: number;
  /** Says that `initial` is no value to compute with, and how to get one: steps are refused until one is loaded. */
  readonly remedy?: string;
}

/** Tensors of one kind, by name, as one trace of a model declares them. */
class Declarations<Spec extends ArenaEntry> {
  readonly specs = new Map<string, Spec>();
  readonly tensors = new Map<string, Tensor>();

  constructor(readonly source: (name: string, shape: Shape) => Tensor) {}

  /** @throws ShapeError when the name is taken by another shape. */
  declare(spec: Spec): Tensor {
    const known = this.specs.get(spec.name);
    if (known && !sameShape(known.shape, spec.shape)) {
      throw new ShapeError(
        spec.name,
        `it has shape ${formatShape(known.shape)}, and is used with ${formatShape(spec.shape)}; ` +
          "inputs of a layer must keep their shape",
      );
    }
    let tensor = this.tensors.get(spec.name);
    if (!tensor) {
      if (!known) this.specs.set(spec.name, spec);
      tensor = this.source(spec.name, spec.shape);
      this.tensors.set(spec.name, tensor);
    }
    return tensor;
  }
}

/** One trace of a model. */
export class ModelTrace {
  readonly parameters = new Declarations<ParameterSpec>(parameterSource);
  readonly statistics = new Declarations<StatisticSpec>(statisticSource);
  /** What this step observes of statistics, by name. */
  readonly observations = new Map<string, Tensor>();
  /** Parameters that the step leaves as they are, and the paths below which it leaves all. */
  readonly still: Set<string>;
  /** Who uses a full name: the names on the way to it, as they were given. */
  readonly #owners = new Map<string, string>();
  #streams = 0;

  /** @param still whether a step does not train a parameter, of those that the model is known to declare */
  constructor(known: readonly ParameterSpec[] = [], still: (spec: ParameterSpec) => boolean = () => false) {
    for (const spec of known) this.parameters.specs.set(spec.name, spec);
    const trained = new Set(known.filter((spec) => !still(spec)).flatMap(({ name }) => namesUpTo(name)));
    const all = known.flatMap(({ name }) => namesUpTo(name));
    this.still = new Set(all.filter((name) => !trained.has(name)));
  }

  /** @throws Error where a name that only looks the same was made of other parts, such as "a.b" and "c" of "a" and "b.c" */
  claim(name: string, parts: readonly string[]): void {
    const owner = JSON.stringify(parts);
    const other = this.#owners.get(name) ?? owner;
    if (other !== owner) {
      throw new Error(
        `two different tensors are called ${name}: ${other} and ${owner}; give a child or a tensor another name`,
      );
    }
    this.#owners.set(name, owner);
  }

  /** A stream of random numbers that nobody else in this trace has. */
  stream(): number {
    return this.#streams++;
  }
}

/** A parameter's name and the paths in front of it. */
function namesUpTo(name: string): string[] {
  const names = [name];
  for (let end = name.lastIndexOf("."); end > 0; end = name.lastIndexOf(".", end - 1))
    names.push(name.slice(0, end));
  return names;
}

/** A running statistic, as a layer sees it. */
export interface Statistic {
  /** Its value before this step. */
  readonly value: Tensor;
  /** Says what this step observes; the statistic moves there by its rate, after the step. */
  observe(now: Tensor): void;
}

/** What a layer sees of the model around it while it is traced. */
export class Scope {
  /** @internal */
  constructor(
    /** @internal */
    readonly trace: ModelTrace,
    /** Whether the trace is of a training step. */
    readonly training: boolean,
    readonly path = "",
    /** The activation that follows the layer, if one does: the default initializer depends on it. */
    readonly nextActivation?: string,
    /** The names that `path` was made of. */
    readonly parts: readonly string[] = [],
    /** Whether no parameter from here on is ever trained. */
    readonly isFrozen = false,
  ) {}

  /**
   * The scope of a part of this layer. Where a training step leaves all of its parameters as they are, it behaves as in
   * evaluation: `training` is false.
   */
  child(name: string, nextActivation?: string): Scope {
    const path = this.#full(name);
    const training = this.training && !this.trace.still.has(path);
    return new Scope(this.trace, training, path, nextActivation, [...this.parts, name], this.isFrozen);
  }

  /** The same scope for a layer of which nothing is trained, and that behaves as in evaluation. */
  frozen(): Scope {
    return new Scope(this.trace, false, this.path, this.nextActivation, this.parts, true);
  }

  /** Whether the step trains a parameter of this layer. */
  trains(name: string): boolean {
    return this.training && !this.trace.still.has(this.#full(name));
  }

  /** A trainable tensor of this layer. Asked for twice by the same name, it is shared. */
  parameter(name: string, shape: Shape, { init, decay = shape.length > 1 }: ParameterOptions): Tensor {
    return this.trace.parameters.declare({
      name: this.#claimed(name),
      shape,
      init,
      decay,
      ...(this.isFrozen ? { frozen: true } : {}),
    });
  }

  /** A tensor that follows what training steps observe, such as a running mean. */
  statistic(name: string, shape: Shape, { initial, rate, remedy }: StatisticOptions): Statistic {
    const full = this.#claimed(name);
    if (!(rate >= 0 && rate <= 1)) {
      throw new RangeError(`statistic ${full}: rate is ${rate}; give a part from 0 to 1`);
    }
    const init = typeof initial === "number" ? constantValue(initial) : () => Float32Array.from(initial);
    const value = this.trace.statistics.declare({ name: full, shape, init, rate, remedy });
    return {
      value,
      observe: (now) => {
        if (!sameShape(now.shape, shape)) {
          throw new ShapeError(
            full,
            `it has shape ${formatShape(shape)}, and what was observed ${formatShape(now.shape)}`,
          );
        }
        this.trace.observations.set(full, now);
      },
    };
  }

  /** A stream of random numbers of this layer's own, for `randomUniform`. */
  stream(): number {
    return this.trace.stream();
  }

  #claimed(name: string): string {
    const full = this.#full(name);
    this.trace.claim(full, [...this.parts, name]);
    return full;
  }

  #full(name: string): string {
    return this.path ? `${this.path}.${name}` : name;
  }
}

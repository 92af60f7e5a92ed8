/** Declarations of a model while it is traced: parameters and running statistics. */
import { checkOptions } from "../../checks.ts";
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
  /** Whether no optimizer trains the parameter. */
  readonly frozen?: boolean;
}

export interface StatisticSpec extends ArenaEntry {
  /** Fraction of the way to the observed value that a step moves the statistic. */
  readonly momentum: number;
  /** Advice where the statistic has no value until one is loaded. */
  readonly hint?: string;
}

export interface ParameterOptions {
  readonly init: Initializer;
  /** Default: true for tensors of rank 2 and more. */
  readonly decay?: boolean;
}

export interface StatisticOptions {
  /** Initial value: one number for all elements, or one for each. */
  readonly initial: number | ArrayLike<number>;
  /** Fraction of the way to the observed value that a step moves the statistic, from 0 to 1. */
  readonly momentum: number;
  /** Marks `initial` as no usable value, and says how to get one: steps are refused until a value is loaded. */
  readonly hint?: string;
}

/** Tensors of one kind, by name, declared by one trace of a model. */
class Declarations<Spec extends ArenaEntry> {
  readonly specs = new Map<string, Spec>();
  readonly tensors = new Map<string, Tensor>();

  constructor(readonly source: (name: string, shape: Shape) => Tensor) {}

  /** @throws ShapeError where the name has another shape already */
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
  /** Values observed by this step for statistics, by name. */
  readonly observations = new Map<string, Tensor>();
  /** Parameters that the step does not train, and the paths below which it trains none. */
  readonly still: Set<string>;
  /** Owner of a full name: the parts it was made of, as given. */
  readonly #owners = new Map<string, string>();
  #streams = 0;

  /** @param still whether a step leaves a parameter untrained, among the parameters known of the model */
  constructor(known: readonly ParameterSpec[] = [], still: (spec: ParameterSpec) => boolean = () => false) {
    for (const spec of known) this.parameters.specs.set(spec.name, spec);
    const trained = new Set(known.filter((spec) => !still(spec)).flatMap(({ name }) => namesUpTo(name)));
    const all = known.flatMap(({ name }) => namesUpTo(name));
    this.still = new Set(all.filter((name) => !trained.has(name)));
  }

  /** @throws Error where an equal name was made of other parts, such as "a.b" and "c" against "a" and "b.c" */
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

  /** A random stream with a number of its own in this trace. */
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

/** A running statistic of a layer. */
export interface Statistic {
  /** Value before this step. */
  readonly value: Tensor;
  /**
   * Sets the value that this step observes; after the step, the statistic moves towards it by its momentum.
   * @throws ShapeError where `now` has another shape than the statistic
   */
  observe(now: Tensor): void;
}

/** A layer's view of the model during a trace. */
export class Scope {
  /** @internal */
  constructor(
    /** @internal */
    readonly trace: ModelTrace,
    /** Whether the trace is a training step. */
    readonly training: boolean,
    readonly path = "",
    /** The activation after the layer, if any, by which the default initializer is chosen. */
    readonly nextActivation?: string,
    /** The parts of `path`. */
    readonly parts: readonly string[] = [],
    /** Whether no parameter from here on is ever trained. */
    readonly isFrozen = false,
  ) {}

  /**
   * The scope of an inner layer. Where a training step trains none of its parameters, the inner layer behaves as in
   * evaluation: `training` is false.
   */
  child(name: string, nextActivation?: string): Scope {
    const path = this.#full(name);
    const training = this.training && !this.trace.still.has(path);
    return new Scope(this.trace, training, path, nextActivation, [...this.parts, name], this.isFrozen);
  }

  /** The scope of a frozen layer: nothing is trained, and the layer behaves as in evaluation. */
  frozen(): Scope {
    return new Scope(this.trace, false, this.path, this.nextActivation, this.parts, true);
  }

  /**
   * Whether the step trains the layer's parameter `name`.
   */
  trains(name: string): boolean {
    return this.training && !this.trace.still.has(this.#full(name));
  }

  /**
   * Declares a trainable tensor of this layer; a second declaration of the name shares it.
   * @throws ShapeError where the name has another shape; Error where other parts form the same full name; TypeError where
   *   an option is unknown or of another kind
   */
  parameter(name: string, shape: Shape, options: ParameterOptions): Tensor {
    const full = this.#claimed(name);
    checkOptions(`parameter ${full}`, options, { init: "any", decay: "boolean" });
    const { init, decay = shape.length > 1 } = options;
    return this.trace.parameters.declare({
      name: full,
      shape,
      init,
      decay,
      ...(this.isFrozen ? { frozen: true } : {}),
    });
  }

  /**
   * Declares a tensor that follows values observed in training steps, such as a running mean.
   * @throws RangeError where `momentum` is not from 0 to 1; ShapeError where the name has another shape; Error where other
   *   parts form the same full name; TypeError where an option is unknown or of another kind
   */
  statistic(name: string, shape: Shape, options: StatisticOptions): Statistic {
    const full = this.#claimed(name);
    checkOptions(`statistic ${full}`, options, { initial: "any", momentum: "number", hint: "string" });
    const { initial, momentum, hint } = options;
    if (!(momentum >= 0 && momentum <= 1)) {
      throw new RangeError(`statistic ${full}: momentum is ${momentum}; give a fraction from 0 to 1`);
    }
    const init = typeof initial === "number" ? constantValue(initial) : () => Float32Array.from(initial);
    const value = this.trace.statistics.declare({ name: full, shape, init, momentum, hint });
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

  /** Number of a random stream of this layer's own, for `randomUniform`. */
  stream(): number {
    return this.trace.stream();
  }

  #claimed(name: string): string {
    const full = this.#full(name);
    if (full === "__proto__")
      throw new TypeError('a parameter or a statistic cannot be called "__proto__"; choose another name');
    this.trace.claim(full, [...this.parts, name]);
    return full;
  }

  #full(name: string): string {
    return this.path ? `${this.path}.${name}` : name;
  }
}

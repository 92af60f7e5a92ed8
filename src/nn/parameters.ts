/** Parameters: what a model declares while it is traced, and where each lies in the arena. */
import { aligned, elementCount, formatShape, type Shape } from "../program.ts";
import { type Initializer, initialValues } from "./initializers.ts";
import { parameterSource } from "./ops/source.ts";
import { sameShape } from "./shape.ts";
import { ShapeError, type Tensor } from "./tensor.ts";

export interface ParameterSpec {
  /** PyTorch's name: the layer's path, then `weight` or `bias`. */
  readonly name: string;
  readonly shape: Shape;
  readonly init: Initializer;
  /** Whether weight decay applies: to weights, not to biases and norms. */
  readonly decay: boolean;
}

export interface ParameterOptions {
  readonly init: Initializer;
  /** Default: true for tensors of rank 2 and more. */
  readonly decay?: boolean;
}

/** What one trace of a model declares: parameters, and the tensors that stand for them in this trace. */
export class ParameterTrace {
  readonly specs = new Map<string, ParameterSpec>();
  readonly tensors = new Map<string, Tensor>();

  /** @throws ShapeError when the name is taken by another shape. */
  declare(spec: ParameterSpec): Tensor {
    const known = this.specs.get(spec.name);
    if (known && !sameShape(known.shape, spec.shape)) {
      throw new ShapeError(
        spec.name,
        `the parameter has shape ${formatShape(known.shape)}, and is used with ${formatShape(spec.shape)}; ` +
          "inputs of a layer must keep their shape",
      );
    }
    let tensor = this.tensors.get(spec.name);
    if (!tensor) {
      if (!known) this.specs.set(spec.name, spec);
      tensor = parameterSource(spec.name, spec.shape);
      this.tensors.set(spec.name, tensor);
    }
    return tensor;
  }
}

/** What a layer sees of the model around it while it is traced. */
export class Scope {
  constructor(
    readonly trace: ParameterTrace,
    /** Whether the trace is of a training step. */
    readonly training: boolean,
    readonly path = "",
    /** The activation that follows the layer, if one does: the default initializer depends on it. */
    readonly nextActivation?: string,
  ) {}

  child(name: string, nextActivation?: string): Scope {
    return new Scope(this.trace, this.training, this.path ? `${this.path}.${name}` : name, nextActivation);
  }

  /** A trainable tensor of this layer. Asked for twice by the same name, it is shared. */
  parameter(name: string, shape: Shape, { init, decay = shape.length > 1 }: ParameterOptions): Tensor {
    return this.trace.declare({ name: this.path ? `${this.path}.${name}` : name, shape, init, decay });
  }
}

/** All parameters in one flat arena, each at an aligned offset. */
export class ArenaLayout {
  readonly length: number;
  readonly #offsets = new Map<string, number>();

  constructor(readonly specs: readonly ParameterSpec[]) {
    let length = 0;
    for (const { name, shape } of specs) {
      this.#offsets.set(name, length);
      length += aligned(elementCount(shape));
    }
    this.length = length;
  }

  offset(name: string): number {
    const offset = this.#offsets.get(name);
    if (offset === undefined) {
      throw new Error(
        `the model has no parameter "${name}"; a model must declare the same ones in every trace`,
      );
    }
    return offset;
  }

  /** The arena's first values: parameter i draws from stream i of the seed. */
  initialise(seed: number): Float32Array {
    const arena = new Float32Array(this.length);
    this.specs.forEach(({ name, shape, init }, stream) => {
      arena.set(initialValues(name, init, shape, { seed, stream }), this.offset(name));
    });
    return arena;
  }
}

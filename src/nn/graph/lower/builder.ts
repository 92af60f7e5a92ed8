/** Collects the parts of a Program: buffers by name, step scalars by slot, dispatches in order. */
import { isWritten } from "../../../kernels/index.ts";
import {
  type BufferSpec,
  checkProgram,
  type Dispatch,
  type IndexRange,
  type Program,
  type Shape,
  STEP_SLOTS,
  type StepScalar,
  scalarName,
  type TargetRule,
  type View,
} from "../../../program.ts";

export class ProgramBuilder {
  readonly buffers: BufferSpec[] = [];
  readonly #byName = new Map<string, number>();
  readonly #scalars: StepScalar[] = [];
  readonly #outputs: Record<string, View> = {};
  readonly dispatches: Dispatch[] = [];

  /** Index ranges of buffers, by kind and name. */
  indexRanges: ReadonlyMap<string, readonly IndexRange[]> = new Map();

  /** Target rules of buffers, by kind and name. */
  targetRules: ReadonlyMap<string, readonly TargetRule[]> = new Map();

  /** The buffer of that kind and name, created on first use. Temporaries and constants are always new. */
  buffer(spec: BufferSpec): number {
    const key = `${spec.kind} ${spec.name}`;
    const own = spec.kind === "temporary" || spec.kind === "constant";
    const known = own ? undefined : this.#byName.get(key);
    if (known !== undefined) {
      const { dtype, length, owner } = this.buffers[known];
      if (owner !== spec.owner) {
        throw new Error(
          `${key} is a data set's own memory, and the step's data is called so, too; give yours another name`,
        );
      }
      if (dtype !== spec.dtype || length !== spec.length) {
        throw new Error(
          `${key} is used as ${dtype}[${length}] and as ${spec.dtype}[${spec.length}]; give the two different names`,
        );
      }
      return known;
    }
    const indices = this.indexRanges.get(key);
    const targets = this.targetRules.get(key);
    this.buffers.push({ ...spec, ...(indices && { indices }), ...(targets && { targets }) });
    this.#byName.set(key, this.buffers.length - 1);
    return this.buffers.length - 1;
  }

  view(spec: BufferSpec, shape: Shape, offset = 0): View {
    return { buffer: this.buffer(spec), offset, shape };
  }

  /** The slot of a step scalar, made on first use: one for each type that it is read as. */
  slot(name: string, dtype: "f32" | "u32" = "f32"): number {
    const known = this.#scalars.findIndex((scalar) => scalar.name === name && scalar.dtype === dtype);
    if (known >= 0) return known;
    if (this.#scalars.length === STEP_SLOTS)
      throw new Error(`more than ${STEP_SLOTS} step scalars; "${scalarName(name)}" is one too many`);
    return this.#scalars.push({ name, dtype }) - 1;
  }

  output(name: string, view: View): void {
    this.#outputs[name] = view;
  }

  finish(name: string): Program {
    const program: Program = {
      name,
      buffers: this.buffers,
      dispatches: this.dispatches,
      scalars: this.#scalars,
      outputs: this.#outputs,
    };
    checkProgram(program, isWritten);
    return program;
  }
}

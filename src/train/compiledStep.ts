/** Compiled steps. */

import { checkNumber, checkRecord, inWords, isPromise, unknownOption } from "../checks.ts";
import type { Elements } from "../dtypes.ts";
import {
  BATCH_START,
  OPTIMIZER_SCALAR,
  type Program,
  STEP_SLOTS,
  type StepScalar,
  scalarName,
} from "../program.ts";
import {
  checkedInput,
  type Executable,
  type LaunchTimes,
  type Outputs,
  StepTable,
} from "../runtime/engine.ts";
import type { StepOwner } from "./compileStep.ts";
import { firstNonFinite, type NonFinite } from "./finite.ts";

/** Values of step scalars, by name. */
export type StepScalars = Readonly<Record<string, number>>;

/** Values of inputs, by name. */
export type StepInputs = Readonly<Record<string, Elements>>;

/** A step scalar of the program, as its owner calls it. */
interface Slot {
  readonly owner: "user" | "optimizer" | "library";
  readonly name: string;
  readonly dtype: "f32" | "u32";
}

function slotOf({ name, dtype }: StepScalar): Slot {
  if (name.startsWith(OPTIMIZER_SCALAR))
    return { owner: "optimizer", name: name.slice(OPTIMIZER_SCALAR.length), dtype };
  const called = scalarName(name);
  return { owner: called === name ? "library" : "user", name: called, dtype };
}

/** Scalars that any step takes, whether its program reads them or not. */
const LIBRARY_SCALARS = ["learningRate", "step", "epoch", "seed", BATCH_START];

/**
 * A compiled step of a trainer or of a function. A run is either refused, and nothing has changed, neither inputs nor
 * the owner's count of steps; or accepted and counted. Only a failure during an accepted run, such as a lost device,
 * leaves a trainer in an unknown state: continue from a snapshot then.
 */
export class CompiledStep {
  readonly #unused: ReadonlySet<string>;
  readonly #unwritten: Set<string>;
  readonly #slots: readonly Slot[];
  /** Names of the scalars that a run may give. */
  readonly #scalars: ReadonlySet<string>;
  /** Rows of the next run; the executable's table holds rows of accepted runs only. */
  readonly #rows: StepTable;

  constructor(
    /** The trainer, or the owner of a step without a model. */
    readonly owner: StepOwner,
    readonly executable: Executable,
    /** Whether the step updates parameters. */
    readonly trains: boolean,
    /** Names of the inputs, including those that do not affect the outputs. */
    readonly inputs: readonly string[],
    /** Whether inputs may hold NaN and infinities. */
    readonly nonFinite: NonFinite = "refuse",
  ) {
    const { buffers, scalars } = executable.program;
    const used = buffers.filter(({ kind }) => kind === "input").map(({ name }) => name);
    this.#unused = new Set(inputs.filter((name) => !used.includes(name)));
    this.#unwritten = new Set(used);
    this.#slots = scalars.map(slotOf);
    const given = this.#slots.filter(({ owner }) => owner !== "optimizer").map(({ name }) => name);
    this.#scalars = new Set([...LIBRARY_SCALARS, ...given]);
    this.#rows = new StepTable(executable.table.rows);
  }

  /** The step as a program: `describe(step.program)` prints it. */
  get program(): Program {
    return this.executable.program;
  }

  /**
   * Writes inputs for later runs. Where one input is refused, none is written.
   * @throws EngineError where an input's type or length is wrong, or it has no such name
   * @throws RangeError where a number is not finite, unless the step was compiled with `nonFinite: "allow"`
   * @throws TypeError where `inputs` is no object by name
   */
  write(inputs: StepInputs): void {
    checkRecord(`step ${this.program.name}: the inputs are`, inputs);
    this.#write(this.#checked(inputs));
  }

  #checkFinite(inputs: StepInputs): void {
    for (const [name, data] of Object.entries(inputs)) {
      const bad = data instanceof Float32Array ? firstNonFinite(data) : -1;
      if (bad < 0) continue;
      throw new RangeError(
        `step ${this.program.name}: input "${name}" holds ${data[bad]} at element ${bad}; give finite numbers, or compile the step with nonFinite: "allow"`,
      );
    }
  }

  /**
   * Runs one step on `inputs`: all of them in the first run, later those that change. `scalars` sets step scalars; the
   * learning rate is the optimizer's unless `learningRate` is given.
   * @returns the outputs' elements, by name
   * @throws EngineError, RangeError and TypeError as `write`; TypeError where an input was never given, or a
   *   scalar has no number or is unknown to the step
   */
  run(inputs: StepInputs = {}, scalars: StepScalars = {}): Promise<Outputs> {
    return this.#accepted(
      1,
      () => scalars,
      inputs,
      () => this.executable.run(1),
    );
  }

  /**
   * Runs `count` steps in one submit; `scalarsAt(i)` returns the scalars of step i. Each output holds one row for each
   * step.
   * @throws RangeError where `count` is no whole number from 1; EngineError where `count` exceeds `maxSteps`; further
   *   errors as `run`
   */
  runMany(count: number, scalarsAt: (i: number) => StepScalars): Promise<Outputs> {
    return this.#accepted(count, scalarsAt, {}, () => this.executable.run(count));
  }

  /**
   * Runs `count` steps as {@link runMany}, but launch by launch, and measures each launch. The steps take effect.
   * @throws RangeError where `count` is no whole number from 1; further errors as `run`
   */
  profile(count: number, scalarsAt: (i: number) => StepScalars = () => ({})): Promise<LaunchTimes> {
    return this.#accepted(count, scalarsAt, {}, () => this.executable.profile(count));
  }

  /** Starts a run once all checks have passed; nothing is changed before. */
  #accepted<T>(
    count: number,
    scalarsAt: (i: number) => StepScalars,
    given: StepInputs,
    start: () => Promise<T>,
  ): Promise<T> {
    try {
      checkRecord(`step ${this.program.name}: the inputs are`, given);
      checkNumber(`step ${this.program.name}: the count of steps`, count);
      if (typeof scalarsAt !== "function") {
        throw new TypeError(
          `step ${this.program.name}: scalarsAt is ${inWords(scalarsAt)}; give a function (i) => scalars, by name`,
        );
      }
      this.executable.check(count);
      this.owner.checkValues(`step ${this.program.name}`);
      const inputs = this.#checked(given);
      this.#checkWritten(given);
      for (let i = 0; i < count; i++) {
        const scalars = scalarsAt(i);
        // Kept short: this runs for every step.
        if (typeof scalars !== "object" || scalars === null || isPromise(scalars))
          checkRecord(`step ${this.program.name}: the scalars are`, scalars);
        if (i === 0) this.#checkNames(scalars);
        this.#fillRow(i, scalars);
      }
      this.#write(inputs);
      this.executable.table.u32.set(this.#rows.u32.subarray(0, count * STEP_SLOTS));
    } catch (error) {
      return Promise.reject(error);
    }
    if (this.trains) this.owner.steps += count;
    return start();
  }

  /** The inputs that the program reads, each checked. */
  #checked(inputs: StepInputs): [string, Elements][] {
    if (this.nonFinite === "refuse") this.#checkFinite(inputs);
    const entries = Object.entries(inputs).filter(([name]) => !this.#unused.has(name));
    // A single input is checked where it is written.
    if (entries.length > 1) for (const [name, data] of entries) checkedInput(this.program, name, data);
    return entries;
  }

  #write(inputs: readonly [string, Elements][]): void {
    for (const [name, data] of inputs) {
      this.executable.write(name, data);
      this.#unwritten.delete(name);
    }
  }

  #checkWritten(given: StepInputs): void {
    if (this.#unwritten.size === 0) return;
    const missing = [...this.#unwritten].filter((name) => !Object.hasOwn(given, name));
    if (missing.length === 0) return;
    const names = missing.map((name) => `"${name}"`).join(", ");
    throw new TypeError(`step ${this.program.name}: input ${names} was never given; pass it to run()`);
  }

  /** A misspelt scalar would silently change nothing. */
  #checkNames(scalars: StepScalars): void {
    for (const name in scalars) {
      if (this.#scalars.has(name)) continue;
      const what = unknownOption(name, [...this.#scalars], "step scalar");
      throw new TypeError(`step ${this.program.name}: ${what}`);
    }
  }

  /** Creates no objects: this runs for every step. */
  #fillRow(row: number, given: StepScalars): void {
    const { f32, u32 } = this.#rows;
    const step = this.owner.steps + (this.trains ? row + 1 : 0);
    for (let i = 0; i < this.#slots.length; i++) {
      const slot = this.#slots[i];
      const value = this.#scalar(slot, given, step);
      if (typeof value !== "number" || Number.isNaN(value)) {
        const remedy =
          slot.owner === "optimizer"
            ? `the optimizer's function of the step gives it; let it give a number at step ${step}, too`
            : "give it a number in run()";
        throw new TypeError(
          `step ${this.program.name}: step scalar "${slot.name}" is ${inWords(value)}; ${remedy}`,
        );
      }
      if (slot.dtype === "u32" && !(Number.isInteger(value) && value >= 0)) {
        throw new RangeError(
          `step ${this.program.name}: step scalar "${slot.name}" is ${value}; give it a whole number from 0`,
        );
      }
      (slot.dtype === "f32" ? f32 : u32)[row * STEP_SLOTS + i] = value;
    }
  }

  /** The step's own numbers are those given; the library's, too, or else what the owner knows; the optimizer's are its own. */
  #scalar({ owner, name }: Slot, given: StepScalars, step: number): number | undefined {
    const { optimizer, seed } = this.owner;
    if (owner === "optimizer") return optimizer?.scalars[name]?.(step);
    if (Object.hasOwn(given, name) && given[name] !== undefined) return given[name];
    if (owner === "user") return undefined;
    if (name === "learningRate") return optimizer?.learningRate ?? 0;
    if (name === "step") return step;
    return name === "seed" ? seed : undefined;
  }

  /** Frees the memory that only the step uses. */
  release(): void {
    this.executable.release();
  }

  /** `release`, for `using`. */
  [Symbol.dispose](): void {
    this.release();
  }
}

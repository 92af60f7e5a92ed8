/** A step, compiled: written once, run as often as wanted. */
import { type Elements, type Program, STEP_SLOTS } from "../program.ts";
import type { Executable, LaunchTimes, Outputs } from "../runtime/engine.ts";
import { firstNonFinite, type NonFinite } from "./finite.ts";
import type { Trainer } from "./trainer.ts";

/** Values of step scalars, by name. */
export type StepScalars = Readonly<Record<string, number>>;

export class CompiledStep {
  constructor(
    readonly trainer: Trainer,
    readonly executable: Executable,
    /** Whether running it updates the parameters. */
    readonly trains: boolean,
    /** Names of its inputs, whether what it computes depends on them or not. */
    readonly inputs: readonly string[],
    /** Whether those may hold NaN and infinities. */
    readonly nonFinite: NonFinite = "refuse",
  ) {
    const used = executable.program.buffers.filter(({ kind }) => kind === "input").map(({ name }) => name);
    this.#unused = new Set(inputs.filter((name) => !used.includes(name)));
    this.#unwritten = new Set(used);
  }

  readonly #unused: ReadonlySet<string>;
  readonly #unwritten: Set<string>;

  /** The step, written down: `describe(step.program)` prints it. */
  get program(): Program {
    return this.executable.program;
  }

  /**
   * Writes inputs without running: later runs see them.
   * @throws RangeError for a number that is not finite, unless the step was compiled with `nonFinite: "allow"`
   */
  write(inputs: Readonly<Record<string, Elements>>): void {
    if (this.nonFinite === "refuse") this.#checkFinite(inputs);
    for (const [name, data] of Object.entries(inputs)) {
      if (this.#unused.has(name)) continue;
      this.executable.write(name, data);
      this.#unwritten.delete(name);
    }
  }

  #checkFinite(inputs: Readonly<Record<string, Elements>>): void {
    for (const [name, data] of Object.entries(inputs)) {
      const bad = data instanceof Float32Array ? firstNonFinite(data) : -1;
      if (bad < 0) continue;
      throw new RangeError(
        `step ${this.program.name}: input "${name}" holds ${data[bad]} at element ${bad}; give finite numbers, or compile the step with nonFinite: "allow"`,
      );
    }
  }

  /**
   * Runs one step on `inputs` (all on the first run; later, those that change). `scalars` gives step scalars; the
   * learning rate is the optimizer's unless given as `learningRate`.
   * @returns the outputs' elements, by name
   */
  async run(inputs: Readonly<Record<string, Elements>> = {}, scalars: StepScalars = {}): Promise<Outputs> {
    this.write(inputs);
    return this.runMany(1, () => scalars);
  }

  /** Runs `count` steps in one submit; `scalarsAt(i)` gives the scalars of the i-th. Outputs hold a row a step. */
  runMany(count: number, scalarsAt: (i: number) => StepScalars): Promise<Outputs> {
    this.#prepare(count, scalarsAt);
    return this.executable.run(count);
  }

  /** As {@link runMany}, but launch by launch, for the time of each. What the steps do is done. */
  profile(count: number, scalarsAt: (i: number) => StepScalars = () => ({})): Promise<LaunchTimes> {
    this.#prepare(count, scalarsAt);
    return this.executable.profile(count);
  }

  #prepare(count: number, scalarsAt: (i: number) => StepScalars): void {
    const { table } = this.executable;
    this.trainer.checkValues(`step ${this.program.name}`);
    if (this.#unwritten.size > 0) {
      const missing = [...this.#unwritten].map((name) => `"${name}"`).join(", ");
      throw new TypeError(`step ${this.program.name}: input ${missing} was never given; pass it to run()`);
    }
    for (let i = 0; i < count && i < table.rows; i++) {
      if (this.trains) this.trainer.steps++;
      this.#fillRow(i, scalarsAt(i));
    }
  }

  /** Makes no objects: it runs for every step. */
  #fillRow(row: number, given: StepScalars): void {
    const { scalars, name: program } = this.program;
    const { f32, u32 } = this.executable.table;
    for (let slot = 0; slot < scalars.length; slot++) {
      const { name, dtype } = scalars[slot];
      const value = this.#scalar(name, given);
      if (value === undefined || Number.isNaN(value)) {
        throw new TypeError(`step ${program}: step scalar "${name}" is ${value}; give it a number in run()`);
      }
      (dtype === "f32" ? f32 : u32)[row * STEP_SLOTS + slot] = value;
    }
  }

  #scalar(name: string, given: StepScalars): number | undefined {
    const { optimizer, steps, seed } = this.trainer;
    const own = this.trains && optimizer ? optimizer.scalarAt(name, steps) : undefined;
    const value = given[name] ?? own;
    if (value !== undefined) return value;
    if (name === "learningRate") return optimizer?.learningRate ?? 0;
    if (name === "step") return steps;
    return name === "seed" ? seed : undefined;
  }

  release(): void {
    this.executable.release();
  }
}

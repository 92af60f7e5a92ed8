/** The first launch of a step whose result is not finite, though its operands are. */
import type { Elements } from "../../dtypes.ts";
import { hookFunctions } from "../../inspect/describe.ts";
import { isWritten } from "../../kernels/index.ts";
import { lowerApart } from "../../nn/graph/lower/apart.ts";
import { withLabel } from "../../nn/graph/tensor.ts";
import { buildStep } from "../../nn/training/step.ts";
import { type Dispatch, elementCount, type Program, type View } from "../../program.ts";
import { DeviceLostError, EngineError } from "../../runtime/engine.ts";
import { CompiledStep } from "../compiledStep.ts";
import { firstNonFinite } from "../finite.ts";
import type { TrainingParts } from "../settings.ts";
import type { BatchSource } from "../source.ts";
import type { TrainerState } from "../state.ts";
import { trainingStep } from "../trainingSteps.ts";
import { captured, type Probed, probed, type Reading, readings } from "./probed.ts";
import { type Finding, tensorAt } from "./state.ts";
import { scalarsOf, type TracedStep } from "./step.ts";

/** A step with probes, in two forms: a launch for each op, and as it is trained. */
interface Form {
  readonly program: Program;
  readonly probed: Probed;
  readonly step: CompiledStep;
}

/** The launches of steps with batches of one size. */
export class Launches {
  /** By whether ops are fused. */
  readonly #forms = new Map<boolean, Promise<Form>>();

  constructor(
    readonly parts: TrainingParts,
    readonly source: BatchSource,
    readonly size: number,
  ) {}

  /** @param state the trainer's state, which is put back */
  async find(step: TracedStep, state: TrainerState): Promise<Finding | undefined> {
    try {
      const found = await this.#look(false, step, state);
      if (found) return found;
    } catch (error) {
      // Op by op, the step takes more memory than as it is trained.
      if (!(error instanceof EngineError) || error instanceof DeviceLostError) throw error;
    }
    // Results may differ by rounding, where ops are fused.
    return this.#look(true, step, state);
  }

  async #look(fuse: boolean, step: TracedStep, state: TrainerState): Promise<Finding | undefined> {
    const form = await this.#form(fuse);
    const seen = readings(form.probed, await this.#run(form.step, step, state));
    const culprit = firstCulprit(form.program, seen);
    if (culprit === undefined) return undefined;
    const closer = await this.#compiled(captured(form.program, culprit));
    try {
      const numbers = await this.#run(closer, step, state);
      return this.#finding(form.program, culprit, closer.program.outputs, numbers, seen, state);
    } finally {
      closer.release();
    }
  }

  /** Runs a step, which leaves the trainer as it was. */
  async #run(compiled: CompiledStep, step: TracedStep, state: TrainerState) {
    try {
      return await compiled.run({}, scalarsOf(step));
    } finally {
      this.parts.trainer.restore(state, { nonFinite: "allow" });
    }
  }

  #form(fuse: boolean): Promise<Form> {
    const known = this.#forms.get(fuse) ?? this.#makeForm(fuse);
    this.#forms.set(fuse, known);
    return known;
  }

  async #makeForm(fuse: boolean): Promise<Form> {
    const { trainer } = this.parts;
    const { body, options } = trainingStep(this.parts, this.source, this.size, withLabel);
    const program = buildStep({
      ...options,
      model: trainer.model,
      layout: { parameters: trainer.layout, statistics: trainer.statistics },
      optimizer: trainer.optimizer,
      training: true,
      body: (model, part) => body({}, model, part),
      lowered: fuse ? undefined : lowerApart,
    });
    const withProbes = probed(program);
    return { program, probed: withProbes, step: await this.#compiled(withProbes.program) };
  }

  async #compiled(program: Program): Promise<CompiledStep> {
    const { trainer } = this.parts;
    const memory = { state: trainer.memory, data: this.source.data };
    return new CompiledStep(trainer, await trainer.engine.compile(program, memory), true, []);
  }

  /** @param numbers copies of operands and results of the culprit, by the names of `outputs` */
  #finding(
    program: Program,
    culprit: number,
    outputs: Program["outputs"],
    numbers: Readonly<Record<string, Elements>>,
    seen: readonly Reading[],
    { arenas }: TrainerState,
  ): Finding {
    const dispatch = program.dispatches[culprit];
    const named = Object.entries(numbers) as [string, Float32Array][];
    const operands = named.filter(([name]) => name.startsWith("operand")).map(([, values]) => values);
    const [result, values] = named.find(
      ([name, values]) => name.startsWith("result") && firstNonFinite(values) >= 0,
    ) as [string, Float32Array];
    const view = seen.filter(({ dispatch }) => dispatch === culprit)[Number(result.slice("result".length))]
      .view;
    const at = firstNonFinite(values);
    const before = seen.filter((reading) => reading.dispatch < culprit).map(({ largest }) => largest);
    const { phase, layer } = partOf(program, dispatch);
    const gradients = phase === "backward" ? this.#badGradients(program, seen) : [];
    return {
      place: "op",
      phase,
      ...(layer !== undefined && { layer }),
      op: dispatch.op ?? fusedOps(dispatch),
      ...this.#tensorOf(program, dispatch, { ...view, shape: outputs[result].shape }, at),
      value: values[at],
      ...(gradients.length > 0 && { gradients }),
      largest: {
        operands: Math.max(0, ...operands.map(largestOf)),
        step: Math.max(0, ...Object.values(arenas).map(largestOf), ...before),
      },
    };
  }

  /** The tensor that a view is part of, by its name where it has one, and the position in it. */
  #tensorOf({ buffers }: Program, dispatch: Dispatch, { buffer, offset, shape }: View, at: number) {
    const { layout, statistics } = this.parts.trainer;
    const { kind, name } = buffers[buffer];
    const size = elementCount(shape);
    if (isUpdate(dispatch)) {
      // All parameters at once, or all statistics.
      const arena = dispatch.label.startsWith(STATISTICS) ? statistics : layout;
      if (size === arena.length) {
        const { name: tensor, ...found } = tensorAt(arena, at);
        return { tensor, ...found };
      }
    } else if (kind === "state") {
      const tensor = tensorAt(name === "observed" ? statistics : layout, offset).name;
      const what = name === "observed" ? "observed" : "gradient of";
      return { tensor: `${what} ${tensor}`, shape, element: at };
    }
    return { shape, element: at };
  }

  /** Names of the parameters whose gradients are not finite. */
  #badGradients({ buffers, dispatches }: Program, seen: readonly Reading[]): string[] {
    return seen
      .filter(({ bad, dispatch, view }) => {
        const { kind, name } = buffers[view.buffer];
        return bad > 0 && kind === "state" && name === "gradients" && !isUpdate(dispatches[dispatch]);
      })
      .map(({ view }) => tensorAt(this.parts.trainer.layout, view.offset).name);
  }

  release(): void {
    for (const form of this.#forms.values())
      form.then(
        ({ step }) => step.release(),
        () => {},
      );
    this.#forms.clear();
  }
}

/**
 * The first dispatch whose result is not finite, among those from which such numbers come into the loss; where the loss is
 * finite, into gradients and observations; and else into the model. Others may be infinite and do no harm: 1 / (1 + exp(100)) is
 * a number.
 */
export function firstCulprit(program: Program, seen: readonly Reading[]): number | undefined {
  const { buffers, dispatches } = program;
  const bad = seen.filter((reading) => reading.bad > 0);
  const lasting = bad.filter(({ view }) => buffers[view.buffer].kind !== "temporary");
  const stages: ((reading: Reading) => boolean)[] = [
    ({ view }) => buffers[view.buffer].kind === "output",
    ({ dispatch }) => !isUpdate(dispatches[dispatch]),
    () => true,
  ];
  const ends = stages.map((isOf) => lasting.filter(isOf)).find((some) => some.length > 0) ?? [];
  const chain = new Set(ends.map(({ dispatch }) => dispatch));
  // A set's loop goes on with what is added to it.
  for (const user of chain) {
    const reads = Object.entries(dispatches[user].bindings).filter(
      ([name]) => !isWritten(dispatches[user], name),
    );
    for (const { dispatch, view } of bad) {
      if (dispatch < user && reads.some(([, read]) => overlap(read, view))) chain.add(dispatch);
    }
  }
  return chain.size > 0 ? Math.min(...chain) : undefined;
}

function overlap(a: View, b: View): boolean {
  return (
    a.buffer === b.buffer &&
    a.offset < b.offset + elementCount(b.shape) &&
    b.offset < a.offset + elementCount(a.shape)
  );
}

const STATISTICS = "running statistics";
const UPDATE = /^(optimizer|running statistics)(?:: (.*))?$/;

function isUpdate({ label }: Dispatch): boolean {
  return UPDATE.test(label);
}

/** Phase and layer of a dispatch, by its label. */
function partOf({ name }: Program, { label }: Dispatch): Pick<Finding, "phase" | "layer"> {
  const update = UPDATE.exec(label);
  if (update) return { phase: "update", layer: update[2] ?? update[1] };
  const layer = label.replace(/ backward$/, "");
  const phase = layer === label ? "forward" : "backward";
  return layer === "" || layer === name ? { phase } : { phase, layer };
}

/** What a dispatch of several ops computes: its kernel, and the functions in its hooks. */
function fusedOps({ kernel, hooks }: Dispatch): string {
  const functions = Object.values(hooks).flatMap(hookFunctions);
  return [kernel, ...functions].join(" ");
}

/** The largest magnitude among the finite numbers; 0 where there is none. */
function largestOf(values: Float32Array): number {
  let largest = 0;
  for (const value of values) {
    const size = Math.abs(value);
    if (size > largest && size < Number.POSITIVE_INFINITY) largest = size;
  }
  return largest;
}

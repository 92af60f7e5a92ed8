/** The state of a run of `fit` between two submits, and its part in a checkpoint's description. */
import { isWhole } from "../checks.ts";
import type { SafetensorsTensor } from "../io/safetensors.ts";
import type { RestoredState } from "./callback.ts";
import { decodePlain, encodePlain } from "./epochs.ts";
import type { Epoch } from "./fit.ts";
import type { SessionState } from "./session.ts";
import type { TrainerState } from "./state.ts";
import { NOTHING, type Sums } from "./totals.ts";
import type { TensorData } from "./trainer.ts";
import { samplesPerEpoch, stepsPerEpoch } from "./trainingSteps.ts";

/** Where a run is, as plain data. */
export interface Position {
  readonly steps: number;
  readonly learningRate: number;
  /** Sums over the steps of the epoch under way. */
  readonly sums: Sums;
  /** Seconds spent on that epoch. */
  readonly seconds: number;
}

/** State of a callback in a checkpoint. */
export interface SavedState extends RestoredState {
  readonly name: string;
}

/** With the run's options, all that its next numbers depend on. */
export interface RunState {
  readonly trainer: TrainerState;
  readonly position: Position;
  /** Settings that determine the order of samples. */
  readonly order: SessionState["order"];
  /** The complete epochs. */
  readonly history: readonly Epoch[];
  readonly callbacks: readonly SavedState[];
}

/** What a checkpoint holds besides the trainer's state. Those of the second format are of an epoch's end. */
export type Restored = Omit<RunState, "trainer" | "order"> & { readonly order?: RunState["order"] };

/** The run as far as it counts steps. */
type Counted = Parameters<typeof samplesPerEpoch>[0];

/** Names of callbacks' tensors begin so. */
export const OF_CALLBACKS = "callbacks/";

interface Description {
  readonly position: Position;
  readonly order: SessionState["order"];
  readonly samplesPerEpoch: number;
  readonly stepsPerEpoch: number;
  readonly callbacks: readonly (Omit<SavedState, "tensors"> & { readonly tensors: readonly string[] })[];
}

/** Describes position, order and callbacks, and adds the callbacks' tensors to `tensors`. */
export function describeState(
  run: Counted,
  { position, order, callbacks }: RunState,
  tensors: Map<string, SafetensorsTensor>,
): string {
  const described: Description = {
    position,
    order,
    samplesPerEpoch: samplesPerEpoch(run),
    stepsPerEpoch: stepsPerEpoch(run),
    callbacks: callbacks.map(({ tensors: own, ...others }, i) => {
      for (const [name, { shape, data }] of Object.entries(own))
        tensors.set(`${OF_CALLBACKS}${i}/${name}`, { shape, data });
      return { ...others, tensors: Object.keys(own) };
    }),
  };
  return encodePlain(described);
}

/** The state of a checkpoint without a description: at the end of an epoch. */
export function stateAfter(run: Counted, history: readonly Epoch[], learningRate: number): Restored {
  const steps = history.length * stepsPerEpoch(run);
  return { history, callbacks: [], position: { steps, learningRate, sums: NOTHING, seconds: 0 } };
}

/** @throws Error where the description is damaged, or its place is within an epoch of other batches than the run's */
export function stateOf(
  run: Counted,
  text: unknown,
  history: readonly Epoch[],
  tensors: ReadonlyMap<string, SafetensorsTensor>,
): Restored {
  const { position, order, callbacks, ...then } = described(text);
  const before = history.length * then.stepsPerEpoch;
  const ofEpoch = position.steps - before;
  if (ofEpoch < 0 || ofEpoch > then.stepsPerEpoch)
    throw new Error(
      `it is damaged: ${position.steps} steps with ${history.length} epochs of ${then.stepsPerEpoch}`,
    );
  const now = { samplesPerEpoch: samplesPerEpoch(run), stepsPerEpoch: stepsPerEpoch(run) };
  const same = now.samplesPerEpoch === then.samplesPerEpoch && now.stepsPerEpoch === then.stepsPerEpoch;
  if (ofEpoch > 0 && !same) {
    throw new Error(
      `it was written within epoch ${history.length + 1}, after ${ofEpoch} of ${then.stepsPerEpoch} steps, and this run's epochs have ${now.stepsPerEpoch} steps; resume from the end of an epoch, or with the same batches`,
    );
  }
  return {
    history,
    order,
    callbacks: callbacks.map((callback, i) => savedState(callback, i, tensors, history.length)),
    position: {
      ...position,
      steps: history.length * now.stepsPerEpoch + ofEpoch,
      sums: ofEpoch > 0 ? position.sums : NOTHING,
    },
  };
}

/** @throws Error where a part of it is of another kind */
function described(text: unknown): Description {
  const found = Object(typeof text === "string" ? decodePlain(text) : undefined) as Partial<Description>;
  const { steps, learningRate, seconds, sums } = Object(found.position) as Partial<Position>;
  const { samples, skipped, loss, correct } = Object(sums) as Partial<Sums>;
  const numbers = [learningRate, seconds, samples, skipped, loss, correct];
  const counts = [steps, found.samplesPerEpoch, found.stepsPerEpoch];
  const order = typeof found.order === "object" && found.order !== null;
  if (
    !counts.every((count) => isWhole(count)) ||
    !numbers.every((number) => typeof number === "number") ||
    !(Number(learningRate) >= 0 && Number(learningRate) < Number.POSITIVE_INFINITY) ||
    !order ||
    !Array.isArray(found.callbacks)
  )
    throw new Error("it is damaged: it does not describe the run's position");
  return found as Description;
}

/** @throws Error where a part of it is missing or of another kind */
function savedState(
  given: unknown,
  at: number,
  tensors: ReadonlyMap<string, SafetensorsTensor>,
  most: number,
): SavedState {
  const { name, epochs, values, tensors: names } = Object(given) as Description["callbacks"][number];
  if (typeof name !== "string" || !isWhole(epochs, 0, most) || !Array.isArray(names))
    throw new Error(`it is damaged: the state of its callback ${at} is incomplete`);
  const own = names.map((tensor): [string, TensorData] => {
    const found = tensors.get(`${OF_CALLBACKS}${at}/${tensor}`);
    if (!(found?.data instanceof Float32Array))
      throw new Error(`it is damaged: the tensor ${tensor} of its callback ${name} is missing, or no F32`);
    return [String(tensor), { shape: found.shape, data: found.data }];
  });
  return { name, epochs, values, tensors: Object.fromEntries(own) };
}

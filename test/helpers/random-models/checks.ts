/** All that is asked of a random model on an engine. */
import type { Dataset } from "../../../src/data/index.ts";
import {
  describe,
  type Engine,
  predict,
  programCost,
  type Session,
  type SessionState,
  summary,
} from "../../../src/index.ts";
import { launchDetails, memoryLayout } from "../../../src/inspect/index.ts";
import { difference } from "../compare.ts";
import { type RandomModel, STEPS } from "./model.ts";
import { compareStep, open, type Reference } from "./steps.ts";

/** An engine, and bytes of its memory in use. */
export interface Watched {
  readonly engine: Engine;
  bytes(): number;
  /** Messages of errors that no scope caught, so far. */
  errors(): readonly string[];
}

export interface Findings {
  readonly faults: string[];
  /** Steps that amplify rounding: see `steps.ts`. */
  readonly unstable: number;
}

/** Holds the model's steps on an engine against the CPU's, and what else is promised of them. */
export async function faultsOn(watched: Watched, model: RandomModel, cpu: Reference): Promise<Findings> {
  const before = watched.bytes();
  const errors = watched.errors().length;
  const faults: string[] = [];
  let unstable = 0;
  const session = await open(watched.engine, model);
  try {
    faults.push(...sameBits("initial state", await session.snapshot(), cpu.states[0]));
    for (let i = 0; i < STEPS; i++) {
      const found = await compareStep(cpu, session, i);
      faults.push(...found.faults);
      if (found.unstable) unstable++;
    }
    faults.push(...(await replayFaults(session, cpu.states[0])));
    faults.push(...(await predictionFaults(session, cpu)));
  } finally {
    session.release();
  }
  // A kept step goes once it is known to have been compiled, and a program's memory once no thread of the wasm engine reads it.
  for (let i = 0; i < 400 && watched.bytes() !== before; i++)
    await new Promise((resolve) => setTimeout(resolve, i < 2 ? 0 : 5));
  if (watched.bytes() !== before) faults.push(`${watched.bytes() - before} bytes are left behind`);
  faults.push(...watched.errors().slice(errors));
  return { faults, unstable };
}

/** Steps in one submit and in several, from the start and from a snapshot in between: the same to the bit. */
export async function replayFaults(session: Session, start: SessionState): Promise<string[]> {
  session.restore(start);
  const whole = await session.advance(STEPS);
  const end = await session.snapshot();
  session.restore(start);
  const first = await session.advance(2);
  const between = await session.snapshot();
  const rest = await session.advance(STEPS - 2);
  const again = await session.snapshot();
  session.restore(between);
  const replayed = await session.advance(STEPS - 2);
  const last = await session.snapshot();
  const losses = (what: string, got: readonly number[]) =>
    got.every((value, i) => Object.is(value, whole.losses[whole.losses.length - got.length + i]))
      ? []
      : [`losses ${what}: ${got}, expected ${whole.losses}`];
  return [
    ...losses("in two parts", [...first.losses, ...rest.losses]),
    ...losses("from a snapshot", replayed.losses),
    ...sameBits("state after two parts", again, end),
    ...sameBits("state from a snapshot", last, end),
  ];
}

function sameBits(what: string, got: SessionState, want: SessionState): string[] {
  return Object.entries(want.trainer.arenas).flatMap(([name, values]) => {
    const at = values.findIndex((value, i) => !Object.is(value, got.trainer.arenas[name][i]));
    return at < 0
      ? []
      : [`${what}, ${name}: ${got.trainer.arenas[name][at]} at ${at}, expected ${values[at]}`];
  });
}

/** Predictions for all samples, with the CPU's last state. */
async function predictionFaults(session: Session, cpu: Reference): Promise<string[]> {
  const [state] = cpu.states.slice(-1);
  session.restore(state);
  cpu.session.restore(state);
  const [got, want] = await Promise.all(
    [session, cpu.session].map(({ trainer, dataset, batchSize }) =>
      predict(trainer, dataset as Dataset, { batchSize }),
    ),
  );
  const size = want.data.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const found = difference("predictions", got.data, want.data, { rtol: 1e-4, atol: 1e-4 * size });
  return found ? [found] : [];
}

/** What people read of the model: no part of it may throw, or name a number that is none. */
export function textFaults({ model, data, options }: RandomModel, { program }: Session): string[] {
  const inputShape = data.inputs.shape;
  const texts = [summary(model, { inputShape, batchSize: options.batchSize }), describe(program)];
  const details = JSON.stringify([memoryLayout(program), programCost(program), launchDetails(program)]);
  return [
    ...texts.filter((text) => /\b(NaN|undefined|Infinity)\b/.test(text)),
    // A number that is not finite becomes null.
    ...(/[:[,]null\b/.test(details) ? [details] : []),
  ].map((text) => `a report: ${text}`);
}

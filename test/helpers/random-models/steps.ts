/**
 * The first steps of a random model on an engine, held against those of the CPU engine.
 *
 * Each step begins with the CPU's state before that step, so that differences do not build up. A gradient may be off by
 * the rounding of some ten operations, relative to the largest of its tensor; what an optimizer makes of a gradient, in
 * proportion. Where a step amplifies rounding (two values that compare almost equal, a variance near 0), the CPU's own
 * step does so, too: a larger difference passes only where the CPU's own results move as far when its parameters move by
 * a few units in the last place.
 */
import type { Engine, Session, SessionState } from "../../../src/index.ts";
import { session } from "../../../src/index.ts";
import type { ArenaEntry, ArenaLayout } from "../../../src/nn/model/layout.ts";
import { elementCount } from "../../../src/program.ts";
import { uniform } from "../../../src/random.ts";
import { type RandomModel, STEPS } from "./model.ts";

/** What a step leaves behind. */
export interface Taken {
  readonly loss: number;
  readonly accuracy?: number;
  readonly gradients: Float32Array;
  readonly state: SessionState;
}

export interface Reference {
  readonly session: Session;
  /** Before each step, and after the last. */
  readonly states: readonly SessionState[];
  readonly taken: readonly Taken[];
}

export async function open(engine: Engine, { model, data, options }: RandomModel): Promise<Session> {
  return session(engine, model, data, options);
}

/** Takes the next step. */
export async function step(session: Session): Promise<Taken> {
  const { loss, accuracy } = await session.advance();
  const gradients = (await session.trainer.memory.gradients.read()) as Float32Array;
  return { loss, accuracy, gradients, state: await session.snapshot() };
}

/** The CPU's first steps. */
export async function reference(engine: Engine, model: RandomModel): Promise<Reference> {
  const opened = await open(engine, model);
  const states = [await opened.snapshot()];
  const taken: Taken[] = [];
  for (let i = 0; i < STEPS; i++) {
    taken.push(await step(opened));
    states.push(taken[i].state);
  }
  return { session: opened, states, taken };
}

/** Relative error of a gradient, beside the largest of its tensor. */
const RTOL = 1e-4;
/** A gradient that cancels to 0, such as that of a bias in front of a norm, beside the largest of all gradients. */
const ATOL = 2e-6;
/** Longest step, in learning rates, that a rule makes of a gradient of any size: 1 / √(1 − decay) of rmsprop, and a little. */
const STRIDE = 12;
/** By which Newton-Schulz iterations may stretch an error. */
const MUON = 50;
/** Rounding of a parameter. */
const ULP = 2 ** -23;

interface Compared {
  readonly faults: string[];
  /** Whether a difference passed only because the CPU's own step is as unstable. */
  readonly unstable: boolean;
}

/** Holds one engine's step from the CPU's state against the CPU's. */
export async function compareStep(cpu: Reference, got: Session, i: number): Promise<Compared> {
  got.restore(cpu.states[i]);
  const found = await step(got);
  const strict = differences(cpu, i, found, NONE);
  if (strict.length === 0) return { faults: [], unstable: false };
  const spread = await spreadOf(cpu, i);
  return { faults: differences(cpu, i, found, spread), unstable: true };
}

/** How far each number of the CPU's step moves, by what it is and the tensor's name. */
type Spread = ReadonlyMap<string, number>;
const NONE: Spread = new Map();
const NUDGES = 4;
/** Relative size of a nudge. */
const NUDGE = 2 ** -21;
/** The largest of a few random moves is taken times this. */
const MARGIN = 4;

/** Moves of the CPU's results where its parameters move by a few units in the last place. */
async function spreadOf({ session, states, taken }: Reference, i: number): Promise<Spread> {
  const spread = new Map<string, number>();
  for (let nudge = 0; nudge < NUDGES; nudge++) {
    const before = states[i];
    const parameters = before.trainer.arenas.parameters.map(
      (value, at) => value * (1 + NUDGE * (2 * uniform(nudge, 79, at) - 1)),
    );
    session.restore({
      ...before,
      trainer: { ...before.trainer, arenas: { ...before.trainer.arenas, parameters } },
    });
    const moved = await step(session);
    const note = (name: string, by: number) => spread.set(name, Math.max(spread.get(name) ?? 0, MARGIN * by));
    note("loss", Math.abs(moved.loss - taken[i].loss));
    note("accuracy", Math.abs((moved.accuracy ?? 0) - (taken[i].accuracy ?? 0)));
    for (const { name, got, want } of tensorsOf(session, moved, taken[i])) {
      note(
        name,
        got.reduce((most, value, at) => Math.max(most, Math.abs(value - want[at])), 0),
      );
    }
  }
  session.restore(states[STEPS]);
  return spread;
}

interface Pair {
  readonly arena: string;
  readonly tensor: string;
  readonly name: string;
  readonly got: Float32Array;
  readonly want: Float32Array;
}

/** All tensors of two results of one step. */
function tensorsOf({ trainer }: Session, got: Taken, want: Taken): Pair[] {
  const arenas = (taken: Taken): Record<string, Float32Array> => ({
    gradients: taken.gradients,
    ...taken.state.trainer.arenas,
  });
  const [gotten, wanted] = [arenas(got), arenas(want)];
  return Object.keys(wanted).flatMap((arena) => {
    const layout: ArenaLayout<ArenaEntry> = arena === "statistics" ? trainer.statistics : trainer.layout;
    return layout.specs.map(({ name, shape }) => {
      const offset = layout.offset(name);
      const part = (values: Float32Array) => values.subarray(offset, offset + elementCount(shape));
      return {
        arena,
        tensor: name,
        name: `${arena} ${name}`,
        got: part(gotten[arena]),
        want: part(wanted[arena]),
      };
    });
  });
}

const largest = (values: Float32Array) => values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);

/** Arenas of numbers that move by steps. */
const MOVING = ["parameters", "average", "slow"];

function differences({ session, states, taken }: Reference, i: number, got: Taken, spread: Spread): string[] {
  const want = taken[i];
  const faults: string[] = [];
  const check = (name: string, value: number, wanted: number, bound: number) => {
    // NaN never passes.
    if (Math.abs(value - wanted) <= bound + (spread.get(name) ?? 0)) return;
    faults.push(`step ${i + 1}, ${name}: ${value}, expected ${wanted} ± ${bound}`);
  };
  check("loss", got.loss, want.loss, 2e-5 * Math.abs(want.loss) + 1e-6);
  check("accuracy", got.accuracy ?? 0, want.accuracy ?? 0, 0);
  const all = tensorsOf(session, got, want);
  const top = largest(want.gradients);
  const gradients = new Map(
    all.filter(({ arena }) => arena === "gradients").map((pair) => [pair.tensor, pair]),
  );
  const noise = (tensor: string) => RTOL * largest((gradients.get(tensor) as Pair).want) + ATOL * top;
  const before = new Map(
    tensorsOf(session, got, { ...want, state: states[i] }).map((pair) => [pair.name, pair.want] as const),
  );
  for (const pair of all) {
    const bound = boundOf(
      pair,
      before.get(pair.name) as Float32Array,
      gradients.get(pair.tensor)?.want,
      noise,
    );
    const at = pair.want.findIndex((wanted, at) => {
      // NaN never passes.
      return !(Math.abs(pair.got[at] - wanted) <= bound(at) + (spread.get(pair.name) ?? 0));
    });
    if (at < 0) continue;
    faults.push(
      `step ${i + 1}, ${pair.name}: ${pair.got[at]} at element ${at}, expected ${pair.want[at]} ± ${bound(at)}`,
    );
  }
  return faults;

  /** How far each element of a tensor may be off. */
  function boundOf(
    { arena, tensor, want: wanted }: Pair,
    before: Float32Array,
    gradient: Float32Array | undefined,
    noise: (tensor: string) => number,
  ): (at: number) => number {
    const size = Math.max(largest(wanted), largest(before));
    // A statistic.
    if (gradient === undefined) return () => 1e-5 * size + 1e-6;
    const off = noise(tensor);
    if (arena === "gradients") return () => off;
    const { name = "", learningRate = 0, groups = [] } = session.options.optimizer ?? {};
    const rate = Math.max(learningRate, ...groups.map(({ learningRate = 0 }) => learningRate));
    // Of a gradient that is nothing but rounding, not even the sign is known.
    const stride = (at: number) => (Math.abs(gradient[at]) <= off ? STRIDE : 0);
    const whole = largest(gradient);
    // Muon's step mixes all elements of a matrix, and stretches small singular values.
    const mixed = name.includes("muon") ? Math.min(1, (MUON * off) / (whole + 1e-30)) : 0;
    const relative = (at: number) =>
      RTOL + 2 * Math.max(mixed, Math.min(1, off / (Math.abs(gradient[at]) + 1e-30)));
    if (MOVING.includes(arena)) {
      const most = wanted.reduce((most, value, at) => Math.max(most, Math.abs(value - before[at])), 0);
      return (at) => relative(at) * most + 2 * ULP * Math.abs(wanted[at]) + rate * (off + stride(at));
    }
    const isSquare = arena === "second" && !name.includes("adamax");
    const isStep = arena === "first" && name.includes("rmsprop");
    return (at) =>
      relative(at) * size +
      (isStep ? stride(at) : 0) +
      (isSquare ? off * (2 * Math.abs(gradient[at]) + off) : off);
  }
}

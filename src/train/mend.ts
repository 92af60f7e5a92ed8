/** Puts right what went wrong in training: a device that was lost, numbers that are not finite. Loaded where it happens. */
import { unlessAborted } from "../abort.ts";
import { DeviceLostError, type Engine } from "../runtime/engine.ts";
import { checkEngine } from "./arguments.ts";
import { recoveryOf, rollbackOf } from "./chosen.ts";
import { DivergenceError } from "./divergence.ts";
import type { TrainingEvent } from "./events.ts";
import { OnEngine } from "./onEngine.ts";
import { placeAfter, type StepQueue } from "./queue.ts";
import type { Safe } from "./safe.ts";
import type { SessionState } from "./session.ts";
import type { TrainingParts } from "./settings.ts";
import { stepsPerEpoch } from "./trainingSteps.ts";

/** Milliseconds before the second attempt to connect; they double from one to the next. A driver takes its time to start. */
const PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 8000;

/** The session that is mended. */
export interface Mended {
  learningRate: number;
  readonly safeState: SessionState;
  checkHeld(): void;
}

export class Mender {
  /** Devices lost in a row, and how many steps were good with the last. */
  #losses = 0;
  #lostAt: number;
  #rollbacks = 0;

  constructor(
    readonly parts: TrainingParts,
    readonly safe: Safe,
    readonly firstEpoch: number,
  ) {
    this.#lostAt = safe.steps;
  }

  /**
   * Mends until there is no trouble.
   * @throws DivergenceError where training stops, with the model as it was before the step; DeviceLostError where there is no
   *   other device; further errors as `OnEngine.open`
   */
  async mend(queue: StepQueue, session: Mended): Promise<void> {
    for (;;) {
      await queue.idle();
      const { trouble } = queue;
      if (!trouble) break;
      queue.trouble = undefined;
      session.checkHeld();
      this.safe.drop();
      // Other steps came back since the last loss.
      if (queue.good !== this.#lostAt) this.#losses = 0;
      this.#lostAt = queue.good;
      try {
        if (trouble.lost) await this.#recover(trouble.lost, queue, session);
        else await this.#wentWrong(trouble.step as number, queue, session);
      } catch (error) {
        if (!(error instanceof DeviceLostError) || error.state !== undefined) throw error;
        queue.trouble = { lost: error };
      }
    }
  }

  /** Goes on on another engine: takes all steps since the safe state again. */
  async #recover(error: DeviceLostError, queue: StepQueue, session: Mended): Promise<void> {
    const began = performance.now();
    if (!queue.untouched) {
      throw new DeviceLostError(
        `${error.message}; the model's weights were changed since the last step, and are lost with it`,
        { cause: error, state: session.safeState },
      );
    }
    const on = await this.reconnect(error, queue.taken, session);
    queue.use(on);
    queue.back(this.safe.steps);
    session.checkHeld();
    await queue.repeat();
    await queue.idle();
    if (!queue.trouble) await this.#tellRecovered(queue.taken, began);
  }

  /** Opens on another engine what could not be opened. */
  async reopen(error: DeviceLostError): Promise<OnEngine> {
    const began = performance.now();
    const on = await this.reconnect(error, this.safe.steps);
    await this.#tellRecovered(this.safe.steps, began);
    return on;
  }

  async #tellRecovered(taken: number, began: number): Promise<void> {
    const { engine } = this.parts.trainer;
    const seconds = (performance.now() - began) / 1000;
    await this.#tell({ kind: "recovered", ...this.#at(taken), engine, from: this.safe.steps, seconds });
  }

  /**
   * Connects again, and opens there what training needs, in the safe state.
   * @throws DeviceLostError once as many devices in a row were lost as may be
   */
  async reconnect(error: DeviceLostError, taken: number, session?: Mended): Promise<OnEngine> {
    const { owner, trainer, options } = this.parts;
    const { attempts = 3, connect } = recoveryOf(options) ?? { attempts: 0 };
    for (let last = error; ; ) {
      options.signal?.throwIfAborted();
      if (this.#losses >= attempts) {
        this.#losses = 0;
        throw new DeviceLostError(last.message, { cause: last.cause, state: session?.safeState ?? {} });
      }
      this.#losses++;
      await this.#tell({ kind: "lost", ...this.#at(taken), error: last, attempt: this.#losses });
      try {
        if (this.#losses > 1)
          await pause(Math.min(PAUSE_MS * 2 ** (this.#losses - 2), LONGEST_PAUSE_MS), options.signal);
        const engine = await connected(last, () => (connect ? connect() : connectedAgain(trainer.engine)));
        session?.checkHeld();
        checkEngine(`${owner}: recover.connect`, engine);
        trainer.move(engine);
        const on = await OnEngine.open(this.parts);
        try {
          trainer.restore(this.safe.state.trainer, { nonFinite: "allow" });
          return on;
        } catch (failure) {
          on.release();
          throw failure;
        }
      } catch (failure) {
        if (!(failure instanceof DeviceLostError)) throw failure;
        last = failure;
      }
    }
  }

  /** Numbers went wrong in that step, from 0. */
  async #wentWrong(step: number, queue: StepQueue, session: Mended): Promise<void> {
    const { parts, safe } = this;
    const { owner, options, trainer } = parts;
    const rollback = rollbackOf(options, stepsPerEpoch(parts));
    const loss = queue.bunchOf(step).lossOf(step);
    trainer.restore(safe.state.trainer, { nonFinite: "allow" });
    queue.keep(step);
    queue.back(safe.steps);
    if (rollback && this.#rollbacks < rollback.attempts) {
      this.#rollbacks++;
      const { every, factor } = rollback;
      const to = Math.max(safe.steps, Math.floor((step - 1) / every) * every);
      queue.scaleRates(to, factor);
      session.learningRate *= factor;
      const { learningRate } = session;
      await this.#tell({
        kind: "rolledBack",
        ...this.#at(step),
        to,
        learningRate,
        attempt: this.#rollbacks,
      });
      return queue.repeat();
    }
    const learningRate = queue.bunchOf(step).rateOf(step);
    await queue.repeat(step);
    await queue.idle();
    if (queue.trouble) return;
    const batch = await queue.peek();
    const { traceNonFinite, reportInWords } = await import("./trace/trace.ts");
    const report = await traceNonFinite(parts, queue.on.source, { ...batch, learningRate });
    const what = Number.isFinite(loss) ? "gradients or weights became not finite" : `the loss became ${loss}`;
    const error = new DivergenceError(
      `${owner}: ${what} in ${reportInWords(report)}; use a lower learning rate, clip gradients, or look for such numbers in the data`,
      report,
    );
    const { history } = safe.state;
    safe.set(step, { trainer: await trainer.state(), learningRate: session.learningRate, history });
    queue.fail(error, step);
    queue.adopt();
    await this.#tell({ kind: "stopped", ...this.#at(step), report });
    throw error;
  }

  /** The step behind that many. */
  #at(steps: number) {
    return { step: steps + 1, epoch: placeAfter(this.parts, this.firstEpoch, steps).epoch };
  }

  async #tell(event: TrainingEvent): Promise<void> {
    await this.parts.options.onEvent?.(event);
  }
}

/** @throws DeviceLostError where no engine is to be had, with the reason */
async function connected(lost: DeviceLostError, connect: () => Promise<Engine>): Promise<Engine> {
  try {
    return await connect();
  } catch (cause) {
    if (cause instanceof DeviceLostError) throw cause;
    throw new DeviceLostError(`${lost.message}; that failed: ${(cause as Error)?.message ?? cause}`, {
      cause,
    });
  }
}

/** @throws Error where the engine does not know how it was connected to */
function connectedAgain(engine: Engine): Promise<Engine> {
  if (engine.reconnect) return engine.reconnect();
  throw new TypeError("give recover: { connect }, which opens another engine");
}

/** Ends early, with the signal's reason, where the signal aborts. */
function pause(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const over = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, milliseconds);
  });
  return unlessAborted(signal, over).finally(() => clearTimeout(timer));
}

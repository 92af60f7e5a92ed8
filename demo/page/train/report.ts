/** Reports of a run to the page: gathered during the run, sent at once where urgent, else at intervals. */

import type { Insight, Point, Status, Told, TrainingPoint } from "./messages.ts";
import type { Trained } from "./run.ts";

/** The page is told so often at most. */
const TELL_MS = 100;

type Listener = (told: Told) => unknown;

/** The run's own figures. */
export type Facts = Pick<
  Told,
  "device" | "data" | "epoch" | "epochs" | "stepsPerEpoch" | "parameters" | "speed"
>;

export class Report {
  listener: Listener = () => {};
  /** A note that must not be missed about this run. */
  notice: string | undefined;
  #status: Status = "idle";
  #words = "";
  #part: number | undefined;
  /** Steps that are done: others may be under way. */
  #step = 0;
  #seconds = 0;
  #toldAt = 0;
  #unsaid: Pick<Told, "training" | "validation"> & { insight?: Insight; backTo?: number } = none();
  /** Means of the steps since the last point of the curve. */
  #since: Trained | undefined;
  /** The last message. Each waits for the one before, as messages take different times to make. */
  #last: Promise<unknown> = Promise.resolve();

  /**
   * @param facts gives the run's own figures at the time
   * @param reading gives the network's reading of the drawing, to be sent along with the network's progress
   */
  constructor(
    readonly facts: () => Facts,
    readonly reading: () => Promise<Pick<Told, "probabilities">>,
  ) {}

  /** Adds a bunch to the curve's next point. @throws DivergenceError where the loss is no number */
  trained(result: Trained, milliseconds: number): void {
    const before = this.#since ?? { ...result, steps: 0 };
    const steps = before.steps + result.steps;
    const mean = (key: "loss" | "accuracy") =>
      (before[key] * before.steps + result[key] * result.steps) / steps;
    const { learningRate } = result;
    this.#since = { steps, loss: mean("loss"), accuracy: mean("accuracy"), learningRate };
    this.#step += result.steps;
    this.#seconds += milliseconds / 1000;
  }

  evaluated(point: Point): void {
    this.#point();
    this.#unsaid = { ...this.#unsaid, validation: [...this.#unsaid.validation, point] };
  }

  looked(insight: Insight): void {
    this.#unsaid.insight = insight;
  }

  /** After which step the network was last looked at, if the page was not told yet. */
  get lookedAfter(): number | undefined {
    return this.#unsaid.insight?.step;
  }

  /** The run has returned to an earlier step: later points no longer hold. */
  wentBack(step: number): void {
    this.#step = step;
    this.#since = undefined;
    this.#unsaid = { ...none(), backTo: step };
  }

  clear(): void {
    this.wentBack(0);
    this.#unsaid = none();
    this.#seconds = 0;
    this.notice = undefined;
  }

  /** Tells the page: at once where there is news, else where it was not told for a while. */
  say(status: Status, words = "", part?: number): void {
    const now = performance.now();
    // The page need not know of every byte of a growing part.
    const news = status !== this.#status || (words !== this.#words && !(part && this.#part));
    this.#status = status;
    this.#words = words;
    this.#part = part && Number.isFinite(part) ? part : undefined;
    if (!news && now - this.#toldAt < TELL_MS) return;
    this.#toldAt = now;
    // Each message brings a point: where this thread computes, most of the time passes between two results.
    this.#point();
    const told: Told = {
      ...this.facts(),
      status,
      words,
      part: this.#part,
      notice: this.notice,
      step: this.#step,
      ...this.#unsaid,
    };
    this.#unsaid = none();
    const reading = status === "training" ? this.reading().catch(() => ({})) : undefined;
    this.#last = this.#last.then(async () => this.listener({ ...told, ...(await reading) }));
  }

  #point(): void {
    if (!this.#since) return;
    const { loss, accuracy, learningRate } = this.#since;
    const point: TrainingPoint = { step: this.#step, loss, accuracy, learningRate, seconds: this.#seconds };
    this.#unsaid = { ...this.#unsaid, training: [...this.#unsaid.training, point] };
    this.#since = undefined;
  }
}

function none(): Pick<Told, "training" | "validation"> {
  return { training: [], validation: [] };
}

/** One that takes part in a contest, in a program's or in a page's: what it computes first, then how long that takes. */
import type { Contender, Guest, Host } from "./hosts/host.ts";
import type { Task } from "./task.ts";

/** Amount of work in one measurement. */
export interface Pace {
  /** As much as takes about this long, */
  readonly measurementMs: number;
  /** but of no fewer times. */
  readonly minCount: number;
}

interface EntrantOptions<Name extends string> {
  readonly name: Name;
  readonly contender: Contender;
  readonly pace: Pace;
  /** Whether there is no contest without it. */
  readonly vital: boolean;
  /** Called with the current action, without the entrant's name. */
  readonly note: (line: string) => void;
}

const CALIBRATIONS = 4;

export class Entrant<Name extends string> {
  readonly name: Name;
  fails: string | undefined;
  adapter: string | undefined;
  /** Runs in a measurement. */
  count = 1;
  /** Results of each single run. */
  readonly results: (readonly number[])[] = [];
  /** Time of one run, a number for each measurement. */
  readonly times: number[] = [];
  readonly hostTimes: number[] = [];
  readonly #options: EntrantOptions<Name>;
  #guest: Guest | undefined;

  constructor(options: EntrantOptions<Name>) {
    this.name = options.name;
    this.#options = options;
  }

  /** A failure is reported in the end, and does not end the contest, unless the entrant is vital. */
  async attempt(act: () => Promise<void>): Promise<void> {
    if (this.fails !== undefined) return;
    try {
      await act();
    } catch (error) {
      if (this.#options.vital) throw error;
      this.fails = reasonOf(error);
      this.#options.note(`failed: ${this.fails}`);
      await this.leave();
    }
  }

  async enter(host: Host, task: Task): Promise<void> {
    const { contender, note } = this.#options;
    note("getting ready");
    this.#guest = await host.open(contender);
    if (contender.backend === "webgpu") this.adapter = await this.#guest.adapter();
    await this.#guest.prepare(task);
  }

  /** Does its work once. @returns how long that took */
  async show(): Promise<number> {
    const { result, milliseconds } = await this.#run(1);
    this.results.push([...result]);
    return milliseconds;
  }

  /** Until the device has got going, and it is known how often a measurement repeats the work, unless `count` says it. */
  async warmUp(count?: number): Promise<void> {
    if (count !== undefined) {
      this.count = count;
      await this.#run(count);
      return;
    }
    const { measurementMs, minCount } = this.#options.pace;
    for (let calibration = 0; calibration < CALIBRATIONS; calibration++) {
      const before = this.count;
      const { milliseconds } = await this.#run(before);
      this.count = Math.max(minCount, Math.round((measurementMs * before) / milliseconds));
      if (Math.abs(this.count / before - 1) < 0.25) return;
    }
  }

  async measure(): Promise<void> {
    const { milliseconds, hostMilliseconds, result } = await this.#run(this.count);
    const wrong = result.find((value) => !Number.isFinite(value));
    if (wrong !== undefined) throw new Error(`its result became ${wrong}`);
    this.times.push(milliseconds / this.count);
    if (hostMilliseconds !== undefined) this.hostTimes.push(hostMilliseconds / this.count);
  }

  #run(count: number) {
    return (this.#guest as Guest).run(count);
  }

  async leave(): Promise<void> {
    await this.#guest?.close();
    this.#guest = undefined;
  }
}

export function reasonOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.replace(/^(page\.evaluate: )?(Error: )?/, "").split("\n")[0];
}

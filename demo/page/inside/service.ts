/** The view's worker: records a training step, takes it apart, and times its launches. */
import { type Ceiling, type GpuEngine, launchProfiles, programCost } from "wgrad";
import { chromeTrace, launchDetails, measureCeiling, memoryLayout } from "wgrad/inspect";
import { type OpenedEngine, openEngine } from "../engine.ts";
import type { Settings } from "../network/settings.ts";
import type { Measurement, MeasurementNews, Recording } from "./messages.ts";
import { MOST_STEPS, type RecordedStep, recordStep } from "./step.ts";
import { launchTime, median } from "./times.ts";

/** Time limits of measurements: of whole steps, and of steps launch by launch. */
const STEP_MS = 400;
const PROFILE_MS = 2500;
/** Between two pieces of news. */
const ROUND_MS = 200;
/** Steps that are timed launch by launch. */
const MOST_PROFILED = 2000;

export class InsideService {
  #opened: OpenedEngine | undefined;
  #recorded: RecordedStep | undefined;
  #ceiling: Ceiling | undefined;
  #samples: readonly (readonly number[])[] = [];

  /** Compiles the step of these settings. @throws Error in words for the person */
  async record(settings: Settings, tell: (words: string) => void): Promise<Recording> {
    this.#recorded?.release();
    this.#recorded = undefined;
    this.#samples = [];
    if (!this.#opened) tell("Looking for a GPU…");
    const { engine, device } = await this.#open(settings.engine);
    tell(
      device.kind === "gpu"
        ? "Recording and compiling the step, and choosing the fastest variant of each kernel…"
        : "Recording the step…",
    );
    const recorded = await recordStep(engine, settings);
    this.#recorded = recorded;
    const { program } = recorded.step;
    return {
      device,
      parameters: recorded.parameters,
      batchSize: settings.batchSize,
      images: recorded.images,
      launches: launchDetails(program),
      memory: memoryLayout(program),
      cost: programCost(program),
    };
  }

  /** Times the recorded step. Each result is reported as soon as it is known. */
  async measure(tell: (news: MeasurementNews) => void): Promise<Measurement> {
    const recorded = this.#recorded;
    if (!recorded || !this.#opened) throw new Error("no step is recorded yet; record one first");
    let measurement: Measurement = { steps: 0, launches: [], ceiling: this.#ceiling };
    const say = (words: string, more: Partial<Measurement> = {}) => {
      measurement = { ...measurement, ...more };
      tell({ words, measurement });
    };
    say("Running the first steps…");
    const once = await warmUp(recorded);
    const { gpu } = this.#opened;
    if (gpu && !this.#ceiling) {
      say("Measuring the peak of this GPU…");
      this.#ceiling = await measureCeiling(gpu);
    }
    say("Timing whole steps…", { ceiling: this.#ceiling });
    say("Timing each launch…", { stepMs: await timeSteps(recorded, once) });
    const began = performance.now();
    const samples: number[][] = [];
    let count = 1;
    for (let steps = 0; steps < MOST_PROFILED && performance.now() - began < PROFILE_MS; steps += count) {
      const started = performance.now();
      const { method, milliseconds } = await recorded.profile(count);
      milliseconds.forEach((times, i) => {
        samples[i] = [...(samples[i] ?? []), ...times];
      });
      this.#samples = samples;
      const launches = this.#launches(recorded, samples);
      say(`Timing each launch: ${samples[0].length} steps so far…`, {
        method,
        launches,
        steps: samples[0].length,
      });
      const each = (performance.now() - started) / count;
      count = Math.max(1, Math.min(MOST_STEPS, Math.round(ROUND_MS / each)));
    }
    return measurement;
  }

  /** The timed step for chrome://tracing and Perfetto. */
  trace(): string {
    if (!this.#recorded || this.#samples.length === 0) throw new Error("no step is timed yet; measure first");
    const milliseconds = this.#samples.map((times) => [launchTime(times).milliseconds]);
    return chromeTrace(this.#recorded.step.program, { milliseconds, ceiling: this.#ceiling });
  }

  #launches({ step }: RecordedStep, samples: readonly (readonly number[])[]): Measurement["launches"] {
    const times = samples.map(launchTime);
    const milliseconds = times.map((time) => [time.milliseconds]);
    const profiles = launchProfiles(step.program, { milliseconds, ceiling: this.#ceiling });
    return times.map((time, i) => ({ ...time, share: profiles[i].share }));
  }

  async #open(wanted: Settings["engine"]) {
    if (this.#opened?.gpu && isLost(this.#opened.gpu)) this.#opened = undefined;
    if (this.#opened?.device.kind === wanted) return this.#opened;
    if (wanted === "gpu" && this.#opened?.device.noGpu !== undefined) return this.#opened;
    await this.#opened?.engine.destroy();
    this.#ceiling = undefined;
    this.#opened = await openEngine(wanted);
    return this.#opened;
  }
}

/** A driver that was reset, or a laptop that slept: another device may be had. */
function isLost(gpu: GpuEngine): boolean {
  try {
    gpu.check();
    return false;
  } catch {
    return true;
  }
}

/** @returns milliseconds of a step, after those in which drivers compile and memory is touched for the first time */
async function warmUp(recorded: RecordedStep): Promise<number> {
  await recorded.run(1);
  const began = performance.now();
  await recorded.run(1);
  return performance.now() - began;
}

/** Milliseconds of a step among many, as in training. */
async function timeSteps(recorded: RecordedStep, once: number): Promise<number> {
  const count = Math.max(1, Math.min(MOST_STEPS, Math.round(STEP_MS / 5 / once)));
  const began = performance.now();
  const times: number[] = [];
  while (times.length === 0 || performance.now() - began < STEP_MS) {
    const started = performance.now();
    await recorded.run(count);
    times.push((performance.now() - started) / count);
  }
  return median(times);
}

/** The training worker: owns the engine, the images and the run, obeys the page's calls, and reports progress. */
import { DeviceLostError, DivergenceError, type Engine, type GpuEngine, type SessionState } from "wgrad";
import type { Device, EngineName, Times } from "../device.tsx";
import { type OpenedEngine, openEngine, openFastest } from "../engine.ts";
import type { Settings } from "../network/settings.ts";
import { type Images, loadImages, type Note } from "./data.ts";
import type { TestImage, Told } from "./messages.ts";
import { Pace } from "./pace.ts";
import { type Facts, Report } from "./report.ts";
import { Run, type Trained } from "./run.ts";

/** Evaluations come so far apart at least, and take at most this part of the time. */
const EVALUATE_MS = 1000;
const EVALUATE_PART = 0.15;
/** Devices that may be lost in a row before it is given up. */
const MOST_LOSSES = 3;
/** Bunches under way beside the one that is waited for: the GPU has work while results are read. */
const IN_FLIGHT = 1;

export class TrainingService {
  readonly #report = new Report(
    () => this.#facts(),
    () => this.#read(),
  );
  #engine: Engine | undefined;
  #device: Device | undefined;
  #images: Images | undefined;
  #run: Run | undefined;
  #pace = new Pace();
  /** The loop that takes steps, while there is one. It ends soon after `#wanted` is 0. */
  #loop: Promise<void> | undefined;
  /** Steps still to be taken: all of them, one, or none. */
  #wanted = 0;
  /** Counts resets: an action that began before a reset has no effect after it. */
  #generation = 0;
  #lastEvaluation = { at: 0, ms: 0 };
  /** When the network was last looked at closely. */
  #lookedAt = 0;
  /** Ends the fetching of images. */
  #fetching: AbortController | undefined;
  /** The state to resume from after the loss of a device. */
  #safe: SessionState | undefined;
  #drawing: Float32Array | undefined;

  /**
   * Opens the engine of that name, or without one the fastest here.
   * @param timesOf what is known of the times with a software adapter
   */
  async connect(
    asked: EngineName | undefined,
    timesOf: (adapter: string) => Promise<Times | undefined>,
  ): Promise<Device> {
    this.#use(await (asked === undefined ? openFastest(timesOf) : openEngine(asked)));
    return this.#device as Device;
  }

  watch(listener: (told: Told) => void): void {
    this.#report.listener = listener;
  }

  /** Trains until the last epoch's end, from the beginning or from where it was paused. */
  async start(settings: Settings): Promise<void> {
    await this.#go(settings, Number.POSITIVE_INFINITY);
  }

  /** Takes one step. */
  async step(settings: Settings): Promise<void> {
    await this.#go(settings, 1);
  }

  /** Resolves once nothing is under way any more. */
  async pause(): Promise<void> {
    this.#wanted = 0;
    await this.#loop;
  }

  /** Forgets the run. Images and compiled kernels stay, for the next one. */
  async reset(): Promise<void> {
    this.#generation++;
    this.#fetching?.abort();
    await this.pause();
    this.#run?.release();
    this.#lookedAt = 0;
    this.#run = undefined;
    this.#safe = undefined;
    this.#pace = new Pace();
    this.#lastEvaluation = { at: 0, ms: 0 };
    this.#report.clear();
    this.#report.say("idle");
  }

  /** Takes effect with the next steps. */
  setLearningRate(rate: number): void {
    if (this.#run) this.#run.session.learningRate = rate;
  }

  /** The probability of each digit; the image is read again as the network learns. Undefined without a network. */
  async draw(pixels: Float32Array | undefined): Promise<number[] | undefined> {
    this.#drawing = pixels;
    const { probabilities } = await this.#read();
    return probabilities && [...probabilities];
  }

  /** Some image of the test set. Undefined before there are images. */
  async testImage(): Promise<TestImage | undefined> {
    const test = this.#images?.test;
    if (!test) return undefined;
    const index = Math.floor(Math.random() * test.count);
    const image = Uint8Array.from(test.inputs.data.subarray(index * 784, (index + 1) * 784));
    return { index, image, label: test.targets.data[index] };
  }

  /** The network's weights as a safetensors file. @throws Error before there is a network */
  async weights(): Promise<Uint8Array> {
    return this.#existing().weightsFile();
  }

  /** The recorded training step, a line a dispatch. @throws Error before there is a network */
  async program(): Promise<string> {
    return this.#existing().programTable();
  }

  /**
   * Puts weights of a safetensors file into the network, which is made where there is none.
   * @throws Error when they do not fit; then nothing is changed
   */
  async load(file: Uint8Array, settings: Settings): Promise<void> {
    await this.pause();
    let misfit: unknown;
    await this.#guarded(async () => {
      const run = await this.#prepare(settings);
      if (!run) return;
      try {
        await run.session.trainer.load(file);
      } catch (error) {
        if (error instanceof DeviceLostError) throw error;
        misfit = error;
      }
      await this.#evaluate(run, "rest");
      this.#rest(run);
    });
    if (misfit) throw misfit;
  }

  #existing(): Run {
    if (!this.#run) throw new Error("There is no network yet: press Start first.");
    return this.#run;
  }

  async #go(settings: Settings, steps: number): Promise<void> {
    if (this.#loop) {
      this.#wanted = steps;
      return;
    }
    this.#wanted = steps;
    this.#loop = this.#guarded(async () => {
      const run = await this.#prepare(settings);
      if (run) await this.#take(run);
    }).finally(() => {
      this.#loop = undefined;
    });
    await this.#loop;
  }

  /** Engine, images and run as the settings say. Undefined where a reset came in between. */
  async #prepare(settings: Settings): Promise<Run | undefined> {
    if (this.#run) return this.#run;
    const generation = this.#generation;
    const note: Note = (words, part) => {
      if (generation === this.#generation) this.#report.say("preparing", words, part);
    };
    note("Getting ready…");
    if (!this.#has(settings.engine)) await this.#open(settings.engine);
    const { info } = this.#images ?? {};
    if (!info || info.instead || info.name !== settings.dataset) {
      this.#fetching = new AbortController();
      this.#images = await loadImages(settings.dataset, note, this.#fetching.signal);
    }
    if (generation !== this.#generation) return undefined;
    note("Compiling the training step for this device…");
    const run = await Run.open(this.#engine as Engine, this.#images as Images, settings);
    if (generation !== this.#generation) {
      run.release();
      return undefined;
    }
    this.#run = run;
    return run;
  }

  /** Whether the engine of that name is open, or stands in for the one that is not to be had. */
  #has(kind: EngineName): boolean {
    const { kind: open, noGpu, noWasm } = this.#device ?? {};
    if (open === kind) return true;
    if (kind === "gpu") return noGpu !== undefined && open !== undefined;
    return kind === "wasm" && noWasm !== undefined && open === "cpu";
  }

  /** Opens the engine of a kind in place of the one that is open. */
  async #open(kind: EngineName): Promise<void> {
    const before = this.#engine;
    this.#engine = undefined;
    await before?.destroy();
    this.#use(await openEngine(kind));
  }

  /** What was found out of other engines stays true. */
  #use({ engine, gpu, device }: OpenedEngine): void {
    if (gpu) this.#watchOver(gpu);
    const { noGpu, noWasm, software } = this.#device ?? {};
    this.#engine = engine;
    this.#device = { noGpu, noWasm, software, ...device };
  }

  /** Does it; after the loss of a device, goes back to the last snapshot on another and does it again. */
  async #guarded(work: () => Promise<void>): Promise<void> {
    const generation = this.#generation;
    for (let losses = 0; ; ) {
      try {
        if (losses > 0) await this.#recover();
        return await work();
      } catch (error) {
        if (generation !== this.#generation) return;
        if (error instanceof DeviceLostError && ++losses < MOST_LOSSES) continue;
        this.#wanted = 0;
        return this.#report.say("failed", wordsFor(error));
      }
    }
  }

  /** A device may be lost while nothing is asked of it, too. */
  #watchOver(engine: GpuEngine): void {
    engine.device.lost.then(({ message }) => {
      if (this.#engine !== engine || this.#loop) return;
      this.#loop = this.#guarded(async () => {
        if (this.#engine === engine) throw new DeviceLostError(message);
        if (!this.#run) return this.#report.say("idle");
        await this.#evaluate(this.#run, "rest");
        this.#rest(this.#run);
      }).finally(() => {
        this.#loop = undefined;
      });
    });
  }

  /** A new device, with the network as it was at the last snapshot. */
  async #recover(): Promise<void> {
    this.#report.say(
      "preparing",
      "The GPU was lost (its driver was reset, or the computer slept). Connecting again…",
    );
    const { settings, images } = this.#run ?? {};
    this.#run = undefined;
    await this.#open("gpu");
    if (!settings || !images) return;
    const run = await Run.open(this.#engine as Engine, images, settings);
    if (this.#safe) {
      run.session.restore(this.#safe);
    }
    this.#run = run;
    this.#report.wentBack(run.steps);
    this.#report.notice = `The GPU was lost. Training continued from step ${run.steps}, on ${this.#engine?.info.adapter}.`;
    this.#pace = new Pace();
  }

  /** Takes the wanted steps. */
  async #take(run: Run): Promise<void> {
    const inFlight: Promise<Trained>[] = [];
    const finishOldest = async () => {
      const result = await (inFlight.shift() as Promise<Trained>);
      this.#pace.finished(result.steps);
      this.#report.trained(result, result.steps * this.#pace.msPerStep);
    };
    // A call that failed did not take all steps.
    run.asked = run.steps;
    this.#pace.resume();
    if (this.#lastEvaluation.at === 0) this.#lastEvaluation.at = performance.now();
    try {
      while (this.#wanted > 0 && !run.finished) {
        this.#report.say("training");
        const before = run.asked;
        const done = run.train(Math.min(this.#pace.steps, this.#wanted));
        this.#wanted -= run.asked - before;
        // A failure is reported when this promise is awaited; until then the rejection must not count as unhandled.
        done.catch(() => {});
        inFlight.push(done);
        while (inFlight.length > IN_FLIGHT) await finishOldest();
        const { epochEnds } = run;
        if (epochEnds || this.#evaluationIsDue()) {
          while (inFlight.length > 0) await finishOldest();
          await this.#evaluate(run, epochEnds ? "epoch's end" : "in between");
          this.#pace.resume();
        }
        await turn();
      }
      while (inFlight.length > 0) await finishOldest();
    } finally {
      await Promise.allSettled(inFlight);
    }
    if (this.#report.lookedAfter !== run.steps) await this.#evaluate(run, "rest");
    this.#rest(run);
  }

  /** Says that nothing is under way any more. */
  #rest({ finished, settings: { epochs } }: Run): void {
    this.#report.say(finished ? "finished" : "paused", finished ? `Done: ${epochs} epochs.` : "");
  }

  #evaluationIsDue(): boolean {
    const { at, ms } = this.#lastEvaluation;
    return performance.now() - at > Math.max(EVALUATE_MS, ms / EVALUATE_PART);
  }

  /** Reads the test images, and if it is time, looks at the network closely, from where it could be got back. */
  async #evaluate(run: Run, when: "epoch's end" | "in between" | "rest"): Promise<void> {
    const began = performance.now();
    const judged = await run.evaluate();
    const { loss, accuracy } = judged;
    const step = run.steps;
    const { session } = run;
    if (when === "epoch's end") session.history = [...session.history, loss];
    // A fast GPU ends many epochs in a second, more than anyone could look at.
    if (when === "rest" || began - this.#lookedAt > EVALUATE_MS) {
      const { state, insight } = await run.look(judged);
      this.#safe = state;
      this.#report.looked(insight);
      this.#lookedAt = performance.now();
    }
    this.#report.evaluated({ step, loss, accuracy });
    this.#lastEvaluation = { at: performance.now(), ms: performance.now() - began };
  }

  /** The network's reading of the drawing. */
  async #read(): Promise<{ probabilities?: readonly number[] }> {
    if (!this.#run || !this.#drawing) return {};
    try {
      return { probabilities: await this.#run.predict(this.#drawing) };
    } catch (error) {
      // The loop meets the same error, and handles it.
      if (error instanceof DeviceLostError) return {};
      throw error;
    }
  }

  #facts(): Facts {
    const run = this.#run;
    const { msPerStep } = this.#pace;
    const speed = run && {
      msPerStep,
      samplesPerSecond: (run.settings.batchSize * 1000) / msPerStep,
      secondsLeft: ((run.total - run.steps) * msPerStep) / 1000,
    };
    return {
      device: this.#device,
      data: run?.images.info,
      epoch: run?.epoch ?? 0,
      epochs: run?.settings.epochs ?? 0,
      stepsPerEpoch: run?.session.stepsPerEpoch ?? 0,
      parameters: run?.session.trainer.parameterCount ?? 0,
      speed: Number.isNaN(msPerStep) ? undefined : speed,
    };
  }
}

const { port1, port2 } = new MessageChannel();

/**
 * Lets messages of the page have their turn: awaiting the GPU's answers alone does not always. By a message of one's own,
 * as browsers make timers that follow each other wait for 4 ms.
 */
function turn(): Promise<void> {
  return new Promise((resolve) => {
    port1.onmessage = () => resolve();
    port2.postMessage(undefined);
  });
}

function wordsFor(error: unknown): string {
  if (error instanceof DivergenceError)
    return "The loss is no longer finite: the learning rate is too high. Lower the rate and reset.";
  if (error instanceof DeviceLostError)
    return "The GPU was lost and is still not available. Reload the page to try again.";
  return error instanceof Error ? error.message : String(error);
}

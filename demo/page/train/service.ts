/** The training worker: owns the engine, the images and the run, does as it is told, and tells how far it is. */
import {
  connect,
  cpu,
  DeviceLostError,
  DivergenceError,
  type Engine,
  type GpuEngine,
  type TrainerState,
} from "wgrad";
import type { Device } from "../device.tsx";
import type { Settings } from "../network/settings.ts";
import { type Images, loadImages, type Note } from "./data.ts";
import type { Judged } from "./insight.ts";
import type { Insight, Point, Status, TestImage, Told, TrainingPoint } from "./messages.ts";
import { Pace } from "./pace.ts";
import { type BunchResult, Run } from "./run.ts";

/** The page is told so often at most. */
const TELL_MS = 100;
/** Evaluations come so far apart at least, and take at most this part of the time. */
const EVALUATE_MS = 1000;
const EVALUATE_PART = 0.15;
/** Devices that may be lost in a row before it is given up. */
const MOST_LOSSES = 3;
/** Bunches under way beside the one that is waited for: the GPU has work while results are read. */
const IN_FLIGHT = 1;

type Listener = (told: Told) => void;

export class TrainingService {
  #listener: Listener = () => {};
  #engine: Engine | undefined;
  #device: Device | undefined;
  #images: Images | undefined;
  #run: Run | undefined;
  #pace = new Pace();
  #status: Status = "idle";
  #words = "";
  #part: number | undefined;
  /** The loop that takes steps, while there is one. It ends soon after `#wanted` is 0. */
  #loop: Promise<void> | undefined;
  /** Steps still to be taken: all of them, one, or none. */
  #wanted = 0;
  /** Counts resets: what began before one has no say after it. */
  #generation = 0;
  #seconds = 0;
  #lastEvaluation = { at: 0, ms: 0 };
  /** After so many steps. */
  #evaluatedAt = -1;
  /** What must not be missed about this run. */
  #notice: string | undefined;
  /** Ends the fetching of images. */
  #fetching: AbortController | undefined;
  /** Where to go on after the loss of a device. */
  #safe: { readonly state: TrainerState; readonly history: readonly number[] } | undefined;
  #drawing: Float32Array | undefined;
  #toldAt = 0;
  #unsaid: { training: TrainingPoint[]; validation: Point[]; insight?: Insight; backTo?: number } = none();
  /** Means of what was done since the last point of the curve. */
  #since: BunchResult | undefined;

  /** Opens the GPU, or the CPU engine where there is none. */
  async connect(): Promise<Device> {
    await this.#open("gpu");
    return this.#device as Device;
  }

  watch(listener: Listener): void {
    this.#listener = listener;
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
    this.#evaluatedAt = -1;
    this.#notice = undefined;
    this.#run = undefined;
    this.#safe = undefined;
    this.#pace = new Pace();
    this.#seconds = 0;
    this.#lastEvaluation = { at: 0, ms: 0 };
    this.#since = undefined;
    this.#unsaid = none();
    this.#say("idle", "");
  }

  /** Takes effect with the next steps. */
  setLearningRate(rate: number): void {
    if (this.#run) this.#run.learningRate = rate;
  }

  /** How likely the image is to show each digit; it is read again as the network learns. Undefined without a network. */
  async draw(pixels: Float32Array | undefined): Promise<number[] | undefined> {
    this.#drawing = pixels;
    const { probabilities } = await this.#read();
    return probabilities && [...probabilities];
  }

  /** An image of the test set; without a number, any. Undefined before there are images. */
  async testImage(index?: number): Promise<TestImage | undefined> {
    const test = this.#images?.test;
    if (!test) return undefined;
    const chosen = index ?? Math.floor(Math.random() * test.count);
    const image = Uint8Array.from(test.inputs.data.subarray(chosen * 784, (chosen + 1) * 784));
    return { index: chosen, image, label: test.targets.data[chosen] };
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
        await run.trainer.load(file);
      } catch (error) {
        if (error instanceof DeviceLostError) throw error;
        misfit = error;
      }
      await this.#evaluate(run);
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
      if (generation === this.#generation) this.#say("preparing", words, part);
    };
    note("Getting ready…");
    if (this.#device?.kind !== settings.engine && !this.#device?.reason) await this.#open(settings.engine);
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

  /** Opens the engine of a kind in place of the one that is open. */
  async #open(kind: "gpu" | "cpu"): Promise<void> {
    const before = this.#engine;
    this.#engine = undefined;
    await before?.destroy();
    if (kind === "gpu") {
      try {
        const engine = await connect({ powerPreference: "high-performance" });
        this.#watchOver(engine);
        this.#engine = engine;
      } catch (error) {
        this.#device = { kind: "cpu", adapter: "", reason: (error as Error).message };
      }
    }
    const reason = kind === "gpu" && !this.#engine ? this.#device?.reason : undefined;
    this.#engine ??= cpu();
    this.#device = { kind: this.#engine.kind, adapter: this.#engine.info.adapter, reason };
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
        return this.#say("failed", wordsFor(error));
      }
    }
  }

  /** A device may be lost while nothing is asked of it, too. */
  #watchOver(engine: GpuEngine): void {
    engine.device.lost.then(({ message }) => {
      if (this.#engine !== engine || this.#loop) return;
      this.#loop = this.#guarded(async () => {
        if (this.#engine === engine) throw new DeviceLostError(message);
        if (!this.#run) return this.#say("idle", "");
        await this.#evaluate(this.#run);
        this.#rest(this.#run);
      }).finally(() => {
        this.#loop = undefined;
      });
    });
  }

  /** A new device, with the network as it was at the last snapshot. */
  async #recover(): Promise<void> {
    this.#say(
      "preparing",
      "The GPU was lost (its driver was reset, or the computer slept). Getting it back…",
    );
    const { settings, images } = this.#run ?? {};
    this.#run = undefined;
    this.#since = undefined;
    await this.#open("gpu");
    if (!settings || !images) return;
    const run = await Run.open(this.#engine as Engine, images, settings);
    if (this.#safe) {
      run.trainer.restore(this.#safe.state);
      run.history.push(...this.#safe.history);
    }
    this.#run = run;
    this.#unsaid = { ...none(), backTo: run.trainer.steps };
    this.#notice = `The GPU was lost. Training went on from step ${run.trainer.steps}, on ${this.#engine?.info.adapter}.`;
    this.#pace = new Pace();
  }

  /** Takes the wanted steps. */
  async #take(run: Run): Promise<void> {
    const inFlight: Promise<BunchResult>[] = [];
    const finishOldest = async () => {
      const result = await (inFlight.shift() as Promise<BunchResult>);
      this.#pace.finished(result.steps);
      this.#record(run, result);
    };
    this.#pace.resume();
    if (this.#lastEvaluation.at === 0) this.#lastEvaluation.at = performance.now();
    try {
      while (this.#wanted > 0 && !run.finished) {
        this.#say("training", "");
        const bunch = await run.take(Math.min(this.#pace.steps, this.#wanted));
        this.#wanted -= bunch.starts.length;
        const done = run.train(bunch);
        // Its failure is met when its turn comes to be awaited; until then it must not count as unhandled.
        done.catch(() => {});
        inFlight.push(done);
        while (inFlight.length > IN_FLIGHT) await finishOldest();
        const epochEnds = run.trainer.steps % run.stepsPerEpoch === 0;
        if (epochEnds || this.#evaluationIsDue()) {
          while (inFlight.length > 0) await finishOldest();
          const loss = await this.#evaluate(run);
          if (epochEnds) run.history.push(loss);
          this.#pace.resume();
        }
        await turn();
      }
      while (inFlight.length > 0) await finishOldest();
    } finally {
      await Promise.allSettled(inFlight);
    }
    if (this.#evaluatedAt !== run.trainer.steps) await this.#evaluate(run);
    this.#rest(run);
  }

  /** Says that nothing is under way any more. */
  #rest({ finished, settings: { epochs } }: Run): void {
    this.#say(finished ? "finished" : "paused", finished ? `Done: ${epochs} epochs.` : "");
  }

  #evaluationIsDue(): boolean {
    const { at, ms } = this.#lastEvaluation;
    return performance.now() - at > Math.max(EVALUATE_MS, ms / EVALUATE_PART);
  }

  /** @returns the loss on the test images */
  async #evaluate(run: Run): Promise<number> {
    const began = performance.now();
    const judged: Judged = await run.evaluate();
    const { state, insight } = await run.look(judged);
    this.#safe = { state, history: [...run.history] };
    this.#unsaid.insight = insight;
    const { loss, accuracy } = judged;
    this.#point(run);
    this.#unsaid.validation.push({ step: state.steps, loss, accuracy });
    this.#lastEvaluation = { at: performance.now(), ms: performance.now() - began };
    this.#evaluatedAt = state.steps;
    return loss;
  }

  /** Adds a bunch to what becomes the curve's next point. @throws DivergenceError where the loss is no number */
  #record(run: Run, result: BunchResult): void {
    if (!Number.isFinite(result.loss)) {
      throw new DivergenceError("The loss is no number any more: the learning rate is too high.");
    }
    const before = this.#since ?? { ...result, steps: 0 };
    const steps = before.steps + result.steps;
    const mean = (key: "loss" | "accuracy") =>
      (before[key] * before.steps + result[key] * result.steps) / steps;
    this.#since = {
      steps,
      loss: mean("loss"),
      accuracy: mean("accuracy"),
      learningRate: result.learningRate,
    };
    this.#seconds += (result.steps * this.#pace.msPerStep) / 1000;
    if (performance.now() - this.#toldAt > TELL_MS) this.#point(run);
  }

  #point({ trainer }: Run): void {
    if (!this.#since) return;
    const { loss, accuracy, learningRate } = this.#since;
    this.#unsaid.training.push({ step: trainer.steps, loss, accuracy, learningRate, seconds: this.#seconds });
    this.#since = undefined;
  }

  /** What the network reads in the drawing. */
  async #read(): Promise<{ probabilities?: readonly number[] }> {
    if (!this.#run || !this.#drawing) return {};
    try {
      return { probabilities: await this.#run.predict(this.#drawing) };
    } catch (error) {
      // The loop meets it, too, and knows what to do.
      if (error instanceof DeviceLostError) return {};
      throw error;
    }
  }

  /** Tells the page: at once where the status is new, else now and then. */
  #say(status: Status, words: string, part?: number): void {
    const now = performance.now();
    // Of a part that grows, the page need not know every byte.
    const changed = status !== this.#status || (words !== this.#words && !(part && this.#part));
    this.#status = status;
    this.#words = words;
    this.#part = part && Number.isFinite(part) ? part : undefined;
    if (!changed && now - this.#toldAt < TELL_MS) return;
    this.#toldAt = now;
    const told = this.#told();
    this.#unsaid = none();
    // A drawing is read along with the network that is told of.
    if (status !== "training" || !this.#drawing) {
      this.#listener(told);
      return;
    }
    this.#read().then(
      (read) => this.#listener({ ...told, ...read }),
      () => this.#listener(told),
    );
  }

  #told(): Told {
    const run = this.#run;
    const { msPerStep } = this.#pace;
    const speed = {
      msPerStep,
      samplesPerSecond: ((run?.settings.batchSize ?? 0) * 1000) / msPerStep,
      secondsLeft: (((run?.total ?? 0) - (run?.trainer.steps ?? 0)) * msPerStep) / 1000,
    };
    return {
      status: this.#status,
      words: this.#words,
      part: this.#part,
      notice: this.#notice,
      device: this.#device,
      data: run?.images.info,
      step: run?.trainer.steps ?? 0,
      epoch: run?.epoch ?? 0,
      epochs: run?.settings.epochs ?? 0,
      stepsPerEpoch: run?.stepsPerEpoch ?? 0,
      parameters: run?.trainer.parameterCount ?? 0,
      speed: run && !Number.isNaN(msPerStep) ? speed : undefined,
      ...this.#unsaid,
    };
  }
}

function none(): { training: TrainingPoint[]; validation: Point[] } {
  return { training: [], validation: [] };
}

/** Lets messages of the page have their turn: awaiting the GPU's answers alone does not always. */
function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}

function wordsFor(error: unknown): string {
  if (error instanceof DivergenceError) return `${error.message} Lower it and reset.`;
  if (error instanceof DeviceLostError)
    return "The GPU was lost and did not come back. Reload the page to try again.";
  return error instanceof Error ? error.message : String(error);
}

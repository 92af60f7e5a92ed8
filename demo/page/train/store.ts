/** The training on the page's side: the worker's reports, the person's choices, and the possible actions. */
import { batch, computed, signal } from "@preact/signals";
import { proxy } from "comlink";
import { device, type EngineName, type Times } from "../device.tsx";
import { isolate } from "../isolation.ts";
import { CPU_DEFAULTS, DEFAULTS, type Settings } from "../network/settings.ts";
import { openService } from "../services.ts";
import { Curve } from "./curve.ts";
import { History } from "./history.ts";
import type { Insight, Told } from "./messages.ts";

/** `?data=digits` in the address asks for the digits that need no download, `?engine=wasm` for that engine. */
const asked = new URLSearchParams(location.search);

export const settings = signal<Settings>({
  ...DEFAULTS,
  dataset: asked.get("data") === "digits" ? "digits" : DEFAULTS.dataset,
});
/** Settings of the current run. */
const runSettings = signal<Settings | undefined>(undefined);

type Progress = Omit<Told, "training" | "validation" | "insight" | "probabilities">;
const NOTHING: Progress = {
  status: "idle",
  words: "",
  step: 0,
  epoch: 0,
  epochs: 0,
  stepsPerEpoch: 0,
  parameters: 0,
};

export const progress = signal<Progress>(NOTHING);
export const insight = signal<Insight | undefined>(undefined);
/** The network's reading of the drawing: a probability for each digit. */
export const probabilities = signal<readonly number[] | undefined>(undefined);
/** Counts the news of the curves, which are too long to be copied for each. */
export const news = signal(0);
export const training = new Curve<"loss" | "accuracy" | "learningRate" | "seconds">();
export const validation = new Curve<"loss" | "accuracy">();
export const history = new History();

/** Whether the run is one of other settings than those chosen. The learning rate takes effect at once. */
export const changed = computed(() => {
  const run = runSettings.value;
  return (
    run !== undefined &&
    JSON.stringify({ ...run, learningRate: 0 }) !== JSON.stringify({ ...settings.value, learningRate: 0 })
  );
});

const worker = openService("training");
const ready = open();

async function open() {
  const { service } = await worker;
  await service.watch(proxy(heard));
  const found = await service.connect(askedEngine(), proxy(keptTimes));
  batch(() => {
    device.value = found;
    settings.value = { ...settings.value, ...(found.kind === "cpu" ? CPU_DEFAULTS : { engine: found.kind }) };
  });
  const { software } = found;
  if (software && !(await keptTimes(software.adapter))) keep(software.adapter, software.times);
  if (found.kind === "wasm") void isolate();
  return service;
}

function askedEngine(): EngineName | undefined {
  const name = asked.get("engine");
  return name === "gpu" || name === "wasm" || name === "cpu" ? name : undefined;
}

/** Where the times with an adapter are kept, by the number of threads that the page has. */
function keyOf(adapter: string): string {
  const threads = crossOriginIsolated ? navigator.hardwareConcurrency : 1;
  return `wgrad: times of ${adapter}, ${threads} threads`;
}

/** Browsers get faster: after so long, both are measured again. */
const KEPT_MS = 30 * 24 * 3600 * 1000;

/** Of a visit in the last weeks; undefined where the browser keeps nothing. */
async function keptTimes(adapter: string): Promise<Times | undefined> {
  try {
    const { gpu, wasm, at } = JSON.parse(localStorage.getItem(keyOf(adapter)) ?? "{}");
    return gpu > 0 && wasm > 0 && Date.now() - at < KEPT_MS ? { gpu, wasm } : undefined;
  } catch {
    return undefined;
  }
}

function keep(adapter: string, times: Times): void {
  try {
    localStorage.setItem(keyOf(adapter), JSON.stringify({ ...times, at: Date.now() }));
  } catch {
    // Then the next visit measures again.
  }
}

function heard({
  training: more,
  validation: judged,
  insight: seen,
  probabilities: read,
  ...rest
}: Told): void {
  batch(() => {
    progress.value = rest;
    if (rest.device) device.value = rest.device;
    if (rest.backTo !== undefined) {
      training.backTo(rest.backTo);
      validation.backTo(rest.backTo);
      history.backTo(rest.backTo);
    }
    for (const point of more) training.add(point);
    for (const point of judged) validation.add(point);
    history.add(more, judged);
    if (seen) insight.value = seen;
    if (read) probabilities.value = read;
    if (more.length > 0 || judged.length > 0) news.value++;
  });
}

/** Errors of the worker that its own messages do not report, and failures to load. */
function failed(error: unknown): void {
  progress.value = { ...progress.value, status: "failed", words: (error as Error).message };
}

ready.catch(failed);

export function start(): void {
  void go("start");
}

export function step(): void {
  void go("step");
}

async function go(what: "start" | "step"): Promise<void> {
  try {
    // The choices may still change when the device is known.
    const service = await ready;
    if (!changed.value) runSettings.value = settings.value;
    await service[what](runSettings.value as Settings);
  } catch (error) {
    failed(error);
  }
}

export function pause(): void {
  ready.then((service) => service.pause()).catch(failed);
}

export async function reset(): Promise<void> {
  // The next action uses the settings of its own time.
  runSettings.value = undefined;
  const service = await ready;
  await service.reset();
  batch(() => {
    progress.value = NOTHING;
    insight.value = undefined;
    probabilities.value = undefined;
    training.clear();
    validation.clear();
    history.clear();
    news.value++;
  });
}

export async function startOver(): Promise<void> {
  await reset();
  start();
}

export function choose(some: Partial<Settings>): void {
  settings.value = { ...settings.value, ...some };
  const { learningRate } = some;
  const run = runSettings.value;
  if (learningRate === undefined || !run || changed.value) return;
  runSettings.value = { ...run, learningRate };
  ready.then((service) => service.setLearningRate(learningRate)).catch(failed);
}

/** Reads a drawing of 28 × 28 pixels from 0 to 1, or forgets it. */
export async function read(pixels: Float32Array | undefined): Promise<void> {
  const service = await ready;
  probabilities.value = await service.draw(pixels);
}

export async function testImage() {
  return (await ready).testImage();
}

export async function weights(): Promise<Uint8Array> {
  return (await ready).weights();
}

export async function program(): Promise<string> {
  return (await ready).program();
}

export async function load(file: Uint8Array): Promise<void> {
  const service = await ready;
  if (!runSettings.value) runSettings.value = settings.value;
  await service.load(file, runSettings.value);
}

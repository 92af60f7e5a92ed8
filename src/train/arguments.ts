/** Checks of the arguments that functions over models, engines and data receive, before any work. */
import { inWords, isPromise } from "../checks.ts";
import type { Engine } from "../runtime/engine.ts";
import type { Metric } from "./evaluate.ts";
import type { Trainer } from "./trainer.ts";

/** A value of any kind, whose properties are inspected. */
type Looked = Readonly<Record<string, unknown>> | null | undefined;

/** @throws TypeError where `engine` is no engine */
export function checkEngine(owner: string, engine: unknown): asserts engine is Engine {
  const { compile, buffer } = Object(engine) as NonNullable<Looked>;
  if (typeof compile === "function" && typeof buffer === "function") return;
  if (isPromise(engine))
    throw new TypeError(`${owner}: the engine is a Promise; put await in front of it: await connect()`);
  const remedy = isModel(engine)
    ? "the engine comes first: const engine = await connect()"
    : "give one such as await connect() or cpu()";
  throw new TypeError(`${owner}: the engine is ${partInWords(engine)}; ${remedy}`);
}

function isModel(value: unknown): boolean {
  return typeof value === "object" && typeof (value as Looked)?.apply === "function";
}

function partInWords(value: unknown): string {
  return isModel(value) ? "a model" : inWords(value);
}

/** @throws TypeError where `trainer` is no trainer, a model or a run for example */
export function checkTrainer(owner: string, trainer: unknown): asserts trainer is Trainer {
  const { compile, engine, trainer: inner } = Object(trainer) as NonNullable<Looked>;
  if (typeof compile === "function" && engine) return;
  const remedy = inner
    ? "give its trainer: run.trainer"
    : "give the trainer of a run, run.trainer, or one of createTrainer(engine, model, …)";
  throw new TypeError(`${owner}: the trainer is ${partInWords(trainer)}; ${remedy}`);
}

/** @throws TypeError where `resume` can be no checkpoint: neither bytes, nor their source, nor `{ from: … }` */
export function checkResume(owner: string, resume: unknown): void {
  if (resume === undefined || typeof resume === "string") return;
  const other = typeof resume !== "object" || resume === null || Array.isArray(resume) || isPromise(resume);
  const isOptions = Object.prototype.toString.call(resume) === "[object Object]";
  if (!other && (!isOptions || Object.hasOwn(resume, "from"))) return;
  throw new TypeError(
    `${owner}: resume is ${inWords(resume)}; give a checkpoint: bytes, a Blob, a Response, a URL, a path, or { from, allow } with one`,
  );
}

/** @throws TypeError where `metrics` is no list of metrics with distinct names */
export function checkMetrics(owner: string, metrics: readonly Metric[]): void {
  if (!Array.isArray(metrics))
    throw new TypeError(`${owner}: metrics is ${inWords(metrics)}; give an array: [topK(5)]`);
  metrics.forEach((metric: unknown, i) => {
    const { name, trace, finish } = Object(metric) as NonNullable<Looked>;
    if (typeof name === "string" && typeof trace === "function" && typeof finish === "function") return;
    let remedy = "give a metric of wgrad/metrics, such as topK(5), or an object with name, trace and finish";
    if (typeof metric === "function" && metric.name) remedy = `call it first: ${metric.name}()`;
    else if (/^(acc|loss)/i.test(String(metric)))
      remedy = "leave the name out: loss and accuracy are always counted";
    throw new TypeError(`${owner}: metrics[${i}] is ${inWords(metric)}; ${remedy}`);
  });
  const names = metrics.map(({ name }) => name);
  const twice = names.find((name, i) => names.indexOf(name) < i);
  if (twice) throw new TypeError(`${owner}: two metrics are called ${twice}; give one of them another name`);
  const counted = names.find((name) => ["loss", "accuracy", "confusion"].includes(name));
  if (counted)
    throw new TypeError(
      `${owner}: a metric is called ${counted}, the name of a value that is always counted; rename the metric`,
    );
}

/** Samples on the host: numbers one after the other, or nested rows, one level for each axis of a sample. */
export type Samples = ArrayLike<number> | readonly Samples[];

// Walks through the call sites of a scenario, which uses most of the library, and lets each call fail in turn: see
// gpu-faults.mjs. After each failure the error must be one of the library's own, nothing may be left behind, and the engine
// must be usable or say that it is gone.
import { Books } from "./gpu-books.mjs";
import { FAULTS, Saboteur, sabotage } from "./gpu-faults.mjs";

/** @typedef {import("./gpu-faults.mjs").Fault} Fault */
/** @typedef {typeof import("../src/index.ts") & Pick<typeof import("../src/data/index.ts"), "dataset">} Wgrad */
/** @typedef {import("../src/index.ts").GpuEngine} GpuEngine */
/** @typedef {import("../src/index.ts").Engine} Engine */
/** @typedef {{ call: string, n: number, fault: Fault, outcome: string, problems: string[] }} Site */

const ROWS = 12;
const FEATURES = 3;
/** Longest time of a scenario in milliseconds: whatever takes longer hangs. */
const HANGS_MS = 60_000;

/**
 * Everything that people do with an engine, small. Whatever it opens it releases, also where it fails.
 * @param {Wgrad} wgrad the library @param {Engine} engine
 */
export async function scenario({ dataset, ...wgrad }, engine) {
  const { batchNorm, createTrainer, dense, evaluate, fit, ops, predict, relu, sequential, sgd } = wgrad;
  const numbers = (/** @type {number} */ count) =>
    Float32Array.from({ length: count }, (_, i) => Math.sin(1 + i));
  const classes = Int32Array.from({ length: ROWS }, (_, i) => i % 2);
  const data = dataset({
    name: "points",
    inputs: { shape: [FEATURES], data: numbers(ROWS * FEATURES) },
    targets: { data: classes },
    classes: 2,
  });
  const model = () => sequential(dense(4), batchNorm(), relu(), dense(2));
  const optimizer = () => sgd({ learningRate: 0.1, momentum: 0.9 });
  /** @type {{ release(): void }[]} */
  const open = [];
  try {
    const run = fit(engine, model(), data, {
      batchSize: 5,
      epochs: 2,
      validation: data,
      optimizer: optimizer(),
    });
    open.push(run);
    const history = (await run).map(({ loss, validation }) => [loss, validation?.loss]);
    const { loss } = await evaluate(run.trainer, data, { batchSize: 5 });
    const predicted = [...(await predict(run.trainer, numbers(2 * FEATURES))).data];
    const state = await run.trainer.snapshot();

    const trainer = createTrainer(engine, model(), { inputShape: [FEATURES], optimizer: optimizer() });
    open.push(trainer);
    trainer.restore(state);
    const step = await trainer.compile(({ x, y }, call) => ({ minimize: ops.crossEntropy(call(x), y) }), {
      inputs: { x: [ROWS, FEATURES], y: { shape: [ROWS], dtype: "i32" } },
      maxSteps: 2,
    });
    open.push(step);
    step.write({ x: numbers(ROWS * FEATURES), y: classes });
    const outputs = await step.runMany(2, () => ({}));
    await step.profile(1);
    const weights = Object.values(await trainer.weights()).map((tensor) => [...tensor.data]);

    const bytes = engine.buffer("bytes", "u8", 7);
    open.push(bytes);
    bytes.write(Uint8Array.of(1, 2, 3), 1);
    const read = [...(await bytes.read())];
    if ("done" in engine) await /** @type {GpuEngine} */ (engine).done();
    return { history, loss, predicted, outputs: [...outputs.loss], weights, read };
  } finally {
    for (const one of open) one.release();
  }
}

/**
 * Less: a product, which is large enough for its variants to be measured, and bytes.
 * @param {Wgrad} wgrad the library @param {Engine} engine
 */
export async function product({ compile, ops }, engine) {
  const bytes = engine.buffer("bytes", "u8", 7);
  /** @type {Awaited<ReturnType<typeof compile>> | undefined} */
  let multiply;
  try {
    bytes.write(Uint8Array.of(1, 2, 3), 1);
    multiply = await compile(engine, { a: [64, 64], b: [64, 64] }, ({ a, b }) => ({ c: ops.matmul(a, b) }));
    const numbers = Float32Array.from({ length: 64 * 64 }, (_, i) => Math.sin(i));
    const { c } = await multiply({ a: numbers, b: numbers });
    if ("done" in engine) await /** @type {GpuEngine} */ (engine).done();
    return [...c, ...(await bytes.read())];
  } finally {
    multiply?.release();
    bytes.release();
  }
}

/**
 * @param {Wgrad} wgrad
 * @param {GPU} gpu which must outlive its devices
 * @param {object} [options]
 * @param {(site: { call: string, n: number, count: number, fault: Fault }) => boolean} [options.only] whether to walk to a site (default: all)
 * @param {() => import("../src/index.ts").ConnectOptions} [options.options] of the next engine
 * @param {(wgrad: Wgrad, engine: Engine) => Promise<unknown>} [options.scenario]
 */
export async function* walk(
  wgrad,
  gpu,
  { only = () => true, options = () => ({ tune: false }), scenario: act = scenario } = {},
) {
  const subject = { wgrad, options, act };
  const books = new Books();
  const saboteur = new Saboteur();
  const navigator = { gpu: sabotage(gpu, books, saboteur) };
  Object.defineProperty(globalThis, "navigator", { value: navigator, configurable: true });
  /** @type {unknown[]} */
  const unhandled = [];
  const note = (/** @type {unknown} */ reason) => void unhandled.push(reason);
  process.on("unhandledRejection", note);
  try {
    const engine = await wgrad.connect(options());
    const cold = new Map(saboteur.counts);
    const expected = await act(wgrad, engine);
    for (const [call, count] of saboteur.counts) cold.set(call, count);
    saboteur.begin();
    await act(wgrad, engine);
    const warm = new Map(saboteur.counts);
    await engine.destroy();

    /** @type {GpuEngine | undefined} */
    let current;
    for (const [call, faults] of Object.entries(FAULTS)) {
      for (const fault of faults) {
        const loses = fault.startsWith("lost");
        // What a second run of the scenario does not call is called by the first one on a new engine.
        const isCold = loses || call.startsWith("request") || !warm.get(call);
        const count = (isCold ? cold : warm).get(call) ?? 0;
        for (let n = 1; n <= count; n++) {
          if (!only({ call, n, count, fault })) continue;
          if (isCold) {
            await current?.destroy();
            current = undefined;
          }
          const plan = { call, n, fault };
          /** @type {string[]} */
          const problems = [];
          if (isCold) saboteur.begin(plan);
          else current ??= await warmed(subject);
          if (!isCold) saboteur.begin(plan);
          const { outcome, engine } = await attempt(subject, current, expected, loses, problems);
          current = engine;
          // A run has more submits where the machine is busy.
          const { struck } = saboteur;
          saboteur.begin();
          if (books.liveBytes !== 0) problems.push(`${books.liveBytes} bytes are left`);
          if (current) {
            const { total } = current.memory();
            if (total !== 0) problems.push(`memory() tells of ${total} bytes`);
          }
          if (!loses) {
            current ??= await wgrad.connect(options());
            const again = await attempt(subject, current, expected, false, problems);
            if (again.outcome !== "the same numbers") problems.push(`afterwards: ${again.outcome}`);
            if (books.liveBytes !== 0) problems.push(`${books.liveBytes} bytes are left afterwards`);
          } else if (current && struck) {
            const { outcome } = await attempt(subject, current, expected, true, problems);
            if (!outcome.startsWith("DeviceLostError")) problems.push(`afterwards: ${outcome}`);
          }
          for (const reason of unhandled.splice(0)) problems.push(`unhandled: ${reason}`);
          books.liveBytes = 0;
          if (problems.length > 0 || loses) {
            await current?.destroy();
            current = undefined;
          }
          yield/** @type {Site} */ ({ ...plan, outcome, problems });
        }
      }
    }
    await current?.destroy();
  } finally {
    process.off("unhandledRejection", note);
    Reflect.deleteProperty(globalThis, "navigator");
  }
}

/**
 * @typedef {{ wgrad: Wgrad, options: () => import("../src/index.ts").ConnectOptions,
 *   act: (wgrad: Wgrad, engine: Engine) => Promise<unknown> }} Subject
 */

/** An engine on which the scenario has run. @param {Subject} subject */
async function warmed({ wgrad, options, act }) {
  const engine = await wgrad.connect(options());
  await act(wgrad, engine);
  return engine;
}

/**
 * The scenario, on `engine` or a new one.
 * @param {Subject} subject @param {GpuEngine | undefined} engine
 * @param {unknown} expected @param {boolean} loses @param {string[]} problems gets what is wrong
 * @returns {Promise<{ outcome: string, engine: GpuEngine | undefined }>}
 */
async function attempt({ wgrad, options, act }, engine, expected, loses, problems) {
  let used = engine;
  let outcome = "the same numbers";
  const work = async () => {
    used ??= await wgrad.connect(options());
    const found = await act(wgrad, used);
    if (JSON.stringify(found) !== JSON.stringify(expected)) problems.push("other numbers");
  };
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  const hangs = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error("hangs")), HANGS_MS);
  });
  try {
    await Promise.race([work(), hangs]);
  } catch (error) {
    const { name, message } = /** @type {Error} */ (error);
    outcome = `${name}: ${message.split("\n")[0]}`;
    if (!(error instanceof wgrad.EngineError))
      problems.push(`no error of wgrad: ${/** @type {Error} */ (error).stack}`);
    if (loses && !(error instanceof wgrad.DeviceLostError) && used)
      problems.push(`not told as a loss: ${outcome}`);
  } finally {
    clearTimeout(timer);
  }
  // Unhandled rejections, and what is freed once a compilation has ended, come in later turns.
  for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(resolve));
  return { outcome, engine: used };
}

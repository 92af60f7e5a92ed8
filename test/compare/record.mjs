/** What a build makes of the compared programs: the shaders of every launch, and the numbers that come out. */
import { programs } from "./programs/index.mjs";
import { canonical } from "./shader.mjs";

/**
 * The public entries of a build, by name. Two builds differ in what they offer: programs look for what they use.
 * @typedef {Record<string, any>} Entry
 * @typedef {object} Build
 * @property {Entry} wgrad
 * @property {Entry} ops functions of tensors: those that share a name with a layer or a loss are in a namespace, or are the same
 * @property {Entry} data
 * @property {Entry} augment
 * @property {Entry} metrics
 * @property {Entry} callbacks
 * @property {Entry} minimize
 * @property {Entry} inspect
 */

/**
 * What a program is given.
 * @typedef {object} Context
 * @property {Build} build
 * @property {any} engine
 * @property {number} seed
 */

/** @typedef {Readonly<Record<string, ArrayLike<number>>>} Numbers */

/**
 * @typedef {object} ComparedProgram
 * @property {string} name
 * @property {(context: Context) => Promise<Numbers>} run
 */

/**
 * @typedef {object} RecordedLaunch
 * @property {string} name
 * @property {string} code the shader, as `canonical` writes it, its grid, and what is bound
 */

/**
 * What came of one program on one engine.
 * @typedef {object} Recorded
 * @property {string} program
 * @property {string} engine
 * @property {RecordedLaunch[]} launches of all steps that were compiled, in order
 * @property {Record<string, number[]>} numbers
 */

export const ENTRIES = /** @type {const} */ ([
  "data",
  "augment",
  "metrics",
  "callbacks",
  "minimize",
  "inspect",
]);

/** A build out of its modules, by the names of {@link ENTRIES} and `wgrad`. @returns {Build} */
export function buildOf(/** @type {Record<string, Entry>} */ modules) {
  const { wgrad } = modules;
  return /** @type {Build} */ ({ ...modules, ops: { ...wgrad, ...wgrad.ops } });
}

/**
 * Runs programs on an engine, and records what they launch and compute.
 * @param {Build} build
 * @param {string} kind the engine: "gpu" or "cpu"
 * @param {{ of?: readonly ComparedProgram[], only?: (name: string) => boolean, seed?: number }} [options]
 * @returns {Promise<Recorded[]>}
 */
export async function record(build, kind, { of = programs, only = () => true, seed = 3 } = {}) {
  const engine = kind === "gpu" ? await build.wgrad.connect({ tune: false }) : build.wgrad.cpu();
  /** @type {RecordedLaunch[]} */
  let launches = [];
  const compile = engine.compile.bind(engine);
  engine.compile = async (/** @type {any[]} */ ...given) => {
    const executable = await compile(...given);
    launches.push(...build.inspect.launchDetails(executable.program).map(recordedLaunch));
    return executable;
  };
  const all = [];
  try {
    for (const { name, run } of of.filter(({ name }) => only(name))) {
      launches = [];
      const numbers = await run({ build, engine, seed });
      all.push({ program: name, engine: kind, launches, numbers: asLists(name, numbers) });
    }
  } finally {
    await engine.destroy();
  }
  return all;
}

/** @returns {RecordedLaunch} */
function recordedLaunch(/** @type {any} */ { name, code, entryPoint, grid, bindings }) {
  const bound = bindings.map(
    (/** @type {any} */ { binding, access, dtype, shape }) =>
      `${binding} ${access} ${dtype} [${shape.join(", ")}]`,
  );
  return { name, code: `${canonical(code, entryPoint)}\n${grid.join(" x ")}\n${bound.join("; ")}` };
}

/** @throws Error for what is not finite: NaN would be compared with NaN, and nothing would be known */
function asLists(/** @type {string} */ program, /** @type {Numbers} */ numbers) {
  const lists = Object.entries(numbers).map(([name, values]) => [name, Array.from(values)]);
  for (const [name, values] of lists) {
    if (values.length === 0) throw new Error(`${program}: ${name} holds no numbers`);
    const wrong = /** @type {number[]} */ (values).find((value) => !Number.isFinite(value));
    if (wrong !== undefined) throw new Error(`${program}: ${name} holds ${wrong}`);
  }
  return Object.fromEntries(lists);
}

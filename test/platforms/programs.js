/**
 * Programs given as data, run on an engine: in Node by the helpers of tests, in Deno and in a page with the built package.
 */

/** Slots of a row of the step table. */
const STEP_SLOTS = 64;

/**
 * @typedef {import("wgrad").Engine} Engine
 * @typedef {Float32Array | Int32Array | Uint8Array} Elements
 * @typedef {object} ProgramRun
 * @property {import("wgrad").Program} program
 * @property {Readonly<Record<string, Elements>>} memory What lies in its buffers: data, state and inputs, by their names.
 * @property {readonly Readonly<Record<string, number>>[]} steps Values of step scalars, by step.
 */

/**
 * @param {Engine} engine
 * @param {ProgramRun} run
 * @returns {Promise<Record<string, Elements>>} outputs, a row a step, and what lies in memory in the end
 */
export async function runProgram(engine, { program, memory, steps }) {
  const inputs = program.buffers.filter(({ kind }) => kind === "input");
  const lasting = Object.entries(memory).filter(([name]) => !inputs.some((input) => input.name === name));
  const buffers = Object.fromEntries(
    lasting.map(([name, data]) => [name, engine.buffer(name, dtypeOf(data), data.length, data)]),
  );
  const executable = await engine.compile(program, {
    state: buffers,
    data: buffers,
    maxSteps: steps.length,
    asWritten: true,
  });
  for (const { name } of inputs) executable.write(name, memory[name]);
  steps.forEach((values, row) => {
    program.scalars.forEach(({ name, dtype }, slot) => {
      executable.table[dtype][row * STEP_SLOTS + slot] = values[name];
    });
  });
  /** @type {Record<string, Elements>} */
  const found = { ...(await executable.run(steps.length)) };
  const written = program.buffers.filter(({ kind, name }) => kind === "state" && name in memory);
  for (const { name } of written) found[name] = await buffers[name].read();
  executable.release();
  for (const buffer of Object.values(buffers)) buffer.release();
  return found;
}

/** @param {Elements} data */
export function dtypeOf(data) {
  if (data instanceof Float32Array) return "f32";
  return data instanceof Int32Array ? "i32" : "u8";
}

/**
 * Runs as text, in which NaN is NaN, and what they gave.
 * @param {unknown} value
 */
export function encode(value) {
  return JSON.stringify(value, (_key, part) => {
    if (!ArrayBuffer.isView(part)) return part;
    const bytes = new Uint8Array(part.buffer, part.byteOffset, part.byteLength);
    let text = "";
    for (let at = 0; at < bytes.length; at += 8192) {
      text += String.fromCharCode(...bytes.subarray(at, at + 8192));
    }
    return { elements: dtypeOf(/** @type {Elements} */ (part)), base64: btoa(text) };
  });
}

/** @param {string} text */
export function decode(text) {
  return JSON.parse(text, (_key, part) => {
    if (typeof part?.base64 !== "string") return part;
    const bytes = Uint8Array.from(atob(part.base64), (letter) => letter.charCodeAt(0));
    if (part.elements === "u8") return bytes;
    return part.elements === "f32" ? new Float32Array(bytes.buffer) : new Int32Array(bytes.buffer);
  });
}

/**
 * All of `runs`, as text, on an engine of this place.
 * @param {Engine} engine
 * @param {string} runs
 */
export async function runAll(engine, runs) {
  const found = [];
  for (const run of decode(runs)) found.push(await runProgram(engine, run));
  // Of the engine's own, and no part of its interface.
  const { traits } = /** @type {{ traits?: { narrow?: boolean, subgroupSize?: number } }} */ (engine);
  const { narrow, subgroupSize } = traits ?? {};
  return encode({ adapter: engine.info.adapter, narrow, subgroupSize, found });
}

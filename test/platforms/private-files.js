/** Trainings with checkpoints in the origin private file system, for `test/callbacks/private-files.test.ts`. */

/** By their paths, as an import map does not hold in a page's worker. */
const modules = () =>
  Promise.all(["index", "data", "wasm", "callbacks"].map((name) => import(`../../dist/${name}.js`)));

/** What a browser may lack: a class, and a part of it. */
const PARTS = {
  move: ["FileSystemFileHandle", "move"],
  createWritable: ["FileSystemFileHandle", "createWritable"],
  getDirectory: ["StorageManager", "getDirectory"],
  locks: [globalThis.navigator.constructor.name, "locks"],
};
/** What may never end. */
const ENDLESS = {
  closing: ["FileSystemWritableFileStream", "close"],
  moving: ["FileSystemFileHandle", "move"],
};

/**
 * Takes parts from the browser.
 * @param {readonly string[]} lacks
 */
function take(lacks) {
  for (const [name, [owner, part]] of Object.entries({ ...PARTS, ...ENDLESS })) {
    if (!lacks.includes(name)) continue;
    const { prototype } = Reflect.get(globalThis, owner);
    if (name in PARTS) Reflect.deleteProperty(prototype, part);
    else prototype[part] = () => new Promise(() => {});
  }
}

/**
 * Trains six epochs at most, and tells what came of it.
 * @param {{ engine?: "cpu" | "wasm", path?: string, how?: object | number, resume?: string, epochs?: number,
 *   lacks?: string[], lacksLater?: string[] }} options
 *   `lacksLater`: what is missing after the second epoch's checkpoint
 */
export async function train({ engine = "cpu", path, how, resume, epochs = 6, lacks = [], lacksLater = [] }) {
  const [{ cpu, dense, fit, relu, sequential, sgd }, { digits }, { wasm }, { checkpoints }] = await modules();
  take(lacks);
  /** @type {string[]} */
  const warned = [];
  const { warn } = console;
  console.warn = (text) => warned.push(String(text));
  const device = engine === "cpu" ? cpu() : wasm({ threads: 1 });
  const run = fit(device, sequential(dense(5), relu(), dense(10)), digits({ train: 40, test: 1 }).train, {
    epochs,
    batchSize: 8,
    optimizer: sgd({ learningRate: 0.3 }),
    seed: 2,
    resume,
    callbacks: path === undefined ? [] : [checkpoints(path, how)],
  });
  const told = { error: "", weights: "", epochs: 0, warned };
  try {
    for await (const { epoch } of run) {
      if (epoch === 2) take(lacksLater);
      Reflect.set(globalThis, "epoch", epoch);
      told.epochs++;
    }
    told.weights = String(new Uint8Array(await run.toSafetensors()));
  } catch (error) {
    told.error = String(error);
  }
  console.warn = warn;
  await device.destroy();
  return told;
}

/** Bytes of each file of a folder, by name. */
export async function list(path = "") {
  let folder = await navigator.storage.getDirectory();
  for (const part of path.split("/").filter(Boolean)) folder = await folder.getDirectoryHandle(part);
  const sizes = [];
  for await (const entry of folder.values()) {
    if (entry.kind === "file") sizes.push([entry.name, (await entry.getFile()).size]);
  }
  return Object.fromEntries(sizes.sort());
}

/**
 * Flips a bit near the end of a file.
 * @param {string} name
 */
export async function damage(name) {
  const folder = await navigator.storage.getDirectory();
  const file = await folder.getFileHandle(name);
  const bytes = new Uint8Array(await (await file.getFile()).arrayBuffer());
  bytes[bytes.length - 9] ^= 16;
  const stream = await file.createWritable();
  await stream.write(bytes);
  await stream.close();
}

/** Removes all files and folders. */
export async function clear() {
  const folder = await navigator.storage.getDirectory();
  for await (const name of folder.keys()) await folder.removeEntry(name, { recursive: true });
}

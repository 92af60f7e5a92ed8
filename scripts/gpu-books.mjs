// A WebGPU that keeps books: numbers of calls, objects without a label, and bytes of memory held.

/** Numbers of calls of the device, its queue, and the encoded passes. */
export class Books {
  /** @type {Map<string, number>} */
  counts = new Map();
  /** Objects made without a label, by the call that made them. @type {string[]} */
  unlabelled = [];
  /** Bytes of all buffers made and not destroyed. */
  liveBytes = 0;

  /** Number of calls since the last `clear`. @param {string} call */
  count(call) {
    return this.counts.get(call) ?? 0;
  }

  /** Calls that make something, and how often they were made. @returns {Record<string, number>} */
  get creations() {
    return Object.fromEntries([...this.counts].filter(([call]) => call.startsWith("create")));
  }

  clear() {
    this.counts.clear();
  }

  /** @param {string} call */
  note(call) {
    this.counts.set(call, this.count(call) + 1);
  }

  /** A call that makes an object. @param {string} call @param {readonly any[]} args */
  noteObject(call, args) {
    this.note(call);
    if (!args[0]?.label) this.unlabelled.push(call);
  }
}

/**
 * `gpu`, but its devices write into `books`. To be put where `connect()` looks first, as `navigator.gpu`.
 * `gpu` must outlive its devices, and whoever has this keeps it.
 * @param {GPU} gpu
 * @param {Books} books
 * @returns {Pick<GPU, "requestAdapter" | "wgslLanguageFeatures">}
 */
export function keepBooks(gpu, books) {
  return {
    wgslLanguageFeatures: gpu.wgslLanguageFeatures,
    async requestAdapter(options) {
      const adapter = await gpu.requestAdapter(options);
      if (adapter) {
        after(adapter, ["requestDevice"], async (_call, _args, result) => {
          const device = /** @type {GPUDevice} */ (await result);
          watchDevice(device, books);
          return device;
        });
      }
      return adapter;
    },
  };
}

/**
 * Calls `then` after each call of these methods; the caller gets the result of `then`, if any.
 * @param {object} target
 * @param {readonly string[]} methods
 * @param {(call: string, args: readonly unknown[], result: unknown) => unknown} then
 */
function after(target, methods, then) {
  const methodsOf = /** @type {Record<string, (...args: unknown[]) => unknown>} */ (target);
  for (const name of methods) {
    const method = methodsOf[name];
    methodsOf[name] = (...args) => {
      const result = method.apply(target, args);
      return then(name, args, result) ?? result;
    };
  }
}

/** @param {GPUDevice} device @param {Books} books */
function watchDevice(device, books) {
  const methods = Object.getOwnPropertyNames(Object.getPrototypeOf(device));
  const creations = methods.filter((name) => name.startsWith("create"));
  if (creations.length < 10) throw new Error(`a device with few methods: ${methods.join(", ")}`);
  after(device, creations, (call, args, result) => {
    books.noteObject(call, args);
    if (call === "createBuffer") watchBuffer(/** @type {GPUBuffer} */ (result), books);
    if (call === "createCommandEncoder") watchEncoder(/** @type {GPUCommandEncoder} */ (result), books);
  });
  after(device.queue, ["submit", "writeBuffer"], (call) => books.note(call));
}

/** @param {GPUBuffer} buffer @param {Books} books */
function watchBuffer(buffer, books) {
  let live = true;
  books.liveBytes += buffer.size;
  after(buffer, ["destroy"], () => {
    if (live) books.liveBytes -= buffer.size;
    live = false;
  });
}

/** @param {GPUCommandEncoder} encoder @param {Books} books */
function watchEncoder(encoder, books) {
  after(encoder, ["finish"], (call, args) => books.noteObject(call, args));
  after(encoder, ["beginComputePass"], (call, args, pass) => {
    books.noteObject(call, args);
    after(/** @type {GPUComputePassEncoder} */ (pass), ["dispatchWorkgroups"], (call) => books.note(call));
  });
}

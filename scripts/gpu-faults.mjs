// A WebGPU that fails: its n-th call of a kind does what an implementation does when that call fails.
//
// The faults are of real implementations: an object that is invalid, with an error in the innermost scope that wants such
// errors (Dawn, wgpu); an exception (where an argument or the host's memory does not suffice); a promise that rejects; a
// device that is lost at that moment, also where the promise then resolves as if nothing had happened (Chromium, Deno).
import { Books, keepBooks } from "./gpu-books.mjs";

/**
 * @typedef {"invalid" | "memory" | "throws" | "rejects" | "internal" | "lost" | "lost silently" | "none"} Fault
 * @typedef {{ call: string, n: number, fault: Fault }} Plan
 */

/**
 * The kinds of calls, and how each fails. A device can be lost at any of them.
 * @type {Readonly<Record<string, readonly Fault[]>>}
 */
export const FAULTS = {
  requestAdapter: ["none", "rejects"],
  requestDevice: ["rejects", "lost"],
  createBuffer: ["memory", "invalid", "throws", "lost"],
  createBindGroupLayout: ["invalid", "lost"],
  createPipelineLayout: ["invalid", "lost"],
  createShaderModule: ["invalid", "throws", "lost"],
  createComputePipeline: ["invalid", "lost"],
  createComputePipelineAsync: ["rejects", "internal", "lost"],
  createBindGroup: ["invalid", "lost"],
  createQuerySet: ["memory", "throws", "lost"],
  createCommandEncoder: ["throws", "lost"],
  finish: ["invalid", "throws", "lost"],
  submit: ["invalid", "memory", "throws", "lost"],
  writeBuffer: ["invalid", "throws", "lost"],
  popErrorScope: ["rejects", "lost"],
  mapAsync: ["rejects", "lost", "lost silently"],
  getMappedRange: ["throws", "lost"],
  onSubmittedWorkDone: ["rejects", "lost", "lost silently"],
};

/** Every way in which every kind of call fails. @returns {{ call: string, fault: Fault }[]} */
export function allFaults() {
  return Object.entries(FAULTS).flatMap(([call, faults]) => faults.map((fault) => ({ call, fault })));
}

/** What happens to calls: they are counted, and the planned one fails. */
export class Saboteur {
  /** Numbers of calls since the last `begin`, by kind. @type {Map<string, number>} */
  counts = new Map();
  /** @type {Plan | undefined} */
  #plan;
  /** Whether the planned call has come. */
  struck = false;

  /** @param {Plan} [plan] */
  begin(plan) {
    this.counts.clear();
    this.#plan = plan;
    this.struck = false;
  }

  /** Counts a call. @param {string} call @returns {Fault | undefined} how it fails, if so */
  next(call) {
    const n = (this.counts.get(call) ?? 0) + 1;
    this.counts.set(call, n);
    const plan = this.#plan;
    if (this.struck || plan?.call !== call || plan.n !== n) return undefined;
    this.struck = true;
    return plan.fault;
  }
}

/** Words of every error that is made here. */
export const SABOTAGE = "sabotage";

/** @param {string} name */
const exception = (name) => new DOMException(SABOTAGE, name);

/**
 * `gpu`, but its devices keep books and are sabotaged. To be put where `connect()` looks first, as `navigator.gpu`.
 * @param {GPU} gpu which must outlive its devices
 * @param {Books} books
 * @param {Saboteur} saboteur
 * @returns {Pick<GPU, "requestAdapter" | "wgslLanguageFeatures">}
 */
export function sabotage(gpu, books, saboteur) {
  const kept = keepBooks(gpu, books);
  return {
    wgslLanguageFeatures: kept.wgslLanguageFeatures,
    async requestAdapter(options) {
      const fault = saboteur.next("requestAdapter");
      if (fault === "none") return null;
      if (fault) throw exception("OperationError");
      const adapter = await kept.requestAdapter(options);
      if (adapter) {
        around(adapter, "requestDevice", async (request) => {
          const fault = saboteur.next("requestDevice");
          if (fault === "rejects") throw exception("OperationError");
          const device = /** @type {GPUDevice} */ (await request());
          sabotageDevice(device, saboteur);
          if (fault === "lost") device.destroy();
          return device;
        });
      }
      return adapter;
    },
  };
}

/**
 * Replaces a method by `then`, which gets the method itself and the arguments.
 * @param {object} target
 * @param {string} name
 * @param {(call: (...args: any[]) => any, args: any[]) => unknown} then
 */
function around(target, name, then) {
  const methods = /** @type {Record<string, (...args: any[]) => any>} */ (target);
  const method = methods[name];
  methods[name] = (...args) =>
    then((...given) => method.apply(target, given.length > 0 ? given : args), args);
}

/** @param {GPUDevice} device @param {Saboteur} saboteur */
function sabotageDevice(device, saboteur) {
  const scopes = watchScopes(device, saboteur);

  /**
   * Calls that make an object, which is invalid where they fail. `spoil` makes arguments that are refused.
   * @param {object} target
   * @param {string} name
   * @param {(args: any[]) => any[]} spoil
   * @param {(made: any) => void} [watch]
   */
  const makes = (target, name, spoil, watch) =>
    around(target, name, (call, args) => {
      const fault = saboteur.next(name);
      if (fault === "lost") device.destroy();
      if (fault === "throws")
        throw name === "createBuffer" ? new RangeError(SABOTAGE) : exception("OperationError");
      const made =
        fault === "invalid" || fault === "memory" ? scopes.spoilt(fault, () => call(...spoil(args))) : call();
      watch?.(made);
      return made;
    });

  const changed = (/** @type {object} */ change) => (/** @type {any[]} */ args) => [
    { ...args[0], ...change },
  ];
  makes(device, "createBuffer", changed({ size: 2 ** 50 }), (buffer) =>
    sabotageBuffer(device, buffer, saboteur),
  );
  makes(device, "createShaderModule", changed({ code: "fn broken( {" }));
  makes(device, "createQuerySet", changed({ count: 2 ** 20 }));
  makes(device, "createBindGroup", changed({ entries: [] }));
  makes(device, "createBindGroupLayout", ([descriptor]) => [
    { ...descriptor, entries: [...descriptor.entries, ...descriptor.entries] },
  ]);
  makes(device, "createPipelineLayout", ([descriptor]) => [
    { ...descriptor, bindGroupLayouts: Array(99).fill(descriptor.bindGroupLayouts.at(-1)) },
  ]);
  makes(device, "createComputePipeline", ([descriptor]) => [
    { ...descriptor, compute: { ...descriptor.compute, entryPoint: "missing" } },
  ]);
  makes(
    device,
    "createCommandEncoder",
    (args) => args,
    (encoder) =>
      makes(encoder, "finish", (args) => {
        // An encoder with an open debug group cannot be finished.
        encoder.pushDebugGroup("open");
        return args;
      }),
  );

  around(device, "createComputePipelineAsync", async (call) => {
    const fault = saboteur.next("createComputePipelineAsync");
    if (fault === "lost") device.destroy();
    if (fault === "rejects" || fault === "internal") {
      await call().catch(() => {});
      const reason = fault === "rejects" ? "validation" : "internal";
      throw Object.assign(new DOMException(SABOTAGE, "GPUPipelineError"), { reason });
    }
    return call();
  });

  around(device.queue, "submit", (call) => {
    const fault = saboteur.next("submit");
    if (fault === "lost") device.destroy();
    if (fault === "throws") throw new TypeError(SABOTAGE);
    // Nothing runs.
    if (fault === "invalid" || fault === "memory") return scopes.report(fault);
    return call();
  });
  around(device.queue, "writeBuffer", (call, args) => {
    const fault = saboteur.next("writeBuffer");
    if (fault === "lost") device.destroy();
    if (fault === "throws") throw exception("OperationError");
    if (fault === "invalid") return scopes.report(fault);
    return call(...args);
  });
  around(device.queue, "onSubmittedWorkDone", (call) =>
    answer(device, saboteur.next("onSubmittedWorkDone"), call),
  );
}

/** @param {GPUDevice} device @param {GPUBuffer} buffer @param {Saboteur} saboteur */
function sabotageBuffer(device, buffer, saboteur) {
  around(buffer, "mapAsync", (call) => answer(device, saboteur.next("mapAsync"), call));
  around(buffer, "getMappedRange", (call) => {
    const fault = saboteur.next("getMappedRange");
    if (fault === "lost") device.destroy();
    if (fault === "throws") throw new RangeError(SABOTAGE);
    return call();
  });
}

/** @param {GPUDevice} device @param {Fault | undefined} fault @param {() => Promise<unknown>} call */
async function answer(device, fault, call) {
  if (fault === "rejects") throw exception("OperationError");
  const answered = call();
  if (fault?.startsWith("lost")) device.destroy();
  return fault === "lost silently" ? answered.catch(() => {}) : answered;
}

/**
 * Watches the stack of error scopes, to put errors into it.
 * @param {GPUDevice} device @param {Saboteur} saboteur
 */
function watchScopes(device, saboteur) {
  /** @type {{ filter: string, error?: object }[]} */
  const stack = [];
  const push = device.pushErrorScope.bind(device);
  const pop = device.popErrorScope.bind(device);
  around(device, "pushErrorScope", (call, [filter]) => {
    stack.push({ filter });
    call();
  });
  around(device, "popErrorScope", async (call) => {
    const scope = stack.pop();
    const fault = saboteur.next("popErrorScope");
    if (fault === "lost") device.destroy();
    const error = await call();
    if (fault === "rejects") throw exception("OperationError");
    return scope?.error ?? error;
  });
  /** @type {((event: { error: object }) => void)[]} */
  const listeners = [];
  around(device, "addEventListener", (call, [type, listener]) => {
    if (type === "uncapturederror") listeners.push(listener);
    call();
  });
  /** An error of the kind, in the scope that wants it. @param {"invalid" | "memory"} kind */
  const report = (kind) => {
    const filter = kind === "memory" ? "out-of-memory" : "validation";
    const error = { message: SABOTAGE };
    const scope = stack.findLast((one) => one.filter === filter);
    if (scope) scope.error ??= error;
    else for (const listener of listeners) queueMicrotask(() => listener({ error }));
  };
  /** An invalid object. @param {"invalid" | "memory"} kind @param {() => object} make */
  const spoilt = (kind, make) => {
    push("validation");
    push("internal");
    push("out-of-memory");
    try {
      return make();
    } finally {
      for (let i = 0; i < 3; i++) pop().catch(() => {});
      report(kind);
    }
  };
  return { report, spoilt };
}

export { Books };

/**
 * A WebGPU that keeps books: `connect()` gets an engine on a device whose every call is counted, through the same
 * `navigator.gpu` that a browser has.
 */
import { vi } from "vitest";
import { create } from "webgpu";
import { connect } from "../../src/runtime/gpu/connect.ts";
import type { GpuEngine } from "../../src/runtime/gpu/engine.ts";

/** What was called, how often, on the device, its queue, and the passes encoded. */
export class Books {
  readonly counts = new Map<string, number>();
  /** Objects made without a label, by the call that made them. */
  readonly unlabelled: string[] = [];
  /** Bytes of all buffers made and not destroyed. */
  liveBytes = 0;

  /** How often since the last `clear`. */
  count(call: string): number {
    return this.counts.get(call) ?? 0;
  }

  /** Calls that make something, and how often they were made. */
  get creations(): Record<string, number> {
    return Object.fromEntries([...this.counts].filter(([call]) => call.startsWith("create")));
  }

  clear(): void {
    this.counts.clear();
  }

  note(call: string): void {
    this.counts.set(call, this.count(call) + 1);
  }
}

export interface Instrumented {
  readonly engine: GpuEngine;
  readonly device: GPUDevice;
  readonly books: Books;
}

type Method = (this: object, ...args: unknown[]) => unknown;

/** Connects to the machine's adapter. */
export async function connectInstrumented(): Promise<Instrumented> {
  const books = new Books();
  let gpu: GPU | undefined = create([]);
  const requestAdapter = async (options?: GPURequestAdapterOptions) => {
    const adapter = await gpu?.requestAdapter(options);
    if (adapter)
      after(adapter, ["requestDevice"], async (_call, _args, device) =>
        watch(await (device as Promise<GPUDevice>), books),
      );
    return adapter ?? null;
  };
  vi.stubGlobal("navigator", { gpu: { requestAdapter } });
  try {
    const engine = await connect();
    // Dawn keeps the process alive for as long as its GPU object is reachable.
    engine.device.lost.then(() => {
      gpu = undefined;
    });
    return { engine, device: engine.device, books };
  } finally {
    vi.unstubAllGlobals();
  }
}

/** Calls `then` after each call of these methods; what it returns, if anything, is what the caller gets. */
function after(
  target: object,
  methods: readonly string[],
  then: (call: string, args: readonly unknown[], result: unknown) => unknown,
): void {
  const methodsOf = target as Record<string, Method>;
  for (const name of methods) {
    const method = methodsOf[name];
    methodsOf[name] = function (...args) {
      const result = method.apply(this, args);
      return then(name, args, result) ?? result;
    };
  }
}

const QUEUE_CALLS = ["submit", "writeBuffer"];

function watch(device: GPUDevice, books: Books): GPUDevice {
  const creations = Object.keys(Object.getOwnPropertyDescriptors(Object.getPrototypeOf(device))).filter(
    (name) => name.startsWith("create"),
  );
  if (creations.length < 10) throw new Error(`a device with few methods: ${creations.join(", ")}`);
  const noteObject = (call: string, args: readonly unknown[]) => {
    books.note(call);
    if (!(args[0] as GPUObjectDescriptorBase | undefined)?.label) books.unlabelled.push(call);
  };
  after(device, creations, (call, args, result) => {
    noteObject(call, args);
    if (call === "createBuffer") watchBuffer(result as GPUBuffer, books);
    if (call === "createCommandEncoder") watchEncoder(result as GPUCommandEncoder, books, noteObject);
  });
  after(device.queue, QUEUE_CALLS, (call) => books.note(call));
  return device;
}

function watchBuffer(buffer: GPUBuffer, books: Books): void {
  let live = true;
  books.liveBytes += buffer.size;
  after(buffer, ["destroy"], () => {
    if (live) books.liveBytes -= buffer.size;
    live = false;
  });
}

function watchEncoder(
  encoder: GPUCommandEncoder,
  books: Books,
  noteObject: (call: string, args: readonly unknown[]) => void,
): void {
  after(encoder, ["finish"], noteObject);
  after(encoder, ["beginComputePass"], (call, args, pass) => {
    noteObject(call, args);
    after(pass as GPUComputePassEncoder, ["dispatchWorkgroups"], (call) => books.note(call));
  });
}

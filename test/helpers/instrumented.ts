/** An engine on a device that keeps books of what is called, got as in a browser: through `navigator.gpu`. */
import { vi } from "vitest";
import { create } from "webgpu";
import { Books, keepBooks } from "../../scripts/gpu-books.mjs";
import { type ConnectOptions, connect } from "../../src/runtime/gpu/connect.ts";
import type { GpuEngine } from "../../src/runtime/gpu/engine.ts";

export interface Instrumented {
  readonly engine: GpuEngine;
  readonly books: Books;
}

/** Never dropped: a process crashes where Dawn is collected as garbage while a device of it is opened or ended. */
const dawn = create([]);

/** Connects to the machine's adapter; on demand as if its shaders could read no immediates. */
export async function connectInstrumented({
  immediates = true,
  ...options
}: ConnectOptions & { readonly immediates?: boolean } = {}): Promise<Instrumented> {
  const books = new Books();
  const { wgslLanguageFeatures, requestAdapter } = keepBooks(dawn, books);
  const language = [...wgslLanguageFeatures].filter(
    (name) => immediates || name !== "immediate_address_space",
  );
  vi.stubGlobal("navigator", { gpu: { requestAdapter, wgslLanguageFeatures: new Set(language) } });
  try {
    return { engine: await connect(options), books };
  } finally {
    vi.unstubAllGlobals();
  }
}

// Engines for scripts that watch memory: an engine, and the bytes of its memory that are in use.
import { create } from "webgpu";
import { connect } from "wgrad";
import { wasm } from "wgrad/wasm";
import { Books, keepBooks } from "./gpu-books.mjs";

export const KINDS = /** @type {const} */ (["gpu", "wasm"]);

/** @type {Books | undefined} */
let books;

/** The books of this process; whoever connects from now on has a device that keeps them. */
function booksOfProcess() {
  if (!books) {
    books = new Books();
    Object.defineProperty(globalThis, "navigator", { value: { gpu: keepBooks(create([]), books) } });
  }
  return books;
}

/** @param {typeof KINDS[number]} kind */
export async function openMeasured(kind) {
  if (kind === "gpu") {
    const books = booksOfProcess();
    const engine = await connect({ tune: false });
    return { engine, bytesInUse: () => books.liveBytes };
  }
  const engine = wasm();
  // Of the engine's own, and no part of its interface.
  const { space } = /** @type {{ space: { end: number } }} */ (/** @type {unknown} */ (engine));
  return { engine, bytesInUse: () => space.end };
}

import { availableParallelism } from "node:os";

// A candidate's process: makes WebGPU global in Node, as it is in pages and in Deno, if it is told
// where that is, and does what its parent asks for.
const [calls, webgpu] = process.argv.slice(2);
/** @type {GPU | undefined} Dawn's object has to stay reachable. */
let gpu;
if (webgpu) {
  /** @type {typeof import("webgpu")} */
  const { create, globals } = await import(webgpu);
  Object.assign(globalThis, globals);
  gpu = create([]);
}
const inDeno = "Deno" in globalThis;
if (inDeno) {
  // It has all that pages have.
} else if (globalThis.navigator) Object.defineProperty(navigator, "gpu", { value: gpu });
else {
  // As later versions of Node have it.
  const navigator = { gpu, userAgent: "Node", hardwareConcurrency: availableParallelism() };
  Object.assign(globalThis, { navigator });
}

const called = await import(calls);

process.on("message", async (/** @type {{ name: string, args: unknown[] }} */ { name, args }) => {
  try {
    process.send?.({ value: await called[name](...args) });
  } catch (error) {
    process.send?.({ error: error instanceof Error ? error.message : String(error) });
  }
});
// Nobody needs it without a parent.
process.on("disconnect", () => process.exit());

// A candidate's process in Node: makes WebGPU global, as it is in pages, if it is told where
// that is, and does what its parent asks for.
const [calls, webgpu] = process.argv.slice(2);
/** @type {GPU | undefined} Dawn's object has to stay reachable. */
let gpu;
if (webgpu) {
  /** @type {typeof import("webgpu")} */
  const { create, globals } = await import(webgpu);
  Object.assign(globalThis, globals);
  gpu = create([]);
}
if (globalThis.navigator) Object.defineProperty(navigator, "gpu", { value: gpu });
else Object.assign(globalThis, { navigator: { gpu, userAgent: "Node" } });

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

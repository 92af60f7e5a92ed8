// Prints the name of the WebGPU adapter that Node gets here; exits with 1 if there is none.
// The set-up runs this in a process of its own: native drivers may print, hang or crash.
import { create } from "webgpu";

const adapter = await create([]).requestAdapter();
if (adapter) console.log(adapter.info.description || adapter.info.device || adapter.info.vendor);
// An explicit exit: Dawn's threads can keep a process alive for as long as its GPU object is reachable.
process.exit(adapter ? 0 : 1);

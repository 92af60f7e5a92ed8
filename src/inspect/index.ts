/** wgrad/inspect: what a recorded step is made of, for people and tools. */

export type { Access, DeviceTraits } from "../kernels/kernel.ts";
export { measureCeiling } from "./ceiling.ts";
export type { Ceiling } from "./describe.ts";
export {
  type BoundMemory,
  type DispatchDetails,
  type LaunchBindingDetails,
  type LaunchDetails,
  launchDetails,
} from "./launches.ts";
export { type BufferMemory, type MemoryLayout, memoryLayout } from "./memory.ts";
export { programFor } from "./programFor.ts";
export { chromeTrace } from "./trace.ts";

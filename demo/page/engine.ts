/** The engine of a worker. */
import { connect, cpu, type Engine, type GpuEngine } from "wgrad";
import type { Device } from "./device.tsx";

export interface OpenedEngine {
  readonly engine: Engine;
  /** The same, where it is a GPU. */
  readonly gpu?: GpuEngine;
  readonly device: Device;
}

/** The engine of a kind; the CPU's where there is no GPU, with the reason. */
export async function openEngine(kind: Device["kind"]): Promise<OpenedEngine> {
  if (kind === "cpu") return openCpu();
  try {
    const gpu = await connect({ powerPreference: "high-performance" });
    return { engine: gpu, gpu, device: { kind: "gpu", adapter: gpu.info.adapter } };
  } catch (error) {
    return openCpu((error as Error).message);
  }
}

function openCpu(reason?: string): OpenedEngine {
  const engine = cpu();
  return { engine, device: { kind: "cpu", adapter: engine.info.adapter, reason } };
}

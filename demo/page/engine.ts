/** The engine of a worker. */
import { type ConnectOptions, connect, cpu, type Engine, type GpuEngine } from "wgrad";
import { isSoftware } from "../../charts/adapter.ts";
import type { Device, EngineName, Times } from "./device.tsx";

export interface OpenedEngine {
  readonly engine: Engine;
  /** The same, where it is a GPU. */
  readonly gpu?: GpuEngine;
  readonly device: Device;
}

/** The engine of a kind: WebAssembly where there is no GPU, and the CPU's where there is neither, with the reasons. */
export async function openEngine(kind: EngineName, options: ConnectOptions = {}): Promise<OpenedEngine> {
  if (kind === "cpu") return opened(cpu());
  if (kind === "wasm") return openWasm({});
  try {
    const gpu = await connect({ powerPreference: "high-performance", ...options });
    return { ...opened(gpu), gpu };
  } catch (error) {
    return openWasm({ noGpu: (error as Error).message });
  }
}

/**
 * The fastest engine here: the GPU, unless it is software and slower than WebAssembly, which computes on the same processor.
 * @param timesOf the times of an earlier measurement with this adapter, if there was one
 */
export async function openFastest(
  timesOf: (adapter: string) => Promise<Times | undefined>,
): Promise<OpenedEngine> {
  const found = await openEngine("gpu");
  const { gpu, device } = found;
  if (!gpu || !isSoftware(device.adapter)) return found;
  const other = await openEngine("wasm");
  if (other.device.kind !== "wasm") return found;
  const { measureTimes } = await import("./times.ts");
  const times = (await timesOf(device.adapter)) ?? (await measureTimes(gpu, other.engine));
  const [kept, left] = times.wasm < times.gpu ? [other, found] : [found, other];
  await left.engine.destroy();
  const software = { adapter: device.adapter, times };
  return { ...kept, device: { ...kept.device, software } };
}

async function openWasm(without: Partial<Device>): Promise<OpenedEngine> {
  try {
    const { wasm } = await import("wgrad/wasm");
    return opened(wasm(), without);
  } catch (error) {
    return opened(cpu(), { ...without, noWasm: (error as Error).message });
  }
}

function opened(engine: Engine, without: Partial<Device> = {}): OpenedEngine {
  return { engine, device: { kind: engine.kind, adapter: engine.info.adapter, ...without } };
}

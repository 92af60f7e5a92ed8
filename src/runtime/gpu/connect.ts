/** Finds an adapter — in a browser, in Deno, or in Node through Dawn — and opens a device on it. */
import type { DeviceTraits } from "../../kernels/kernel.ts";
import { EngineError } from "../engine.ts";
import { GpuEngine } from "./engine.ts";

export interface ConnectOptions {
  readonly powerPreference?: GPUPowerPreference;
}

/** Features that kernels can use; a device gets those its adapter has. */
const WANTED_FEATURES = ["subgroups", "shader-f16", "timestamp-query"] as const;

/** Limits that decide how large a model may be; a device gets all its adapter has. */
const WANTED_LIMITS = [
  "maxBufferSize",
  "maxStorageBufferBindingSize",
  "maxComputeWorkgroupStorageSize",
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupSizeX",
  "maxComputeWorkgroupSizeY",
] as const;

/**
 * Connects to WebGPU.
 * @throws EngineError when there is no WebGPU or no adapter, saying what to do about it.
 */
export async function connect(options: ConnectOptions = {}): Promise<GpuEngine> {
  const { gpu, letGo } = await findGpu();
  const adapter = await gpu.requestAdapter({ powerPreference: options.powerPreference });
  if (!adapter) {
    letGo();
    throw new EngineError(
      "connect: WebGPU has no adapter here; install a GPU driver (or Mesa's lavapipe, a software one), or train on cpu()",
    );
  }
  const requiredFeatures = WANTED_FEATURES.filter((feature) => adapter.features.has(feature));
  const requiredLimits: Record<string, number> = {};
  for (const limit of WANTED_LIMITS) {
    const value = adapter.limits[limit];
    if (value !== undefined) requiredLimits[limit] = value;
  }
  const device = await adapter.requestDevice({ label: "wgrad", requiredFeatures, requiredLimits });
  return new GpuEngine(device, nameOf(adapter), traitsOf(device, adapter.info), letGo);
}

function traitsOf({ features, limits }: GPUDevice, info: GPUAdapterInfo): DeviceTraits {
  const { subgroupMinSize, subgroupMaxSize } = info;
  const oneSize = features.has("subgroups") && subgroupMinSize === subgroupMaxSize && subgroupMinSize > 0;
  return {
    subgroupSize: oneSize ? subgroupMinSize : undefined,
    workgroupBytes: limits.maxComputeWorkgroupStorageSize,
    workgroupInvocations: limits.maxComputeInvocationsPerWorkgroup,
  };
}

function nameOf({ info }: GPUAdapter): string {
  return (
    info.description ||
    [info.vendor, info.architecture, info.device].filter(Boolean).join(" ") ||
    "unknown adapter"
  );
}

/** Dawn rounds timestamps to 0.1 ms, against attacks by strangers' pages. A Node process runs its own code. */
const DAWN_OPTIONS = ["disable-dawn-features=timestamp_quantization"];

interface FoundGpu {
  readonly gpu: GPU;
  /** Drops the last reference to it: without that, Dawn keeps a Node process from ending. */
  readonly letGo: () => void;
}

async function findGpu(): Promise<FoundGpu> {
  const here = (globalThis as { navigator?: { gpu?: GPU } }).navigator?.gpu;
  if (here) return { gpu: here, letGo: () => {} };
  if (!("process" in globalThis)) {
    throw new EngineError(
      "connect: this browser has no WebGPU; use a current Chrome, Edge, Safari or Firefox, over https or localhost, or train on cpu()",
    );
  }
  try {
    const { create } = await import("webgpu");
    const holder: { gpu?: GPU } = { gpu: create(DAWN_OPTIONS) };
    return {
      gpu: holder.gpu as GPU,
      letGo: () => {
        holder.gpu = undefined;
      },
    };
  } catch (cause) {
    throw new EngineError(
      `connect: Node needs the package "webgpu" (npm install webgpu), or train on cpu(): ${cause}`,
      {
        cause,
      },
    );
  }
}

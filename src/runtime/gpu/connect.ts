/** Finds an adapter — in a browser, in Deno, or in Node through Dawn — and opens a device on it. */
import { checkSignal, unlessAborted } from "../../abort.ts";
import { checkOptions, inWords } from "../../checks.ts";
import { allowed, environmentVariable } from "../../environment.ts";
import { EngineError } from "../engine.ts";
import { GpuEngine } from "./engine.ts";
import type { Rest } from "./rest.ts";
import type { StallOptions } from "./stalls.ts";
import { traitsOf } from "./traits.ts";
import type { TuneOptions } from "./tune.ts";

export interface ConnectOptions extends StallOptions {
  readonly powerPreference?: "low-power" | "high-performance";
  /**
   * Whether kernels are chosen by measurement when a program is first compiled on a device (default true, or false
   * where the environment variable WGRAD_TUNE is "off"). Choices are kept; results do not depend on them.
   */
  readonly tune?: boolean | TuneOptions;
  /** Aborts the connecting; the signal's reason is the error. The engine is not affected. */
  readonly signal?: AbortSignal;
}

/** Features that kernels can use; a device gets those of its adapter. Some are newer than TypeScript's list. */
const WANTED_FEATURES = [
  "subgroups",
  "subgroup-size-control",
  "shader-f16",
  "timestamp-query",
] as string[] as readonly GPUFeatureName[];

/** Limits on a model's size; a device gets the adapter's maximum. */
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
 * @throws EngineError where WebGPU or an adapter is missing, with the remedy
 * @throws RangeError where an option is out of range
 * @throws TypeError where an option is unknown or of another kind; the signal's reason
 */
export async function connect(options: ConnectOptions = {}): Promise<GpuEngine> {
  checkOptions("connect", options, {
    powerPreference: "string",
    tune: "any",
    stalledAfter: "number",
    onStalled: "function",
    signal: "any",
  });
  const { powerPreference, tune, stalledAfter = 1, signal } = options;
  if (![undefined, "low-power", "high-performance"].includes(powerPreference)) {
    throw new RangeError(
      `connect: powerPreference is ${inWords(powerPreference)}; give "low-power" or "high-performance"`,
    );
  }
  if (tune !== undefined) checkTune(tune);
  if (!(stalledAfter > 0))
    throw new RangeError(`connect: stalledAfter is ${stalledAfter}; give seconds, a number above 0`);
  checkSignal("connect", signal);
  signal?.throwIfAborted();
  return unlessAborted(signal, connected(options), (late) => late.destroy());
}

async function connected(options: ConnectOptions): Promise<GpuEngine> {
  const { powerPreference, tune } = options;
  const { gpu, rest } = await findGpu();
  const tuning = tune ?? !(allowed("env") && environmentVariable("WGRAD_TUNE") === "off");
  const [adapter, tuners] = await Promise.all([
    gpu.requestAdapter({ powerPreference }).catch((cause) => {
      throw new EngineError(`connect: WebGPU gives no adapter: ${cause?.message ?? cause}; ${REMEDY}`, {
        cause,
      });
    }),
    tuning ? import("./tune.ts") : undefined,
  ]);
  if (!adapter) throw new EngineError(`connect: WebGPU has no adapter here; ${REMEDY}`);
  const requiredFeatures = WANTED_FEATURES.filter((feature) => adapter.features.has(feature));
  const requiredLimits: Record<string, number> = {};
  for (const limit of WANTED_LIMITS) {
    const value = adapter.limits[limit];
    if (value !== undefined) requiredLimits[limit] = value;
  }
  const device = await openDevice(adapter, { label: "wgrad", requiredFeatures, requiredLimits });
  const language: ReadonlySet<string> = gpu.wgslLanguageFeatures ?? new Set();
  const traits = await traitsOf(adapter, device, language, await hostCores());
  const tuner = tuners?.openTuner(adapter.info, traits, typeof tuning === "object" ? tuning : {});
  const again = () => connect(options);
  return new GpuEngine(device, nameOf(adapter), traits, tuner, rest, again, options);
}

const REMEDY = "install a GPU driver (or Mesa's lavapipe, a software one), or train on wasm() of wgrad/wasm";

/** @throws EngineError where the adapter gives no device, with its reason */
async function openDevice(adapter: GPUAdapter, descriptor: GPUDeviceDescriptor): Promise<GPUDevice> {
  try {
    return await adapter.requestDevice(descriptor);
  } catch (cause) {
    throw new EngineError(
      `connect: the adapter ${nameOf(adapter)} opens no device: ${(cause as Error)?.message ?? cause}; try again, or train on wasm() of wgrad/wasm`,
      { cause },
    );
  }
}

function checkTune(tune: boolean | TuneOptions): void {
  if (typeof tune === "boolean") return;
  const { budget = 0 } = checkOptions("connect: tune", tune, { budget: "number", folder: "string" });
  if (budget >= 0 && budget < Number.POSITIVE_INFINITY) return;
  throw new RangeError(
    `connect: tune.budget is ${budget}; give milliseconds, a number from 0, or tune: false`,
  );
}

/** Browsers, Deno, and Node from 21 on provide the number in the navigator. */
async function hostCores(): Promise<number | undefined> {
  const { navigator } = globalThis as { navigator?: { hardwareConcurrency?: number } };
  if (navigator?.hardwareConcurrency !== undefined) return navigator.hardwareConcurrency;
  return isNode() ? (await import("./node.ts")).processorCores() : undefined;
}

function nameOf({ info }: GPUAdapter): string {
  return (
    info.description ||
    [info.vendor, info.architecture, info.device].filter(Boolean).join(" ") ||
    "unknown adapter"
  );
}

interface FoundGpu {
  readonly gpu: GPU;
  /** Present where waiting for the adapter would keep a core busy. */
  readonly rest: Rest | undefined;
}

/**
 * Whether the GPU is Dawn's package, even where a program made it the navigator's. Deno also reports Node, but has its
 * own WebGPU.
 */
function isNode(): boolean {
  const { process, Deno } = globalThis as { process?: { versions?: { node?: string } }; Deno?: unknown };
  return process?.versions?.node !== undefined && Deno === undefined;
}

async function findGpu(): Promise<FoundGpu> {
  const here = (globalThis as { navigator?: { gpu?: GPU } }).navigator?.gpu;
  if (here && !isNode()) return { gpu: here, rest: undefined };
  if (!("process" in globalThis)) {
    throw new EngineError(
      "connect: this browser has no WebGPU; use a current Chrome, Edge, Safari or Firefox, over https or localhost, or train on wasm() of wgrad/wasm",
    );
  }
  const { dawnGpu, Rest } = await import("./node.ts");
  return { gpu: here ?? (await dawnGpu()), rest: new Rest() };
}

/** The device that this tab computes on. */
import { signal } from "@preact/signals";
import { adapterLine } from "../../charts/adapter.ts";
import { significant } from "./widgets/numbers.ts";

export type EngineName = "gpu" | "wasm" | "cpu";

export interface Device {
  readonly kind: EngineName;
  /** The adapter's name, or the engine's. */
  readonly adapter: string;
  /** Why there is no GPU, where one was looked for. */
  readonly noGpu?: string;
  /** Why there is no WebAssembly to compute with, where it was looked for. */
  readonly noWasm?: string;
  /** A GPU of software, which computes on the processor as well. */
  readonly software?: Software;
}

export interface Software {
  readonly adapter: string;
  readonly times: Times;
}

/** Milliseconds of the same product of matrices on both. */
export interface Times {
  readonly gpu: number;
  readonly wasm: number;
}

/** Undefined until the page has asked. */
export const device = signal<Device | undefined>(undefined);

const NAMES: Readonly<Record<EngineName, string>> = {
  gpu: "the GPU",
  wasm: "the processor",
  cpu: "the CPU reference",
};

/** The engines to choose from, as a select's options. */
export function enginesOf({ noGpu, noWasm }: Partial<Device>): (readonly [EngineName, string])[] {
  const here = { gpu: noGpu === undefined, wasm: noWasm === undefined, cpu: true };
  return (Object.keys(NAMES) as EngineName[]).flatMap((name) =>
    here[name] ? [[name, NAMES[name]] as const] : [],
  );
}

/** Why the choice is what it is; undefined where that is plain. */
export function engineHelp({ noGpu, software }: Partial<Device>): string | undefined {
  if (noGpu !== undefined) return "There is no GPU to choose here.";
  if (!software) return undefined;
  const { gpu, wasm } = software.times;
  return `This GPU is software. A product of matrices takes ${significant(gpu)} ms on it, and ${significant(wasm)} ms by WebAssembly.`;
}

export function DeviceBadge() {
  const found = device.value;
  if (!found) return <span class="badge">Looking for a GPU…</span>;
  const { kind, adapter, noGpu } = found;
  if (kind === "gpu") {
    const line = adapterLine(adapter);
    return (
      <span class="badge" title={line}>
        GPU: {line}
      </span>
    );
  }
  const name = kind === "wasm" ? "Processor: WebAssembly" : "CPU engine";
  return (
    <span class={noGpu === undefined ? "badge" : "badge warn"} title={adapter}>
      {noGpu === undefined ? name : "No GPU: training on the processor"}
    </span>
  );
}

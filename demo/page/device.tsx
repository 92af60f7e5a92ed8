/** The device that this tab computes on. */
import { signal } from "@preact/signals";
import { adapterLine } from "../../charts/adapter.ts";

export interface Device {
  readonly kind: "gpu" | "wasm" | "cpu";
  /** The adapter's name, or the CPU engine's. */
  readonly adapter: string;
  /** Why it is not the GPU. */
  readonly reason?: string;
}

/** Undefined until the page has asked. */
export const device = signal<Device | undefined>(undefined);

export function DeviceBadge() {
  const found = device.value;
  if (!found) return <span class="badge">Looking for a GPU…</span>;
  if (found.kind === "gpu") {
    const line = adapterLine(found.adapter);
    return (
      <span class="badge" title={line}>
        GPU: {line}
      </span>
    );
  }
  if (found.reason === undefined) return <span class="badge">CPU engine</span>;
  return <span class="badge warn">No GPU: training on the CPU</span>;
}

/** What this tab computes on. */
import { signal } from "@preact/signals";

export interface Device {
  readonly kind: "gpu" | "cpu";
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
  if (found.kind === "gpu")
    return (
      <span class="badge" title={found.adapter}>
        GPU: {found.adapter}
      </span>
    );
  return <span class="badge warn">No GPU: training on the CPU</span>;
}

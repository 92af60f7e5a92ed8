/** The WebGPU adapter that candidates get: all ask for the same. */

export const ADAPTER_OPTIONS = { powerPreference: "high-performance" } as const;

/** @throws Error when there is none */
export async function findAdapter(): Promise<GPUAdapter> {
  const found = await navigator.gpu?.requestAdapter(ADAPTER_OPTIONS);
  if (!found) throw new Error("there is no WebGPU adapter");
  return found;
}

export function adapterName({ info }: GPUAdapter): string {
  const { description, vendor, architecture, device } = info;
  return description || [vendor, architecture, device].filter(Boolean).join(" ") || "unknown adapter";
}

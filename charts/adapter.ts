/** Reads an adapter's name. */

/** Adapters that compute on the CPU: their times say nothing about a GPU. */
export function isSoftware(adapter: string): boolean {
  return /llvmpipe|lavapipe|swiftshader|warp|basic render/i.test(adapter);
}

/** The adapter's name, and that it is software where it is. */
export function adapterLine(adapter: string): string {
  return `${adapter}${isSoftware(adapter) ? " (software on the CPU)" : ""}`;
}

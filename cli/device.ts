/** The engine to train on. */
import { connect, cpu, type Engine } from "wgrad";
import { oneLine } from "./errors.ts";
import type { DeviceName } from "./options.ts";

/**
 * Opens the engine asked for; without a wish the GPU, and where there is none the CPU engine, told through `note`.
 * @throws Error when the GPU was asked for by name and there is none
 */
export async function openEngine(
  device: DeviceName | undefined,
  note: (line: string) => void,
): Promise<Engine> {
  if (device === "cpu") return cpu();
  try {
    return await connect();
  } catch (error) {
    if (device === "gpu") {
      throw new Error(`--device gpu: ${oneLine(error)}; leave --device out to train on the CPU engine`, {
        cause: error,
      });
    }
    note(`Training on the CPU engine, as there is no GPU: ${oneLine(error)}`);
    return cpu();
  }
}

/** Where to compute. */
import { connect, cpu, type Engine } from "wgrad";

/**
 * The engine that was asked for; without a wish the GPU, and the CPU engine where there is none.
 * @throws Error when the GPU was asked for by name and there is none
 */
export async function openEngine(
  wanted: "gpu" | "cpu" | undefined,
  note: (line: string) => void,
): Promise<Engine> {
  if (wanted === "cpu") return cpu();
  try {
    return await connect();
  } catch (error) {
    const reason = oneLine(error);
    if (wanted === "gpu") {
      throw new Error(`--engine gpu: ${reason}; leave --engine out to compute on the CPU engine`, {
        cause: error,
      });
    }
    note(`Computing on the CPU engine, which is slow, as there is no GPU: ${reason}`);
    return cpu();
  }
}

/** What went wrong, on one line. */
export function oneLine(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message
    .replace(/^error: /, "")
    .trim()
    .replace(/\s*\n\s*/g, " ");
}

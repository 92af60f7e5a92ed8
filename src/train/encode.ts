/** Weights as safetensors files, and how such a file is told from a checkpoint. */
import type { Schema } from "../data/schema.ts";
import { encodeSafetensors } from "../io/safetensors.ts";
import type { Shape } from "../program.ts";

/** The key in a file's metadata that says that it is a checkpoint. */
export const CHECKPOINT_KEY = "wgrad.checkpoint";
/** The key under which a file of weights holds the schema of what the model takes. */
export const SCHEMA_KEY = "wgrad.schema";

/** The bytes of a safetensors file with these tensors, and beside them how rows become what the model takes. */
export function encodeWeights(
  weights: Readonly<Record<string, { shape: Shape; data: Float32Array }>>,
  schema?: Schema,
): Uint8Array {
  return encodeSafetensors(weights, {
    format: "pt",
    ...(schema && { [SCHEMA_KEY]: JSON.stringify(schema) }),
  });
}

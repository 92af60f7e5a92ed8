/** Weights as safetensors files, and the mark that distinguishes checkpoints. */
import type { Schema } from "../data/schema.ts";
import { encodeSafetensors } from "../io/safetensors.ts";
import type { Shape } from "../program.ts";

/** Metadata key of a checkpoint. */
export const CHECKPOINT_KEY = "wgrad.checkpoint";
/** Metadata key of the schema in a file of weights. */
export const SCHEMA_KEY = "wgrad.schema";

/** Encodes tensors as a safetensors file, with the schema of the model's rows. */
export function encodeWeights(
  weights: Readonly<Record<string, { shape: Shape; data: Float32Array }>>,
  schema?: Schema,
): Uint8Array {
  return encodeSafetensors(weights, {
    format: "pt",
    ...(schema && { [SCHEMA_KEY]: JSON.stringify(schema) }),
  });
}

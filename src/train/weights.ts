/** Weights as safetensors files, with PyTorch's names and layouts. */
import { readFile } from "../io/files.ts";
import { decodeSafetensors, encodeSafetensors } from "../io/safetensors.ts";
import type { ArenaEntry } from "../nn/arena.ts";
import { elementCount, formatShape, type Shape } from "../program.ts";

/** Weights by name, the bytes of a safetensors file, or (outside of browsers) the path of one. */
export type WeightsSource =
  | Readonly<Record<string, { readonly shape: Shape; readonly data: ArrayLike<number> }>>
  | Uint8Array
  | string;

/**
 * Values for each of the model's parameters.
 * @throws Error listing all that is missing, unknown or of a wrong shape.
 */
export async function loadWeights(
  source: WeightsSource,
  specs: readonly ArenaEntry[],
): Promise<Map<string, Float32Array>> {
  const name = typeof source === "string" ? source : "weights";
  const bytes = typeof source === "string" ? await readFile(source) : source;
  const tensors =
    bytes instanceof Uint8Array ? Object.fromEntries(decodeSafetensors(bytes, name).tensors) : bytes;
  const problems: string[] = [];
  const found = new Map<string, Float32Array>();
  for (const spec of specs) {
    const tensor = tensors[spec.name];
    if (!tensor) {
      problems.push(`missing ${spec.name} ${formatShape(spec.shape)}`);
    } else if (
      formatShape(tensor.shape) !== formatShape(spec.shape) ||
      tensor.data.length !== elementCount(spec.shape)
    ) {
      problems.push(`${spec.name} is ${formatShape(tensor.shape)}, the model has ${formatShape(spec.shape)}`);
    } else {
      found.set(spec.name, Float32Array.from(tensor.data));
    }
  }
  for (const key of Object.keys(tensors)) {
    // PyTorch counts batches beside running statistics; nothing here depends on it.
    if (key.endsWith("num_batches_tracked")) continue;
    if (!specs.some((spec) => spec.name === key))
      problems.push(`unknown ${key} ${formatShape(tensors[key].shape)}`);
  }
  if (problems.length > 0) {
    throw new Error(
      `${name} does not fit the model: ${problems.join("; ")}. Nothing was loaded; build the same model first.`,
    );
  }
  return found;
}

/** The bytes of a safetensors file with these tensors. */
export function encodeWeights(
  weights: Readonly<Record<string, { shape: Shape; data: Float32Array }>>,
): Uint8Array {
  return encodeSafetensors(weights, { format: "pt" });
}

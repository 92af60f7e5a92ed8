/** Checksums of a checkpoint: the CRC-32 of its description, and of each tensor's bytes in the file. */
import { inWords } from "../checks.ts";
import type { Elements } from "../dtypes.ts";
import { crc32 } from "../io/crc32.ts";

/** Metadata key of the checksums: JSON, eight hexadecimal digits by name. */
export const CHECKSUMS_KEY = "wgrad.checkpoint.crc32";
/** The description is the text under the metadata key "wgrad.checkpoint". */
const DESCRIPTION = "wgrad.checkpoint";

type Tensors = ReadonlyMap<string, { readonly data: Elements }>;

export async function checksums(description: string, tensors: Tensors): Promise<string> {
  return JSON.stringify(Object.fromEntries(await sumsOf(description, tensors)));
}

/** @throws Error naming the first part whose checksum is another, or missing */
export async function checkChecksums(
  text: string | undefined,
  description: string,
  tensors: Tensors,
  name: string,
): Promise<void> {
  let told: Record<string, unknown> = {};
  try {
    told = Object(JSON.parse(text ?? "{}"));
  } catch {
    // Every checksum is then missing.
  }
  for (const [part, sum] of await sumsOf(description, tensors)) {
    const expected = Object.hasOwn(told, part) ? told[part] : undefined;
    if (expected === sum) continue;
    const what = part === DESCRIPTION ? "its description" : `its tensor "${part}"`;
    throw new Error(
      `${name}: the checkpoint is damaged: ${what} has the checksum ${sum}, and was written with ${inWords(expected)}; go on from an earlier one`,
    );
  }
}

async function sumsOf(description: string, tensors: Tensors): Promise<[string, string][]> {
  const sums: [string, string][] = [[DESCRIPTION, await crc32(new TextEncoder().encode(description))]];
  for (const [name, { data }] of tensors) sums.push([name, await crc32(littleEndian(data))]);
  return sums;
}

const isLittleEndian = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

/** The bytes that a file has. */
function littleEndian(data: Elements): Uint8Array {
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  if (isLittleEndian || data.BYTES_PER_ELEMENT === 1) return bytes;
  const words = new DataView(bytes.slice().buffer);
  for (let at = 0; at < bytes.length; at += 4) words.setUint32(at, words.getUint32(at), true);
  return new Uint8Array(words.buffer);
}

/** Reads text from a file, an address, a Blob or a Response. */
import { hasFileSystem } from "../environment.ts";
import { concatenate, reasonOf } from "./download.ts";
import { checkMaxBytes, gunzip, MAX_UNPACKED_BYTES } from "./gzip.ts";
import { isGzip } from "./gzipMember.ts";

/** A path (in a browser, an address), an address, a file chosen by a user, or the result of `fetch`. */
export type TextSource = string | URL | Blob | Response;

/** Name of a source, for error messages. */
export function sourceName(source: TextSource): string {
  if (source instanceof Response) return source.url || "the response";
  if (source instanceof Blob) return (source as Partial<File>).name || "the blob";
  return String(source);
}

/** An address has a scheme of two letters or more; `c:` is a drive. */
const isAddress = (text: string) => /^[a-z][a-z0-9+.-]+:/i.test(text);

/** @throws RangeError where the source has more than `most` bytes */
async function bytesOf(source: TextSource, most: number): Promise<Uint8Array> {
  const check = (size: number) => {
    if (size > most)
      throw new RangeError(`the source has more than ${most} bytes; give a larger maxBytes to allow that`);
  };
  if (source instanceof Blob) {
    check(source.size);
    return new Uint8Array(await source.arrayBuffer());
  }
  if (source instanceof Response) {
    if (!source.ok) throw new Error(`HTTP ${source.status} ${source.statusText}`.trimEnd());
    // Counted piece by piece: a server's compressed answer may unpack to any size.
    const pieces: Uint8Array[] = [];
    let size = 0;
    const reader = source.body?.getReader();
    for (let next = await reader?.read(); next && !next.done; next = await reader?.read()) {
      size += next.value.length;
      if (size > most) await reader?.cancel();
      check(size);
      pieces.push(next.value);
    }
    return concatenate(pieces);
  }
  const text = String(source);
  if (hasFileSystem() && (!isAddress(text) || text.startsWith("file:"))) {
    const { readFile, stat } = await import("node:fs/promises");
    const path = isAddress(text) ? new URL(text) : text;
    check((await stat(path)).size);
    return readFile(path);
  }
  return bytesOf(await fetch(source), most);
}

export interface TextOptions {
  /** Encoding by its name in `TextDecoder` (default "utf-8"). */
  readonly encoding?: string;
  /** Limit of the unpacked size in bytes (default 256 MiB). */
  readonly maxBytes?: number;
}

/**
 * Reads a text, and unpacks it where it is packed with gzip.
 * @throws Error naming the source, where it cannot be read, exceeds `maxBytes`, or is no text in the encoding
 */
export async function readText(
  source: TextSource,
  options: TextOptions = {},
  name = sourceName(source),
): Promise<string> {
  const { encoding = "utf-8", maxBytes = MAX_UNPACKED_BYTES } = options;
  checkMaxBytes(name, maxBytes);
  let bytes: Uint8Array;
  try {
    bytes = await bytesOf(source, maxBytes);
  } catch (cause) {
    throw new Error(`${name} cannot be read: ${reasonOf(cause)}`, { cause });
  }
  if (isGzip(bytes)) bytes = await gunzip(bytes, name, { maxBytes });
  const decoder = new TextDecoder(encoding, { fatal: true });
  try {
    return decoder.decode(bytes);
  } catch (cause) {
    throw new Error(`${name} is no text in ${encoding}; name its encoding, such as "windows-1252"`, {
      cause,
    });
  }
}

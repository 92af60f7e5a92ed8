/** Reads text from a file, an address, a Blob or a Response. */
import { unlessAborted } from "../abort.ts";
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
async function bytesOf(
  source: TextSource,
  most: number,
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  const check = (size: number) => {
    if (size > most)
      throw new RangeError(`the source has more than ${most} bytes; give a larger maxBytes to allow that`);
  };
  if (source instanceof Blob) {
    check(source.size);
    return new Uint8Array(await unlessAborted(signal, source.arrayBuffer()));
  }
  if (source instanceof Response) {
    if (!source.ok) throw new Error(`HTTP ${source.status} ${source.statusText}`.trimEnd());
    // Counted piece by piece: a server's compressed answer may unpack to any size.
    const pieces: Uint8Array[] = [];
    let size = 0;
    const reader = source.body?.getReader();
    try {
      for (;;) {
        const next = reader && (await unlessAborted(signal, reader.read()));
        if (!next || next.done) break;
        size += next.value.length;
        check(size);
        pieces.push(next.value);
      }
    } catch (error) {
      // Without waiting: the server may be stuck.
      reader?.cancel(error).catch(() => {});
      throw error;
    }
    return concatenate(pieces);
  }
  const text = String(source);
  if (hasFileSystem() && (!isAddress(text) || text.startsWith("file:"))) {
    const { readFile, stat } = await import("node:fs/promises");
    const path = isAddress(text) ? new URL(text) : text;
    check((await stat(path)).size);
    return readFile(path, { signal });
  }
  return bytesOf(await fetch(source, { signal }), most, signal);
}

export interface TextOptions {
  /** Encoding by its name in `TextDecoder` (default "utf-8"). */
  readonly encoding?: string;
  /** Limit of the unpacked size in bytes (default 256 MiB). */
  readonly maxBytes?: number;
  /** Aborts the reading; the signal's reason is the error. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Reads a text, and unpacks it where it is packed with gzip.
 * @throws Error naming the source, where it cannot be read, exceeds `maxBytes`, or is no text in the encoding; the
 *   signal's reason
 */
export async function readText(
  source: TextSource,
  options: TextOptions = {},
  name = sourceName(source),
): Promise<string> {
  const { encoding = "utf-8", maxBytes = MAX_UNPACKED_BYTES, signal } = options;
  checkMaxBytes(name, maxBytes);
  signal?.throwIfAborted();
  let bytes: Uint8Array;
  try {
    bytes = await bytesOf(source, maxBytes, signal);
  } catch (cause) {
    signal?.throwIfAborted();
    throw new Error(`${name} cannot be read: ${reasonOf(cause)}`, { cause });
  }
  if (isGzip(bytes)) bytes = await gunzip(bytes, name, { maxBytes, signal });
  const decoder = new TextDecoder(encoding, { fatal: true });
  try {
    return decoder.decode(bytes);
  } catch (cause) {
    throw new Error(`${name} is no text in ${encoding}; name its encoding, such as "windows-1252"`, {
      cause,
    });
  }
}

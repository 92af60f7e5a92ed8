/** Text out of wherever it lies: a file, an address, a Blob or a Response. */
import { hasFileSystem } from "../environment.ts";
import { concatenate, reasonOf } from "./download.ts";
import { checkMaxBytes, gunzip, MAX_UNPACKED_BYTES } from "./gzip.ts";
import { isGzip } from "./gzipMember.ts";

/** A path (an address in a browser), an address, a file that a user chose, or what `fetch` gave. */
export type TextSource = string | URL | Blob | Response;

/** What a source is called in error messages. */
export function sourceName(source: TextSource): string {
  if (source instanceof Response) return source.url || "the response";
  if (source instanceof Blob) return (source as Partial<File>).name || "the blob";
  return String(source);
}

/** An address has a scheme of two letters or more: `c:` is a drive. */
const isAddress = (text: string) => /^[a-z][a-z0-9+.-]+:/i.test(text);

/** @throws RangeError where there are more than `most` */
async function bytesOf(source: TextSource, most: number): Promise<Uint8Array> {
  const check = (size: number) => {
    if (size > most) throw new RangeError(`it has more than ${most} bytes; give a larger maxBytes if it may`);
  };
  if (source instanceof Blob) {
    check(source.size);
    return new Uint8Array(await source.arrayBuffer());
  }
  if (source instanceof Response) {
    if (!source.ok) throw new Error(`HTTP ${source.status} ${source.statusText}`.trimEnd());
    // Piece by piece: what a server packed is unpacked on the way, to any size.
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
  /** As `TextDecoder` names it (default "utf-8"). */
  readonly encoding?: string;
  /** The most bytes that there may be, unpacked (default 256 MiB). */
  readonly maxBytes?: number;
}

/**
 * A text, unpacked where it is packed with gzip.
 * @throws Error naming the source, where it cannot be read, is too long or no text in this encoding
 */
export async function readText(source: TextSource, options: TextOptions = {}): Promise<string> {
  const { encoding = "utf-8", maxBytes = MAX_UNPACKED_BYTES } = options;
  const name = sourceName(source);
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

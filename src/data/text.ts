/** Text out of wherever it lies: a file, an address, a Blob or a Response. */
import { hasFileSystem } from "../store.ts";
import { reasonOf } from "./download.ts";
import { gunzip, isGzip } from "./gzip.ts";

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

async function bytesOf(source: TextSource): Promise<Uint8Array> {
  if (source instanceof Blob) return new Uint8Array(await source.arrayBuffer());
  if (source instanceof Response) {
    if (!source.ok) throw new Error(`HTTP ${source.status} ${source.statusText}`.trimEnd());
    return new Uint8Array(await source.arrayBuffer());
  }
  const text = String(source);
  if (hasFileSystem() && (!isAddress(text) || text.startsWith("file:"))) {
    const { readFile } = await import("node:fs/promises");
    return readFile(isAddress(text) ? new URL(text) : text);
  }
  return bytesOf(await fetch(source));
}

/**
 * A text, unpacked where it is packed with gzip.
 * @param encoding as `TextDecoder` names it
 * @throws Error naming the source, where it cannot be read or is no text in this encoding
 */
export async function readText(source: TextSource, encoding = "utf-8"): Promise<string> {
  const name = sourceName(source);
  let bytes: Uint8Array;
  try {
    bytes = await bytesOf(source);
  } catch (cause) {
    throw new Error(`${name} cannot be read: ${reasonOf(cause)}`, { cause });
  }
  if (isGzip(bytes)) bytes = await gunzip(bytes, name);
  const decoder = new TextDecoder(encoding, { fatal: true });
  try {
    return decoder.decode(bytes);
  } catch (cause) {
    throw new Error(`${name} is no text in ${encoding}; name its encoding, such as "windows-1252"`, {
      cause,
    });
  }
}

/** Reads bytes from memory, a file, an address, a Blob or a Response. */
import { unlessAborted } from "../abort.ts";
import { hasFileSystem } from "../environment.ts";
import { readFile } from "./read.ts";

/**
 * Bytes; a Blob or File, chosen by a user for example; the result of `fetch`; an address as a URL; or, outside
 * browsers, the path of a file.
 */
export type ByteSource = ArrayBuffer | ArrayBufferView | Blob | Response | URL | string;

const is = (value: unknown, type: string) => Object.prototype.toString.call(value) === `[object ${type}]`;
const isBuffer = (value: unknown): value is ArrayBuffer =>
  is(value, "ArrayBuffer") || is(value, "SharedArrayBuffer");
const isBlob = (value: unknown): value is Blob => is(value, "Blob") || is(value, "File");
const isResponse = (value: unknown): value is Response => is(value, "Response");
const isUrl = (value: unknown): value is URL => is(value, "URL");

export function isByteSource(value: unknown): value is ByteSource {
  const others = [isBuffer, isBlob, isResponse, isUrl, ArrayBuffer.isView];
  return typeof value === "string" || others.some((one) => one(value));
}

/** Name of a source for messages: its path or address, or else `otherwise`. */
export function sourceName(source: ByteSource, otherwise: string): string {
  if (typeof source === "string") return source;
  if (isUrl(source)) return source.href.startsWith("data:") ? otherwise : source.href;
  if (isResponse(source)) return source.url || otherwise;
  return (isBlob(source) && (source as Partial<File>).name) || otherwise;
}

/** @throws Error naming the source, and why it cannot be read; the signal's reason */
export async function readBytes(source: ByteSource, signal?: AbortSignal): Promise<Uint8Array> {
  signal?.throwIfAborted();
  if (typeof source === "string") return readPath(source);
  if (isBuffer(source) || ArrayBuffer.isView(source)) return bytesOf(source);
  try {
    if (isBlob(source)) return new Uint8Array(await unlessAborted(signal, source.arrayBuffer()));
    if (isResponse(source)) return await bodyOf(source, signal);
    if (source.protocol !== "file:" || !hasFileSystem())
      return await bodyOf(await fetch(source, { signal }), signal);
  } catch (cause) {
    signal?.throwIfAborted();
    const why = [cause, (cause as Error).cause].flatMap((error) =>
      error instanceof Error ? [error.message] : [],
    );
    throw new Error(`load: ${sourceName(source, "the source")} cannot be read: ${why.join(": ")}`, { cause });
  }
  return readFile(source);
}

function readPath(path: string): Promise<Uint8Array> {
  // An address has a scheme of two letters or more: `c:` is a drive.
  if (!hasFileSystem() || /^[a-z][a-z0-9+.-]+:\/\//i.test(path)) {
    const why = hasFileSystem() ? "it is an address" : "a browser has no file system";
    throw new TypeError(
      `load: "${path}" would be the path of a file, but ${why}; give new URL(…), the result of fetch, or a File that the user chose`,
    );
  }
  return readFile(path);
}

/** Copies memory that other threads may share: it must not change while it is read. */
function bytesOf(source: ArrayBuffer | ArrayBufferView): Uint8Array {
  const bytes = ArrayBuffer.isView(source)
    ? new Uint8Array(source.buffer, source.byteOffset, source.byteLength)
    : new Uint8Array(source);
  return is(bytes.buffer, "ArrayBuffer") ? bytes : bytes.slice();
}

async function bodyOf(response: Response, signal: AbortSignal | undefined): Promise<Uint8Array> {
  if (!response.ok) throw new Error(`HTTP ${response.status} ${response.statusText}`.trimEnd());
  if (response.bodyUsed) throw new Error("its body has been read; give the bytes");
  return new Uint8Array(await unlessAborted(signal, response.arrayBuffer()));
}

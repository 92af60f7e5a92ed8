/** Fetches one file, with progress, a size limit and a limit on silence. */
import { unlessAborted } from "../abort.ts";

export interface DownloadOptions {
  readonly fetch: typeof globalThis.fetch;
  /** Aborts the download. */
  readonly signal?: AbortSignal | undefined;
  /** The download fails after so many milliseconds without a byte. */
  readonly stallMs: number;
  /** The download fails beyond so many bytes. */
  readonly maxBytes: number;
  /** Called for each piece; `total` is undefined where the server does not state the size. */
  readonly onProgress?: ((loaded: number, total: number | undefined) => void) | undefined;
}

/**
 * The size in bytes, where the header counts the bytes we read (with a content encoding, the header counts packed
 * bytes).
 */
function totalBytes(response: Response): number | undefined {
  const length = response.headers.get("content-length") ?? "";
  return /^\d+$/.test(length) && !response.headers.has("content-encoding") ? Number(length) : undefined;
}

/**
 * Fetches `url`.
 * @throws Error where the server cannot be reached, answers with a status other than 2xx, falls silent, breaks off, or
 *   sends more than `maxBytes`; the signal's reason where the signal aborts
 */
export async function download(url: string, options: DownloadOptions): Promise<Uint8Array<ArrayBuffer>> {
  const { signal, stallMs, maxBytes, onProgress } = options;
  signal?.throwIfAborted();
  const controller = new AbortController();
  const follow = () => controller.abort(signal?.reason);
  signal?.addEventListener("abort", follow, { once: true });
  let timer: ReturnType<typeof setTimeout> | undefined;
  const wait = <T>(promise: Promise<T>): Promise<T> => {
    clearTimeout(timer);
    timer = setTimeout(() => controller.abort(new Error(`nothing came for ${stallMs / 1000} s`)), stallMs);
    return unlessAborted(controller.signal, promise);
  };

  try {
    const fetch = options.fetch; // a browser's fetch must not be called as a method of another object
    const response = await wait(fetch(url, { signal: controller.signal }));
    if (!response.ok) throw new Error(`HTTP ${response.status} ${response.statusText}`.trimEnd());
    if (response.body === null) throw new Error("an empty answer");
    const total = totalBytes(response);
    if (total !== undefined && total > maxBytes) throw new Error(`more than ${maxBytes} bytes: ${total}`);
    const pieces: Uint8Array[] = [];
    let loaded = 0;
    const reader = response.body.getReader();
    for (let next = await wait(reader.read()); !next.done; next = await wait(reader.read())) {
      pieces.push(next.value);
      loaded += next.value.length;
      if (loaded > maxBytes) throw new Error(`more than ${maxBytes} bytes`);
      onProgress?.(loaded, total);
    }
    return concatenate(pieces);
  } catch (error) {
    controller.abort(error); // lets go of the connection
    throw error;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", follow);
  }
}

/** An error's message followed by those of its causes: `fetch failed` alone says nothing. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = (error as { code?: unknown }).code;
  const message = error.message || String(code ?? error.name);
  return error.cause === undefined ? message : `${message}: ${reasonOf(error.cause)}`;
}

/** Joins pieces into one array. */
export function concatenate(pieces: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(pieces.reduce((total, piece) => total + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}

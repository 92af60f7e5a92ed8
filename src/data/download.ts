/** Fetching one file, with progress, a limit on its size, and an end to waiting for a server that says nothing. */

export interface DownloadOptions {
  readonly fetch: typeof globalThis.fetch;
  /** aborts the download */
  readonly signal?: AbortSignal | undefined;
  /** the download fails when nothing has come for so many milliseconds */
  readonly stallMs: number;
  /** the download fails beyond so many bytes */
  readonly maxBytes: number;
  /** called for each piece; `total` is undefined where the server does not say */
  readonly onProgress?: ((loaded: number, total: number | undefined) => void) | undefined;
}

/** A promise that gives up when the signal aborts, whether or not what it waits for listens to the signal. */
function until<T>(signal: AbortSignal, promise: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const giveUp = () => reject(signal.reason);
    if (signal.aborted) giveUp();
    signal.addEventListener("abort", giveUp, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", giveUp));
  });
}

/** The number of bytes to come, where the header counts what we will read (a packed transfer counts otherwise). */
function totalBytes(response: Response): number | undefined {
  const length = response.headers.get("content-length");
  return length === null || response.headers.has("content-encoding") ? undefined : Number(length);
}

/**
 * Fetches `url`.
 * @throws Error where the server cannot be reached, answers otherwise than 2xx, stalls, breaks off, or sends too much;
 *   the signal's reason where it aborts
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
    return until(controller.signal, promise);
  };

  try {
    const fetch = options.fetch; // a browser's fetch must not be called as a method of another object
    const response = await wait(fetch(url, { signal: controller.signal }));
    if (!response.ok) throw new Error(`HTTP ${response.status} ${response.statusText}`.trimEnd());
    if (response.body === null) throw new Error("an empty answer");
    const total = totalBytes(response);
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

/** An error's message with those of its causes: `fetch failed` alone tells nothing. */
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

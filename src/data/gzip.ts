/** Unpacking gzip (RFC 1952) with the platform's own DecompressionStream: browsers, Deno and Node ≥ 18 have it. */

const HEADER_BYTES = 10;
const DEFLATE = 8;
/** Fed in pieces, so that a browser does not hold up the page for all of a large file. */
const PIECE_BYTES = 1 << 18;

/** Whether the bytes start as a gzip file does: 1f 8b, then the method "deflate". */
export function isGzip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b && bytes[2] === DEFLATE;
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

/**
 * Unpacks a gzip file.
 * @param name used in error messages
 * @throws Error where the bytes are no gzip file, end early, or are damaged
 */
export async function gunzip(bytes: Uint8Array, name = "gzip"): Promise<Uint8Array<ArrayBuffer>> {
  if (!isGzip(bytes)) {
    const start = [...bytes.subarray(0, 4)].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
    throw new Error(
      `${name}: not a gzip file: it starts with "${start}" (${bytes.length} bytes); expected 1f 8b 08`,
    );
  }
  const pieces: Uint8Array[] = [];
  try {
    const { readable, writable } = new DecompressionStream("gzip");
    const fed = feed(writable.getWriter(), bytes);
    fed.catch(() => {}); // the reader reports the same failure
    const reader = readable.getReader();
    for (let next = await reader.read(); !next.done; next = await reader.read()) pieces.push(next.value);
    await fed;
  } catch (cause) {
    const unpacked = pieces.reduce((total, piece) => total + piece.length, 0);
    const reason = endsEarly(bytes, unpacked, cause)
      ? `the gzip stream ends early (${bytes.length} bytes read)`
      : `the gzip stream is damaged (${(cause as Error).message}; ${bytes.length} bytes read)`;
    throw new Error(`${name}: ${reason}`);
  }
  return concatenate(pieces);
}

async function feed(writer: WritableStreamDefaultWriter<BufferSource>, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
    await writer.write(bytes.subarray(at, at + PIECE_BYTES) as Uint8Array<ArrayBuffer>);
  }
  await writer.close();
}

/**
 * Tells a cut-off stream from a damaged one. Engines word it differently (Node by a code, browsers by a sentence) or not
 * at all (Deno); then the file's last four bytes decide, which in a whole file are the number of bytes it unpacks to.
 */
function endsEarly(bytes: Uint8Array, unpacked: number, cause: unknown): boolean {
  const { message = "", code } = cause as { message?: string; code?: string };
  if (code === "Z_BUF_ERROR" || /unexpected end|truncated|ended without/i.test(message)) return true;
  if (code === "Z_DATA_ERROR" || /invalid|not valid/i.test(message) || bytes.length <= HEADER_BYTES + 8) {
    return bytes.length <= HEADER_BYTES + 8;
  }
  const trailer = new DataView(bytes.buffer, bytes.byteOffset + bytes.length - 4, 4);
  return trailer.getUint32(0, true) !== unpacked % 2 ** 32;
}

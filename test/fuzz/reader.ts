/** A reader under test: files that it accepts, how it reads, and what it must give. */
import type { Sample } from "./mutations.ts";

/** What becomes of a file: read rightly, or refused. */
export interface Reader {
  readonly name: string;
  /** Files that are read without complaint. */
  readonly samples: readonly Sample[];
  /** Reads a file by the library's public functions. */
  read(bytes: Uint8Array): unknown;
  /** Throws where what was read is not what the file holds, by code that shares nothing with the reader. */
  check(read: never, bytes: Uint8Array): void | Promise<void>;
  /** The beginning of each refusal. */
  readonly words: RegExp;
  /** Bytes that what was read may take beside the file: unpacked ones. */
  unpacked?(read: unknown, bytes: Uint8Array): number;
}

/** Types, so that `check` sees what `read` gives. */
export function reader<Read>(made: {
  readonly name: string;
  readonly samples: readonly Sample[];
  read(bytes: Uint8Array): Read | Promise<Read>;
  check(read: Read, bytes: Uint8Array): void | Promise<void>;
  readonly words: RegExp;
  unpacked?(read: Read | undefined, bytes: Uint8Array): number;
}): Reader {
  return made as unknown as Reader;
}

export function ensure(holds: boolean, otherwise: string): asserts holds {
  if (!holds) throw new Error(`read wrongly: ${otherwise}`);
}

/** Whether two lists hold the same numbers, NaN and signs of zeros included. */
export function sameNumbers(a: ArrayLike<unknown>, b: ArrayLike<unknown>): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (!Object.is(a[i], b[i])) return false;
  return true;
}

export const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

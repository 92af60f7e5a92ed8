/** What holds for each file given to a reader, and the run of a reader over many mutated files. */

import fc from "fast-check";
import { type Allocated, allocatedBy } from "./allocations.ts";
import { mutated } from "./mutations.ts";
import type { Reader } from "./reader.ts";

/** A file may take so many times its bytes, and so many bytes beside. */
const TIMES = 2;
const BESIDE = 2 ** 20;
/** Milliseconds of the processor that a file may take: what other programs take beside does not count. */
const MOST_MS = 1000;
/** Words of the JavaScript engine, which tell a user nothing. */
const RAW =
  /Maximum call stack|Invalid (?:typed )?array length|Array buffer allocation|Invalid string length|Cannot (?:read|convert|destructure|set)|is not (?:a function|iterable|a constructor)|Offset is outside|Reduce of empty|takes NaN|NaN bytes|\[object |function \w*\(/;

/** Figures of a run over many files. */
export interface Figures {
  files: number;
  read: number;
  refused: number;
  /** Milliseconds of the slowest file, and of all. */
  slowest: number;
  total: number;
  /** Of the requests for memory, the largest by its part of what is allowed; 1 is all of it. */
  largest: number;
}

export const noFigures = (): Figures => ({ files: 0, read: 0, refused: 0, slowest: 0, total: 0, largest: 0 });

/**
 * Gives a file to a reader.
 * @throws Error where the reader does what it must not
 */
export async function holds(reader: Reader, bytes: Uint8Array, figures = noFigures()): Promise<void> {
  const before = bytes.slice();
  let read: unknown;
  let refusal: unknown;
  const began = process.cpuUsage();
  const allocated = await allocatedBy(async () => {
    try {
      read = await reader.read(bytes);
    } catch (error) {
      refusal = error;
    }
  });
  const { user, system } = process.cpuUsage(began);
  const took = (user + system) / 1000;
  if (before.some((byte, i) => byte !== bytes[i])) throw new Error("the reader changed the file");
  if (refusal === undefined) await reader.check(read as never, bytes);
  else checkRefusal(reader, refusal);
  if (took > MOST_MS) throw new Error(`the file took ${Math.round(took)} ms`);
  checkAllocated(allocated, reader, bytes, read, figures);
  checkPrototypes();
  figures.files++;
  figures[refusal === undefined ? "read" : "refused"]++;
  figures.slowest = Math.max(figures.slowest, took);
  figures.total += took;
}

function checkRefusal({ words }: Reader, refusal: unknown): void {
  if (!(refusal instanceof Error)) throw new Error(`thrown was no error: ${String(refusal)}`);
  const { name, message } = refusal;
  const shown = `${name}: ${message.slice(0, 300)}`;
  if (!["Error", "RangeError", "TypeError", "CheckpointMismatchError"].includes(name))
    throw new Error(`thrown was another error: ${shown}`, { cause: refusal });
  if (!words.test(message))
    throw new Error(`the message does not name the file: ${shown}`, { cause: refusal });
  if (RAW.test(message)) throw new Error(`words of the engine: ${shown}`, { cause: refusal });
  if (message.length > 2000) throw new Error(`a message of ${message.length} letters: ${shown}`);
}

function checkAllocated(
  { largest }: Allocated,
  { unpacked }: Reader,
  bytes: Uint8Array,
  read: unknown,
  figures: Figures,
): void {
  const limit = TIMES * (bytes.length + (unpacked?.(read, bytes) ?? 0)) + BESIDE;
  figures.largest = Math.max(figures.largest, largest / limit);
  if (largest > limit)
    throw new Error(`${largest} bytes asked for at once, for a file of ${bytes.length}; at most ${limit}`);
}

const PROTOTYPES = [Object.prototype, Array.prototype, Function.prototype].map(
  (prototype) => [prototype, Reflect.ownKeys(prototype).length] as const,
);

function checkPrototypes(): void {
  for (const [prototype, keys] of PROTOTYPES)
    if (Reflect.ownKeys(prototype).length !== keys) throw new Error("a prototype was changed");
}

/** The files that a reader must accept, each cut off at every byte, and then mutated ones. */
export async function fuzz(reader: Reader, files: number, seed: number): Promise<Figures> {
  const figures = noFigures();
  for (const { bytes } of reader.samples) {
    const before = figures.read;
    await holds(reader, bytes, figures);
    if (figures.read === before) throw new Error(`${reader.name}: a file that is whole was refused`);
  }
  const property = fc.asyncProperty(mutated(reader.samples), (bytes) => holds(reader, bytes, figures));
  await fc.assert(property, { numRuns: files, seed, endOnFailure: files > 10_000 });
  return figures;
}

/** A file cut off at each of its bytes. */
export async function cutOff(reader: Reader): Promise<Figures> {
  const figures = noFigures();
  for (const { bytes } of reader.samples)
    for (let length = 0; length < bytes.length; length++)
      await holds(reader, bytes.slice(0, length), figures);
  return figures;
}

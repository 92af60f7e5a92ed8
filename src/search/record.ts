/**
 * The record of a search: JSON lines. The first says which search it is, each other holds a finished trial, so that a
 * search that was interrupted goes on where it was.
 */
import { appendText, checkWritable } from "../io/files.ts";
import { readTextIfAny } from "../io/read.ts";
import type { Json } from "./space.ts";

/** Where a record is kept; for browsers, or wherever there is no file. */
export interface RecordStore {
  /** All that was appended so far, "" in the beginning. */
  read(): Promise<string>;
  /** Adds `text`, a line with its line break, at the end. */
  append(text: string): Promise<void>;
}

/** What tells one search from another. */
export type Fingerprint = Readonly<Record<string, Json>>;

export class SearchRecord {
  private constructor(
    readonly store: RecordStore | undefined,
    readonly lines: readonly Readonly<Record<string, Json>>[],
    /** What must stand before the next line: the end of one that a power cut tore off, and the first line. */
    private before: string,
  ) {}

  /**
   * Reads what there is of a record; without a store nothing is recorded.
   * @throws Error where it is the record of another search, or none
   */
  static async open(
    search: string,
    where: string | RecordStore | undefined,
    fingerprint: Fingerprint,
  ): Promise<SearchRecord> {
    if (where === undefined) return new SearchRecord(undefined, [], "");
    const name = typeof where === "string" ? where : "the record";
    // Before the first trial: it would be lost with its record.
    if (typeof where === "string") await checkWritable(where);
    const store = typeof where === "string" ? fileStore(where) : where;
    const text = await store.read();
    const first = JSON.stringify({ wgrad: search, ...fingerprint });
    // The line break of a line is what says that it was written as a whole.
    const whole = text.slice(0, text.lastIndexOf("\n") + 1);
    if (whole === "") {
      if (!first.startsWith(text)) throw notOurs(search, name);
      return new SearchRecord(store, [], `${first.slice(text.length)}\n`);
    }
    const [head, ...lines] = whole.split("\n").flatMap(parsed);
    checkFingerprint(search, name, head, JSON.parse(first));
    return new SearchRecord(store, lines, whole === text ? "" : "\n");
  }

  async add(line: object): Promise<void> {
    await this.store?.append(`${this.before}${JSON.stringify(line)}\n`);
    this.before = "";
  }
}

function fileStore(path: string): RecordStore {
  return { read: () => readTextIfAny(path), append: (text) => appendText(path, text) };
}

/** What a line holds; nothing where it was torn, and ended later: what it would have said is found out again. */
function parsed(line: string): Readonly<Record<string, Json>>[] {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null ? [value as Record<string, Json>] : [];
  } catch {
    return [];
  }
}

function checkFingerprint(
  search: string,
  name: string,
  found: Readonly<Record<string, Json>> | undefined,
  expected: Fingerprint,
): void {
  if (found?.wgrad === undefined) throw notOurs(search, name);
  const differences = [...new Set([...Object.keys(found), ...Object.keys(expected)])].flatMap((key) => {
    const [was, is] = [JSON.stringify(found[key]), JSON.stringify(expected[key])];
    return was === is
      ? []
      : [`${key === "wgrad" ? "search" : key} was ${was ?? "not given"}, is ${is ?? "not given"}`];
  });
  if (differences.length > 0) {
    throw new Error(
      `${search}: ${name} is the record of another search: ${differences.join("; ")}. Search the same, or give another record`,
    );
  }
}

function notOurs(search: string, name: string): Error {
  return new Error(
    `${search}: ${name} is no record of a search; give the name of a new file, or remove this one`,
  );
}

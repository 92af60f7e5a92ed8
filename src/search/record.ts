/**
 * The record of a search, as JSON lines. The first line identifies the search; each other line holds a finished trial,
 * so that an interrupted search continues where it stopped.
 */
import { inWords } from "../checks.ts";
import { appendText, checkWritable } from "../io/files.ts";
import { brief, parseJson } from "../io/json.ts";
import { readTextIfAny } from "../io/read.ts";
import type { Json } from "./space.ts";

/** Storage of a record, for browsers and other places without files. */
export interface RecordStore {
  /** Everything appended so far; "" in the beginning. */
  read(): Promise<string>;
  /** Appends `text`, a line with its line break. */
  append(text: string): Promise<void>;
}

/** Identity of a search. */
export type Fingerprint = Readonly<Record<string, Json>>;

export class SearchRecord {
  private constructor(
    readonly store: RecordStore | undefined,
    readonly lines: readonly Readonly<Record<string, Json>>[],
    /** Text to write before the next line: the end of a line torn off by a power cut, and the first line. */
    private before: string,
  ) {}

  /**
   * Opens a record; without a store, nothing is recorded.
   * @throws Error where the store holds the record of another search, or no record
   */
  static async open(
    search: string,
    where: string | RecordStore | undefined,
    fingerprint: Fingerprint,
  ): Promise<SearchRecord> {
    if (where === undefined) return new SearchRecord(undefined, [], "");
    const name = typeof where === "string" ? where : "the record";
    // Before the first trial, which would otherwise be lost.
    if (typeof where === "string") await checkWritable(where);
    const store = typeof where === "string" ? fileStore(where) : where;
    const text = withoutMark(search, await store.read());
    const first = JSON.stringify({ wgrad: search, ...fingerprint });
    // The line break marks a line as completely written.
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

/** Without the byte order mark that some editors write. */
function withoutMark(search: string, text: unknown): string {
  if (typeof text === "string") return text.replace(/^\ufeff/, "");
  throw new TypeError(
    `${search}: the record's read() gave ${inWords(text)}; give everything appended so far`,
  );
}

/** The content of a line; empty where the line was torn. A torn trial is trained again. */
function parsed(line: string): Readonly<Record<string, Json>>[] {
  try {
    const value = parseJson(line);
    return typeof value === "object" && value !== null ? [value as Record<string, Json>] : [];
  } catch {
    return [];
  }
}

/** Differences that a message lists, and letters of a name that it shows. */
const MOST_LISTED = 8;
const MOST_SHOWN = 40;

function checkFingerprint(
  search: string,
  name: string,
  found: Readonly<Record<string, Json>> | undefined,
  expected: Fingerprint,
): void {
  if (found?.wgrad === undefined) throw notOurs(search, name);
  const differences = [...new Set([...Object.keys(found), ...Object.keys(expected)])].flatMap((key) => {
    const [was, is] = [found, expected].map((of) => (Object.hasOwn(of, key) ? of[key] : undefined));
    if (JSON.stringify(was) === JSON.stringify(is)) return [];
    const [then, now] = [was, is].map((value) => (value === undefined ? "not given" : brief(value)));
    return [`${key === "wgrad" ? "search" : key.slice(0, MOST_SHOWN)} was ${then}, is ${now}`];
  });
  if (differences.length > 0) {
    throw new Error(
      `${search}: ${name} is the record of another search: ${differences.slice(0, MOST_LISTED).join("; ")}. Repeat that search, or give another record`,
    );
  }
}

function notOurs(search: string, name: string): Error {
  return new Error(
    `${search}: ${name} holds no record of a search; give the name of a new file, or remove this one`,
  );
}

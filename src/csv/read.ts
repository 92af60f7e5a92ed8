import { checkSignal } from "../abort.ts";
import { checkOptions, inWords } from "../checks.ts";
import type { TextOptions, TextSource } from "../data/text.ts";
import { CSV_OPTIONS, type CsvOptions, parseCsv } from "./parse.ts";
import type { Table } from "./table.ts";

/** Options of parsing and of reading the file. */
export interface ReadCsvOptions extends CsvOptions, TextOptions {}

/**
 * Parses a CSV file: a path (Node and Deno), an address, a Blob such as a file chosen by a user, or the result of
 * `fetch`; packed with gzip or not.
 * @throws Error where the source cannot be read or is no text in the encoding, and as `parseCsv`; the signal's reason
 * @throws RangeError where `maxBytes` is no whole number from 1, and as `parseCsv`
 * @throws TypeError where `source` is none of these, or an option is unknown or of another kind
 */
export async function readCsv(source: TextSource, options: ReadCsvOptions = {}): Promise<Table> {
  const readable = [Blob, Response, URL].some((kind) => source instanceof kind);
  if (typeof source !== "string" && !readable)
    throw new TypeError(
      `readCsv: the source is ${inWords(source)}; give a path, an address, a Blob or a Response`,
    );
  checkOptions("readCsv", options, { ...CSV_OPTIONS, encoding: "string", maxBytes: "number", signal: "any" });
  checkSignal("readCsv", options.signal);
  // Loaded here, because pages that have their text never need it.
  const { readText, sourceName } = await import("../data/text.ts");
  const { encoding, maxBytes, signal, name = sourceName(source), ...how } = options;
  return parseCsv(await readText(source, { encoding, maxBytes, signal }, name), { name, ...how });
}

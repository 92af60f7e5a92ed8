import { checkOptions, inWords } from "../checks.ts";
import type { TextOptions, TextSource } from "../data/text.ts";
import { CSV_OPTIONS, type CsvOptions, parseCsv } from "./parse.ts";
import type { Table } from "./table.ts";

/** How a table is read, and out of what. */
export interface ReadCsvOptions extends CsvOptions, TextOptions {}

/**
 * `parseCsv` of a file: by path (Node and Deno), by address, as a Blob such as the file that a user chose, or as what
 * `fetch` gave; packed with gzip or not.
 * @throws Error where it cannot be read or is no text in this encoding, and as `parseCsv`
 */
export async function readCsv(source: TextSource, options: ReadCsvOptions = {}): Promise<Table> {
  const readable = [Blob, Response, URL].some((kind) => source instanceof kind);
  if (typeof source !== "string" && !readable)
    throw new TypeError(
      `readCsv: the source is ${inWords(source)}; give a path, an address, a Blob or a Response`,
    );
  checkOptions("readCsv", options, { ...CSV_OPTIONS, encoding: "string", maxBytes: "number" });
  // Pages that have their text already never load this.
  const { readText, sourceName } = await import("../data/text.ts");
  const { encoding, maxBytes, name = sourceName(source), ...how } = options;
  return parseCsv(await readText(source, { encoding, maxBytes }), { name, ...how });
}

/** Parses CSV into a table: Papa Parse finds the cells, this file tracks their lines. */

import Papa from "papaparse";
import { checkOptions, inWords, isList, type OptionKinds } from "../checks.ts";
import { NumberFormat, type NumberOptions } from "./numbers.ts";
import { type Row, Table } from "./table.ts";
import { quoted } from "./words.ts";

export interface CsvOptions extends NumberOptions {
  /** Name for error messages (default "csv", or the source of the text). */
  readonly name?: string;
  /** Whether the first row names the columns (default true); or the columns' names; `false` names them "0", "1", … */
  readonly header?: boolean | readonly string[];
  /**
   * Separator of cells (default: as a first line such as `sep=;` states, otherwise guessed: comma, tab, bar or
   * semicolon).
   */
  readonly delimiter?: string;
  /** Beginning of lines to skip, such as "#" (default none). */
  readonly comment?: string;
  /** Cells that hold no value, such as "NA" and "#N/A" (default [""]: empty cells only). */
  readonly missing?: readonly string[];
}

export const CSV_OPTIONS: OptionKinds<CsvOptions> = {
  name: "string",
  header: "any",
  delimiter: "string",
  comment: "string",
  missing: "array",
  decimal: "string",
  thousands: "string",
};

/**
 * Parses CSV (RFC 4180). Quoted cells may hold delimiters, doubled quotes and line ends. Line ends may be of any kind.
 * Empty lines, a byte order mark, and spaces around column names are dropped.
 * @throws Error naming the line, where a row differs from the header in length, a quote does not end, there is no row,
 *   or column names are empty or repeated
 * @throws RangeError where `comment` is empty, or `decimal` or `thousands` is no single character
 * @throws TypeError where `text` is no string, or an option is unknown or of another kind
 */
export function parseCsv(text: string, options: CsvOptions = {}): Table {
  if (typeof text !== "string")
    throw new TypeError(`parseCsv: the text is ${inWords(text)}; give a string, or read a file with readCsv`);
  checkOptions("parseCsv", options, CSV_OPTIONS);
  const { name = "csv", header = true, missing = [""] } = options;
  const numbers = new NumberFormat(name, options);
  const { rows, delimiter } = readRows(name, text, options);
  const first = rows[0];
  if (!first) throw new Error(`${name}: the file is empty; expected rows of cells`);
  const columns = columnNames(header, first.cells);
  checkNames(name, columns, header === true ? `line ${first.line}` : "the option header");
  const body = header === true ? rows.slice(1) : rows;
  if (body.length === 0) throw new Error(`${name}: there is no row after the header; expected one or more`);
  for (const { cells, line } of body) {
    if (cells.length === columns.length) continue;
    const expected = header === true ? `the header (line ${first.line}) names` : "there are";
    throw new Error(
      `${name}: line ${line} has ${count(cells.length, "cell")}; ${expected} ${count(columns.length, "column")} ` +
        `(delimiter ${JSON.stringify(delimiter)}): mend the line, or give another delimiter`,
    );
  }
  return new Table(name, columns, body, { missing: new Set(missing), numbers });
}

function readRows(name: string, text: string, options: CsvOptions): { rows: Row[]; delimiter: string } {
  const { comment } = options;
  if (comment === "")
    throw new RangeError(
      `${name}: comment is empty; give the first characters of a comment line, or leave the option out`,
    );
  // One kind of line end, because files mix them. No empty last line: it would mislead the guess of the delimiter.
  const whole = withoutLastLineEnds(text.replace(/^\ufeff/, "").replace(/\r\n?/g, "\n"));
  // Spreadsheets write and read this line: it names the delimiter, and is no row.
  const [first = "", named = ""] = /^"?sep=([^\n])"?[,;\t|]*\n/i.exec(whole) ?? [];
  const input = whole.slice(first.length);
  const delimiter = options.delimiter || named;
  const rows: Row[] = [];
  let used = delimiter;
  let end = 0;
  let line = first === "" ? 1 : 2;
  Papa.parse<string[]>(input, {
    delimiter,
    newline: "\n",
    comments: comment ?? false,
    step: ({ data, errors, meta }) => {
      const begin = line + commentLines(input, end, comment);
      for (; end < meta.cursor; end++) if (input[end] === "\n") line++;
      used = meta.delimiter;
      const [quotes] = errors.filter(({ type }) => type === "Quotes");
      if (quotes) {
        throw new Error(
          `${name}: line ${begin}: ${quotes.code === "MissingQuotes" ? "a quoted cell does not end" : "a quote inside of a quoted cell"}; ` +
            'write quotes inside of cells twice, as in "a ""word"""',
        );
      }
      if (data.length > 1 || data[0]?.trim()) rows.push({ cells: data, line: begin });
    },
  });
  return { rows, delimiter: used };
}

/** A loop: a regular expression would rescan each run of line ends from each of its positions. */
function withoutLastLineEnds(text: string): string {
  let end = text.length;
  while (end > 0 && text[end - 1] === "\n") end--;
  return text.slice(0, end);
}

/** Number of comment lines from `start` on, which the parser skips silently. */
function commentLines(input: string, start: number, comment: string | undefined): number {
  let lines = 0;
  if (comment === undefined) return lines;
  for (let at = start; input.startsWith(comment, at); lines++) {
    const end = input.indexOf("\n", at);
    if (end < 0) break;
    at = end + 1;
  }
  return lines;
}

function columnNames(header: boolean | readonly string[], first: readonly string[]): readonly string[] {
  if (typeof header !== "boolean" && !isList(header))
    throw new TypeError(`parseCsv: header is ${inWords(header)}; give true, false, or the columns' names`);
  if (Array.isArray(header)) return header;
  return first.map((cell, i) => (header ? cell.trim() : String(i)));
}

function checkNames(name: string, columns: readonly string[], where: string): void {
  const positions = new Map<string, number>();
  columns.forEach((column, i) => {
    if (column === "") {
      throw new Error(`${name}: ${where}: column ${i + 1} of ${columns.length} has no name; give it one`);
    }
    const before = positions.get(column);
    positions.set(column, i);
    if (before !== undefined) {
      throw new Error(
        `${name}: ${where}: columns ${before + 1} and ${i + 1} are both named ${quoted(column)}; rename one ` +
          "(where the first row holds data, give header: false)",
      );
    }
  });
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? "" : "s"}`;
}

/** Parses numbers in a table's format: the decimal separator and the separator of thousands. */
import { quoted } from "./words.ts";

export interface NumberOptions {
  /** Decimal separator: "." (default), or "," as in 1,5. */
  readonly decimal?: string;
  /** Separator of thousands, such as "," in 1,234.5, "." in 1.234,5, or " " (default none). */
  readonly thousands?: string;
}

const NOT_FINITE = /^[+-]?(nan|inf|infinity)$/i;
/** Cells that other programs write for a missing value. */
const MARKERS = new Set([
  "#n/a",
  "#n/a n/a",
  "#na",
  "n/a",
  "na",
  "<na>",
  "null",
  "none",
  "nil",
  "-",
  "--",
  "?",
  "#value!",
  "#ref!",
  "#div/0!",
]);
/** Formats suggested in a message where a cell is a number in another format than the table's. */
const FORMATS: readonly Required<NumberOptions>[] = [
  { decimal: ".", thousands: "," },
  { decimal: ",", thousands: "." },
  { decimal: ".", thousands: " " },
  { decimal: ",", thousands: " " },
  { decimal: ".", thousands: "'" },
];

/** Parses numbers in one format. */
export class NumberFormat {
  readonly #plain: RegExp;
  readonly #grouped: RegExp | undefined;
  readonly #groups: RegExp | undefined;
  readonly #decimal: string;
  readonly #thousands: string | undefined;

  /** @throws RangeError where a separator is no single character, or both are the same */
  constructor(owner: string, { decimal = ".", thousands }: NumberOptions = {}) {
    for (const [option, character] of [
      ["decimal", decimal],
      ["thousands", thousands],
    ] as const) {
      if (character === undefined || (typeof character === "string" && /^[^\d+\-e]$/iu.test(character)))
        continue;
      throw new RangeError(
        `${owner}: ${option} is ${JSON.stringify(character)}; give one character, such as ","`,
      );
    }
    if (decimal === thousands) {
      throw new RangeError(`${owner}: decimal and thousands are both ${quoted(decimal)}; they must differ`);
    }
    this.#decimal = decimal;
    this.#thousands = thousands;
    const point = escaped(decimal);
    // Each character matches in one way only: a long cell that is no number is rejected in linear time.
    this.#plain = new RegExp(`^[+-]?(\\d+(${point}\\d*)?|${point}\\d+)(e[+-]?\\d+)?$`, "iu");
    if (thousands === undefined) return;
    // A space may also be one of the no-break spaces.
    const group = thousands === " " ? "[ \\u00a0\\u2009\\u202f]" : escaped(thousands);
    this.#grouped = new RegExp(`^[+-]?\\d{1,3}(${group}\\d{3})+(${point}\\d*)?(e[+-]?\\d+)?$`, "iu");
    this.#groups = new RegExp(group, "gu");
  }

  /**
   * The number in a cell; infinite where it is too large.
   * @returns undefined where the cell is no number in this format
   */
  parse(cell: string): number | undefined {
    const grouped = this.#grouped?.test(cell);
    if (!grouped && !this.#plain.test(cell)) return undefined;
    const digits = grouped ? cell.replace(this.#groups as RegExp, "") : cell;
    return Number(this.#decimal === "." ? digits : digits.replace(this.#decimal, "."));
  }

  /** Why a cell is no number, and how to read the table instead. `missing` lists the cells that hold no value so far. */
  refusal(cell: string, missing: Iterable<string>): string {
    const asMissing = `missing: [${[...missing, cell].map(quoted).join(", ")}]`;
    if (NOT_FINITE.test(cell)) {
      return `${cell} is not finite; drop the row, or count it as a missing value with ${asMissing}`;
    }
    if (MARKERS.has(cell.toLowerCase())) {
      return `${quoted(cell)} is no number; where it stands for a missing value, read the table with ${asMissing}`;
    }
    const others = FORMATS.filter(
      ({ decimal, thousands }) => decimal !== this.#decimal || thousands !== this.#thousands,
    ).filter((options) => new NumberFormat("", options).parse(cell) !== undefined);
    if (cell.length < 100 && others.length > 0) {
      const ways = others.slice(0, 2).map(({ decimal, thousands }) => {
        const groups = cell.includes(thousands) ? `thousands: ${quoted(thousands)}` : "";
        const point = decimal === this.#decimal ? "" : `decimal: ${quoted(decimal)}`;
        return [point, groups].filter(Boolean).join(", ");
      });
      return `${quoted(cell)} is no number; read the table with ${[...new Set(ways)].join(" or ")}`;
    }
    const example = `-1${this.#decimal}5`;
    return `${quoted(cell)} is no number; expected one such as ${example} or 2e3, or make the column categorical`;
  }
}

function escaped(character: string): string {
  return character.replace(/[\\^$.*+?()[\]{}|/-]/u, "\\$&");
}

/** Files of a MiB in every shape: each is read, or refused, in a time like that of a plain one. */
import { describe, expect, it } from "vitest";
import { parseCsv, type Table } from "../../src/csv/index.ts";

const SIZE = 2 ** 20;
/** `piece` again and again, up to a MiB. */
const filled = (piece: string) => piece.repeat(Math.ceil(SIZE / piece.length));

const PLAIN = `a,b,c\n${filled("1.5,2.25,3\n")}`;
const numbers = (table: Table) => table.dataset({ target: table.columns[0] as string }).count;

/** The shape, its text, what is done with the table, and what that gives or says. */
const SHAPES: readonly [string, string, (table: Table) => unknown, number | string][] = [
  ["blank lines, then a row", `a\n${filled("\n")}1\n`, (table) => table.rows, 1],
  ["blank lines of DOS", `a\r\n${filled("\r\n")}1\r\n`, (table) => table.rows, 1],
  ["blank lines alone", filled("\n"), (table) => table.rows, "csv: the file is empty"],
  ["lines of spaces", `a\n1\n${filled("   \n")}`, (table) => table.rows, 1],
  ["line ends that are mixed", `a,b\n${filled("1,2\r3,4\n5,6\r\n\n\r")}`, numbers, 209718],
  ["one long line", filled("1,"), numbers, 'columns 1 and 2 are both named "1"'],
  ["one long cell of digits", `a,b\n1,${filled("1")}\n`, numbers, "is too large for 32-bit floats"],
  ["one long cell that is nearly a number", `a,b\n1,${filled("1")}x\n`, numbers, "is no number"],
  ["one long cell of spaces", `a,b\n1,${filled(" ")}x\n`, numbers, '"x" is no number'],
  ["one long name", `${filled("a")}\n1\n`, (table) => table.numbers(table.columns[0] as string)[0], 1],
  ["one column", `a\n${filled("1\n")}`, (table) => table.numbers("a").length, SIZE / 2],
  [
    "100,000 columns",
    `${Array.from({ length: 100_000 }, (_, i) => i).join()}\n${"1,".repeat(99_999)}2\n`,
    (table) => table.dataset({ target: "99999" }).inputs.shape[0],
    99_999,
  ],
  [
    "100,000 columns, of which one is not there",
    `${Array.from({ length: 100_000 }, (_, i) => i).join()}\n${"1,".repeat(99_999)}2\n`,
    (table) => table.dataset({ target: "price" }),
    'there is no column "price"; there are "0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", … (100000 in all)',
  ],
  ["100,000 columns of one name", `${"a,".repeat(500_000)}\n`, numbers, 'columns 1 and 2 are both named "a"'],
  ["quotes alone", filled('"'), numbers, "csv: there is no row after the header"],
  ["quotes alone, and one more", `${filled('"')}"`, numbers, "csv: line 1: a quoted cell does not end"],
  ["quotes inside of quotes", `a\n"${filled('"x')}`, numbers, "csv: line 2: a quote inside of a quoted cell"],
  ["quotes and spaces", `a\n"${filled('" ')}\n`, numbers, "csv: line 2: a quote inside of a quoted cell"],
  ["quoted cells", `a,b\n${filled('"1","2"\n')}`, numbers, SIZE / 8],
  [
    "a quote that does not end",
    `a,b\n"${filled("1,2\n")}`,
    numbers,
    "csv: line 2: a quoted cell does not end",
  ],
  ["comments", `${filled("#\n")}a,b\n1,2`, numbers, 1],
  ["byte order marks", `${filled("\ufeff")},b\n1,2`, numbers, "csv: line 1: column 1 of 2 has no name"],
  ["wide characters", `a,b\n${filled("1,😀é\n")}`, (table) => table.categories("b").length, 1],
];

/** What a call gives or throws, and the time that processors spent on it: the machine may do other things beside. */
function timed(run: () => unknown): { result: unknown; ms: number } {
  const before = process.cpuUsage();
  let result: unknown;
  try {
    result = run();
  } catch (error) {
    result = error;
  }
  const { user, system } = process.cpuUsage(before);
  return { result, ms: (user + system) / 1000 };
}

describe("a MiB in any shape", () => {
  const read = (text: string) => parseCsv(text, { comment: "#" });
  const plain = Math.min(...[0, 1, 2].map(() => timed(() => numbers(read(PLAIN))).ms));

  it.each(SHAPES)("%s", { timeout: 60_000 }, (_what, text, use, expected) => {
    const { result, ms } = timed(() => use(read(text)));
    if (typeof expected === "string") {
      expect(result).toBeInstanceOf(Error);
      expect((result as Error).message).toContain(expected);
      // Nobody reads a message of a MiB.
      expect((result as Error).message.length).toBeLessThan(1000);
    } else {
      expect(result).toBe(expected);
    }
    expect(ms).toBeLessThan(12 * plain);
  });
});

/** CSV: what is read, on which lines, and what is refused. */
import { writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { type CsvOptions, parseCsv, readCsv, type Table } from "../../src/csv/index.ts";
import { uniform } from "../../src/random.ts";
import { useTemporaryFolder } from "../helpers/programs.ts";

const IRISES = `sepal,petal,species
5.1,1.4,setosa
7.0,4.7,versicolor
6.3,6.0,virginica
4.9,1.5,setosa
`;

const cells = (table: Table) => table.columns.map((name) => table.column(name));

describe("parseCsv", () => {
  it("reads columns under their names", () => {
    const table = parseCsv(IRISES);
    expect(table.columns).toEqual(["sepal", "petal", "species"]);
    expect(table.rows).toBe(4);
    expect(table.column("species")).toEqual(["setosa", "versicolor", "virginica", "setosa"]);
    expect(table.numbers("sepal")).toEqual(Float64Array.of(5.1, 7, 6.3, 4.9));
    expect(table.categories("species")).toEqual(["setosa", "versicolor", "virginica"]);
  });

  it.each<[string, string, CsvOptions]>([
    ["line ends of DOS, and a byte order mark", "\ufeffa,b\r\n1,2\r\n3,4\r\n", {}],
    ["line ends of old Macs", "a,b\r1,2\r3,4", {}],
    ["line ends that are mixed", "a,b\r\n1,2\n3,4", {}],
    ["semicolons", "a;b\n1;2\n3;4\n", {}],
    ["tabs", "a\tb\n1\t2\n3\t4\n", {}],
    ["another delimiter, by option", "a:b\n1:2\n3:4", { delimiter: ":" }],
    ["a line that names the delimiter", "\ufeffsep=:\r\na:b\r\n1:2\r\n3:4", {}],
    ["such a line, quoted, with empty cells", '"sep=;";;\na;b\n1;2\n3;4', {}],
    ["such a line, and another delimiter by option", "sep=;\na,b\n1,2\n3,4", { delimiter: "," }],
    ["comments and empty lines", "# who\na,b\n\n#\n1,2\n# why, and when\n3,4\n#", { comment: "#" }],
    ["spaces around names, and quotes", ' a ,"b"\n"1","2"\n3,4\n\n\n', {}],
    ["no header", "1,2\n3,4", { header: ["a", "b"] }],
  ])("takes %s", (_what, text, options) => {
    const table = parseCsv(text, options);
    expect(table.columns).toEqual(["a", "b"]);
    expect(cells(table)).toEqual([
      ["1", "3"],
      ["2", "4"],
    ]);
  });

  it("takes quoted cells with delimiters, quotes and line ends", () => {
    const table = parseCsv('text,n\n"a, ""b""\r\nc",1\n"",2\n');
    expect(cells(table)).toEqual([
      ['a, "b"\nc', ""],
      ["1", "2"],
    ]);
  });

  it("takes one column, an empty last cell, and numbers for names", () => {
    expect(parseCsv("a\n1\n2").numbers("a")).toEqual(Float64Array.of(1, 2));
    expect(parseCsv("a\tb\n1\t", { delimiter: "\t" }).column("b")).toEqual([""]);
    const bare = parseCsv("1,2\n3,4\n", { header: false });
    expect(bare.columns).toEqual(["0", "1"]);
    expect(bare.rows).toBe(2);
  });

  it.each<[string, string, CsvOptions, string]>([
    [
      "a row that is too short, with its line",
      "a,b\n1,2\n3\n",
      {},
      'csv: line 3 has 1 cell; the header (line 1) names 2 columns (delimiter ",")',
    ],
    ["a row that is too long", "a,b\n1,2,3\n", {}, "line 2 has 3 cells; the header (line 1) names 2 columns"],
    [
      "the line in the file, behind comments, empty lines and cells with line ends",
      '# one\n# two\n\na,b\n"1\n\n1",2\n\n# more\n"x\r\ny",2\n\r\n3\n',
      { comment: "#" },
      "csv: line 13 has 1 cell; the header (line 4)",
    ],
    [
      "a row too long without quotes, behind comments",
      "#\na,b\n#\n\n1,2\n#\n1,2,3",
      { comment: "#" },
      "line 7 has 3 cells",
    ],
    [
      "rows that differ, without a header",
      "1,2\n3,4,5",
      { header: false },
      "line 2 has 3 cells; there are 2 columns",
    ],
    ["names for other columns", "1,2", { header: ["a"] }, "line 1 has 2 cells; there are 1 column"],
    ["the line behind one that names the delimiter", "sep=;\na;b\n1;2\n3\n", {}, "csv: line 4 has 1 cell"],
    ["a name twice", "a,b,a\n1,2,3", {}, 'csv: line 1: columns 1 and 3 are both named "a"'],
    ["no name", "a,,c\n1,2,3", {}, "csv: line 1: column 2 of 3 has no name"],
    ["a name twice, by option", "1,2", { header: ["a", "a"] }, "csv: the option header: columns 1 and 2"],
    ["an empty file", "", {}, "csv: the file is empty"],
    ["an empty file with line ends", "\ufeff\r\n\r\n", {}, "csv: the file is empty"],
    ["a header alone", "a,b\n", {}, "there is no row after the header"],
    ["a quote that does not end", 'a,b\n1,2\n3,"4\n5,6\n', {}, "csv: line 3: a quoted cell does not end"],
    [
      "a quote inside of quotes",
      'a,b\n1,2\n3,"4"4"\n5,6\n',
      {},
      "csv: line 3: a quote inside of a quoted cell",
    ],
    ["an empty comment", "a,b\n1,2", { comment: "" }, "comment is empty"],
  ])("refuses %s", (_what, text, options, message) => {
    expect(() => parseCsv(text, options)).toThrow(message);
  });
});

describe("random tables", () => {
  const PIECES = ["a", "1", ",", '"', "\n", "\r\n", "#", " ", ";", "é"];

  /** A cell of up to 5 pieces, as it is and as RFC 4180 writes it. */
  function randomCell(draw: () => number): { cell: string; written: string } {
    const length = Math.floor(6 * draw());
    const raw = Array.from({ length }, () => PIECES[Math.floor(PIECES.length * draw())]).join("");
    return { cell: raw.replaceAll("\r\n", "\n"), written: `"${raw.replaceAll('"', '""')}"` };
  }

  it("come back cell by cell, and a row that is too short is found on its line", () => {
    for (let seed = 0; seed < 200; seed++) {
      let drawn = 0;
      const draw = () => uniform(seed, 0, drawn++);
      const end = draw() < 0.5 ? "\n" : "\r\n";
      const rows = Array.from({ length: 1 + Math.floor(6 * draw()) }, () => [
        randomCell(draw),
        randomCell(draw),
      ]);
      // Comments and empty lines between rows count as lines, and for nothing else.
      const lines = rows.map((row) => {
        const before = draw() < 0.3 ? `#, "${end}` : draw() < 0.2 ? end : "";
        return before + row.map(({ written }) => written).join(",");
      });
      const text = ["x,y", ...lines].join(end);
      const options = { comment: "#", delimiter: "," };
      const table = parseCsv(text, options);
      expect(cells(table)).toEqual([rows.map(([x]) => x.cell), rows.map(([, y]) => y.cell)]);
      const line = text.split("\n").length + 1;
      expect(() => parseCsv(`${text}${end}short${end}1,2`, options)).toThrow(`csv: line ${line} has 1 cell;`);
    }
  });
});

describe("numbers", () => {
  const reading = (cell: string, options?: CsvOptions) => () =>
    parseCsv(`# a comment\nx,n\n"1\n1",0\n2,${cell}\n`, { name: "t.csv", comment: "#", ...options }).numbers(
      "n",
    );

  it.each([
    ["-1.5", -1.5],
    ["+.5e-3", 0.0005],
    [" 2. ", 2],
    ["1E3", 1000],
  ])("takes %s", (cell, value) => {
    expect(reading(cell)()[1]).toBe(value);
  });

  it.each([
    ["abc", 't.csv: line 5, column "n": "abc" is no number; expected one such as -1.5 or 2e3'],
    ["0x10", '"0x10" is no number'],
    ["1e", '"1e" is no number'],
    [
      "NaN",
      't.csv: line 5, column "n": NaN is not finite; drop the row, or count it as a missing value with missing: ["", "NaN"]',
    ],
    ["-inf", "-inf is not finite"],
    ["Infinity", "Infinity is not finite"],
    ["", 't.csv: line 5, column "n": the value is missing; fill an input with fill: "mean" or similar'],
    [" ", "the value is missing"],
    ["NA", '"NA" is no number; where it stands for a missing value, read the table with missing: ["", "NA"]'],
    [
      "#N/A",
      '"#N/A" is no number; where it stands for a missing value, read the table with missing: ["", "#N/A"]',
    ],
    ["-", 'read the table with missing: ["", "-"]'],
    ['"1,5"', '"1,5" is no number; read the table with decimal: ","'],
    ['"1,500"', '"1,500" is no number; read the table with thousands: "," or decimal: ","'],
    ['"1,234,567.5"', 'read the table with thousands: ","'],
    ['"1.234.567,5"', 'read the table with decimal: ",", thousands: "."'],
    ["1 234", 'read the table with thousands: " "'],
    ["1'234.5", 'read the table with thousands: "\'"'],
    ['"1,5,6"', "or make the column categorical"],
  ])("refuses %j", (cell, message) => {
    expect(reading(cell)).toThrow(message);
  });

  it.each<[string, CsvOptions, string, number]>([
    ["a decimal comma", { decimal: "," }, "1,5", 1.5],
    ["a decimal comma in front", { decimal: "," }, "-,25e2", -25],
    ["no decimal comma", { decimal: "," }, "12", 12],
    ["groups by commas", { thousands: "," }, "-1,234,567.25", -1234567.25],
    ["no groups", { thousands: "," }, "1234567", 1234567],
    ["both the other way round", { decimal: ",", thousands: "." }, "1.234.567,5", 1234567.5],
    ["groups by spaces", { decimal: ",", thousands: " " }, "1 234\u00a0567\u202f890,5", 1234567890.5],
    ["groups by apostrophes", { thousands: "'" }, "12'345", 12345],
  ])("takes %s", (_what, options, cell, value) => {
    expect(parseCsv(`a\tn\nx\t${cell}\n`, { delimiter: "\t", ...options }).numbers("n")[0]).toBe(value);
    // In a guess at the delimiter, too, where cells with commas are quoted or separated by semicolons.
    expect(parseCsv(`a,n\nx,"${cell}"\n`, options).numbers("n")[0]).toBe(value);
    expect(parseCsv(`a;n\nx;${cell}\nx;${cell}\n`, options).numbers("n")[1]).toBe(value);
  });

  it.each<[string, CsvOptions, string]>([
    ["1.5", { decimal: "," }, '"1.5" is no number; read the table with decimal: "."'],
    ["12,34", { thousands: "," }, '"12,34" is no number; read the table with decimal: ","'],
    ["1,2345", { thousands: "," }, "is no number"],
    [",234", { thousands: "," }, "is no number"],
    ["1.234,5", { decimal: ",", thousands: " " }, 'read the table with thousands: "."'],
    ["x", { decimal: "," }, "expected one such as -1,5 or 2e3"],
  ])("refuses %j with %j", (cell, options, message) => {
    expect(() => parseCsv(`a\tn\nx\t${cell}`, { delimiter: "\t", ...options }).numbers("n")).toThrow(message);
  });

  it("refuses characters that are none", () => {
    const text = "a\n1\n";
    expect(() => parseCsv(text, { decimal: ".." })).toThrow('csv: decimal is ".."; give one character');
    expect(() => parseCsv(text, { decimal: "5" })).toThrow('decimal is "5"');
    expect(() => parseCsv(text, { thousands: "" })).toThrow('csv: thousands is ""; give one character');
    expect(() => parseCsv(text, { thousands: "." })).toThrow(
      'decimal and thousands are both "."; they must differ',
    );
  });

  it("refuses what is named as missing, and columns that there are not", () => {
    expect(reading("NA", { missing: ["NA"] })).toThrow('column "n": the value is missing ("NA")');
    expect(() => parseCsv(IRISES).numbers("leaf")).toThrow(
      'csv: there is no column "leaf"; there are "sepal", "petal", "species"',
    );
  });
});

describe("readCsv", () => {
  const folder = useTemporaryFolder();
  const expected = parseCsv(IRISES).column("species");

  it("reads files, packed or not, by path or address", async () => {
    const path = join(folder.path, "irises.csv");
    await writeFile(path, IRISES);
    await writeFile(`${path}.gz`, gzipSync(IRISES));
    for (const source of [path, pathToFileURL(path), pathToFileURL(path).href, `${path}.gz`]) {
      const table = await readCsv(source);
      expect(table.column("species")).toEqual(expected);
      expect(table.name).toBe(String(source));
    }
  });

  it("reads what fetch gives, addresses, and files that a user chose", async () => {
    expect((await readCsv(new Response(IRISES))).column("species")).toEqual(expected);
    expect((await readCsv(new Blob([IRISES]))).column("species")).toEqual(expected);
    expect((await readCsv(new File([IRISES], "mine.csv"))).name).toBe("mine.csv");
    const server = createServer((request, response) => {
      response.writeHead(request.url === "/irises.csv" ? 200 : 404).end(IRISES);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    try {
      const { port } = server.address() as { port: number };
      const table = await readCsv(`http://127.0.0.1:${port}/irises.csv`, { name: "remote" });
      expect([table.name, table.rows]).toEqual(["remote", 4]);
      await expect(readCsv(`http://127.0.0.1:${port}/roses.csv`)).rejects.toThrow(
        /roses.csv cannot be read: HTTP 404/,
      );
    } finally {
      server.close();
    }
  });

  it("names the file in errors of its lines", async () => {
    const path = join(folder.path, "short.csv");
    await writeFile(path, "a,b\n1\n");
    await expect(readCsv(path)).rejects.toThrow(`${path}: line 2 has 1 cell`);
  });

  it("stops at a limit of bytes, unpacked, wherever they come from", async () => {
    const text = `a\n${"1\n".repeat(5000)}`;
    const path = join(folder.path, "long.csv");
    await writeFile(path, text);
    await writeFile(`${path}.gz`, gzipSync(text));
    const server = createServer((_request, response) => {
      response.writeHead(200, { "content-encoding": "gzip" }).end(gzipSync(text));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    try {
      const { port } = server.address() as { port: number };
      const sources = [path, `${path}.gz`, new Blob([text]), `http://127.0.0.1:${port}/long.csv`];
      for (const source of sources) {
        expect((await readCsv(source, { maxBytes: text.length })).rows).toBe(5000);
        await expect(readCsv(source, { maxBytes: text.length - 1 })).rejects.toThrow(
          /more than 10001 bytes.*give a larger maxBytes/,
        );
      }
    } finally {
      server.close();
    }
  });

  it("refuses a file that there is not, and one in another encoding, unless named", async () => {
    await expect(readCsv(join(folder.path, "none.csv"))).rejects.toThrow(/none.csv cannot be read: ENOENT/);
    const latin = new Blob([Uint8Array.of(...[..."a\nM"].map((c) => c.charCodeAt(0)), 0xfc)]);
    await expect(readCsv(latin)).rejects.toThrow("the blob is no text in utf-8; name its encoding");
    expect((await readCsv(latin, { encoding: "windows-1252" })).column("a")).toEqual(["Mü"]);
  });
});

/** CSV: what is read, on which lines, and what is refused. */
import { writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import {
  type CsvOptions,
  parseCsv,
  readCsv,
  type Table,
  type TableDatasetOptions,
} from "../../src/csv/index.ts";
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
    ["a name twice", "a,b,a\n1,2,3", {}, 'csv: line 1: columns 1 and 3 are both named "a"'],
    ["no name", "a,,c\n1,2,3", {}, "csv: line 1: column 2 of 3 has no name"],
    ["a name twice, by option", "1,2", { header: ["a", "a"] }, "csv: the option header: columns 1 and 2"],
    ["an empty file", "", {}, "csv: the file is empty"],
    ["an empty file with line ends", "\ufeff\r\n\r\n", {}, "csv: the file is empty"],
    ["a header alone", "a,b\n", {}, "there is no row behind the header"],
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
    ['"1,5"', '"1,5" is no number'],
    ["1e", '"1e" is no number'],
    ["NaN", 't.csv: line 5, column "n": NaN is not finite; drop the row, or count it as a missing value'],
    ["-inf", "-inf is not finite"],
    ["Infinity", "Infinity is not finite"],
    ["", 't.csv: line 5, column "n": the value is missing; fill it in, or leave such rows out'],
    [" ", "the value is missing"],
    ["NA", '"NA" is no number'],
  ])("refuses %j", (cell, message) => {
    expect(reading(cell)).toThrow(message);
  });

  it("refuses what is named as missing, and columns that there are not", () => {
    expect(reading("NA", { missing: ["NA"] })).toThrow('column "n": the value is missing ("NA")');
    expect(() => parseCsv(IRISES).numbers("leaf")).toThrow(
      'csv: there is no column "leaf"; there are "sepal", "petal", "species"',
    );
  });
});

describe("dataset", () => {
  it("has classes by name", () => {
    const table = parseCsv(IRISES, { name: "irises" });
    const set = table.dataset({ target: "species", classes: table.categories("species") });
    expect(set).toMatchObject({ name: "irises", count: 4, classes: 3, inputs: { shape: [2], scale: 1 } });
    expect(set.inputs.data).toEqual(Float32Array.of(5.1, 1.4, 7, 4.7, 6.3, 6, 4.9, 1.5));
    expect(set.targets).toEqual({ data: Int32Array.of(0, 1, 2, 0), shape: [], scale: 1 });
  });

  it("has classes by index, numbers, or several of them, of the inputs named", () => {
    const table = parseCsv("a,b,c\n0,1,2\n2,3,4\n");
    expect(table.dataset({ target: "a", classes: 3 }).targets.data).toEqual(Int32Array.of(0, 2));
    expect(table.dataset({ target: "c" }).targets).toEqual({
      data: Float32Array.of(2, 4),
      shape: [1],
      scale: 1,
    });
    const several = table.dataset({ inputs: ["b"], target: ["c", "a"] });
    expect(several.inputs.data).toEqual(Float32Array.of(1, 3));
    expect(several.targets).toEqual({ data: Float32Array.of(2, 0, 4, 2), shape: [2], scale: 1 });
  });

  it("has categories as one-hot inputs between numbers", () => {
    const table = parseCsv("n,colour,m,y\n1,red,5,0\n2,blue,6,1\n3,red,7,0\n");
    const set = table.dataset({ target: "y", categorical: ["colour"] });
    expect(set.inputs.shape).toEqual([4]);
    expect([...set.inputs.data]).toEqual([1, 0, 1, 5, 2, 1, 0, 6, 3, 0, 1, 7]);
    const wider = table.dataset({
      inputs: ["colour", "n"],
      target: "y",
      categorical: { colour: ["red", "green", "blue"] },
    });
    expect([...wider.inputs.data]).toEqual([1, 0, 0, 1, 0, 0, 1, 2, 1, 0, 0, 3]);
  });

  it("leaves rows out that miss a value it uses, if told to", () => {
    const table = parseCsv("a,b,y\n1,,0\n,2,1\n3,4,?\n5,6,1\n", { missing: ["", "?"] });
    const of = (options: Partial<TableDatasetOptions>) =>
      table.dataset({ target: "y", missing: "drop", ...options });
    expect([...of({}).inputs.data]).toEqual([5, 6]);
    const some = of({ inputs: ["a"] });
    expect([...some.inputs.data]).toEqual([1, 5]);
    expect([...some.targets.data]).toEqual([0, 1]);
    expect(() => of({ missing: "refuse" })).toThrow('csv: line 3, column "a": the value is missing');
    expect(() => of({ inputs: ["a"], missing: "refuse" })).toThrow(
      'line 3, column "a": the value is missing',
    );
  });

  const table = parseCsv("n,colour,y\n1,red,0\n1e39,blue,2\n");
  it.each<[string, TableDatasetOptions, string]>([
    ["an unknown target", { target: "z" }, 'there is no column "z"'],
    ["an unknown input", { inputs: ["z"], target: "y" }, 'there is no column "z"'],
    ["an input that is the target", { inputs: ["n", "y"], target: "y" }, 'column "y" is used twice'],
    ["no inputs", { inputs: [], target: "y" }, "0 inputs and 1 targets"],
    ["texts as inputs", { inputs: ["colour"], target: "y" }, 'line 2, column "colour": "red" is no number'],
    [
      "a number beyond 32 bits",
      { inputs: ["n"], target: "y" },
      'line 3, column "n": 1e39 is beyond 32-bit floats',
    ],
    ["a class too high", { inputs: ["colour"], target: "y", classes: 2, categorical: ["colour"] }, "line 3"],
    [
      "an unknown category",
      { inputs: ["colour"], target: "y", categorical: { colour: ["red", "green"] } },
      'line 3, column "colour": "blue" is not one of "red", "green"',
    ],
    [
      "an unknown class",
      { inputs: ["y"], target: "colour", classes: ["blue"] },
      'line 2, column "colour": "red" is not one of "blue"',
    ],
    ["categories of no input", { target: "y", categorical: ["y"] }, 'categorical column "y" is no input'],
    [
      "classes of two targets",
      { inputs: ["n"], target: ["colour", "y"], classes: 2 },
      "2 targets with classes",
    ],
    ["another policy", { target: "y", missing: "zero" as "drop" }, "missing is zero"],
  ])("refuses %s", (_what, options, message) => {
    expect(() => table.dataset(options)).toThrow(message);
  });

  it("refuses to leave out all rows", () => {
    const empty = parseCsv("a,y\n,1\n,2\n");
    expect(() => empty.dataset({ target: "y", missing: "drop" })).toThrow("each of 2 rows misses a value");
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

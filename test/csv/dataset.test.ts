/** Tables as data sets: columns, classes, categories, what is missing, and what is refused. */
import { describe, expect, it } from "vitest";
import { parseCsv, type TableDatasetOptions } from "../../src/csv/index.ts";
import { standardScaler } from "../../src/data/index.ts";

const IRISES = `sepal,petal,species
5.1,1.4,setosa
7.0,4.7,versicolor
6.3,6.0,virginica
4.9,1.5,setosa
`;

describe("dataset", () => {
  it("has classes by name", () => {
    const table = parseCsv(IRISES, { name: "irises" });
    const set = table.dataset({ target: "species", classes: table.categories("species") });
    expect(set).toMatchObject({ name: "irises", count: 4, classes: 3, inputs: { shape: [2], scale: 1 } });
    expect(set.inputs.data).toEqual(Float32Array.of(5.1, 1.4, 7, 4.7, 6.3, 6, 4.9, 1.5));
    expect(set.inputs.exact).toEqual(Float64Array.of(5.1, 1.4, 7, 4.7, 6.3, 6, 4.9, 1.5));
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

  it("has no targets where none is named", () => {
    const set = parseCsv("a,b\n1,2\n3,4\n").dataset();
    expect([...set.inputs.data]).toEqual([1, 2, 3, 4]);
    expect("targets" in set).toBe(false);
  });

  const gaps = parseCsv("n,m,colour,y\n1,,red,0\n,5,,1\n3,6,red,2\n8,9,blue,?\n", { missing: ["", "?"] });
  it.each<[string, TableDatasetOptions["fill"], number[]]>([
    [
      "the mean",
      { n: "mean", m: "mean", colour: "blue" },
      [1, 20 / 3, 0, 1, 4, 5, 1, 0, 3, 6, 0, 1, 8, 9, 1, 0],
    ],
    [
      "the median",
      { n: "median", m: "median", colour: "red" },
      [1, 6, 0, 1, 3, 5, 0, 1, 3, 6, 0, 1, 8, 9, 1, 0],
    ],
    ["what is most frequent", "mostFrequent", [1, 5, 0, 1, 1, 5, 0, 1, 3, 6, 0, 1, 8, 9, 1, 0]],
    [
      "values",
      { n: -1, m: 0.5, colour: "mostFrequent" },
      [1, 0.5, 0, 1, -1, 5, 0, 1, 3, 6, 0, 1, 8, 9, 1, 0],
    ],
  ])("fills in %s", (_what, fill, expected) => {
    const inputs = ["n", "m", "colour"];
    const set = gaps.dataset({ inputs, categorical: ["colour"], fill });
    expect([...(set.inputs.exact ?? set.inputs.data)]).toEqual(expected);
    // What is missing in targets is left out with its row, and nothing is measured on it.
    const rest = gaps.dataset({
      inputs,
      categorical: ["colour"],
      fill: "mostFrequent",
      target: "y",
      missing: "drop",
    });
    expect([...rest.targets.data]).toEqual([0, 1, 2]);
    expect([...rest.inputs.data]).toEqual([1, 5, 0, 1, 1, 5, 0, 1, 3, 6, 0, 1]);
  });

  it("reads another table as the first was read, with targets or without", () => {
    const train = gaps.dataset({
      inputs: ["n", "colour"],
      categorical: ["colour"],
      fill: { n: "mean", colour: "mostFrequent" },
      target: "y",
      missing: "drop",
    });
    expect(train.schema).toEqual({
      columns: [
        { name: "n", fill: 2 },
        { name: "colour", categories: ["blue", "red"], fill: "red" },
      ],
      targets: ["y"],
    });
    const other = parseCsv("colour,n,more\nred,100,x\n,,y\n");
    const set = other.dataset({ like: train });
    expect([...set.inputs.data]).toEqual([100, 0, 1, 2, 0, 1]);
    expect(set.schema?.columns).toEqual(train.schema?.columns);
    // As JSON gives it back, too, and scaled as that was.
    const scaler = standardScaler({ per: "all" }).fit(train);
    const { schema } = JSON.parse(JSON.stringify(scaler.transform(train)));
    expect(other.dataset({ like: schema }).inputs.data).toEqual(scaler.transform(set).inputs.data);
    expect(() => parseCsv("n,colour\n1,green\n").dataset({ like: train })).toThrow(
      'line 2, column "colour": "green" is not one of "blue", "red"',
    );
    expect(() => parseCsv("colour\nred\n").dataset({ like: train })).toThrow('there is no column "n"');
  });

  it("has the classes of a set that it is like, in their order", () => {
    const table = parseCsv(IRISES);
    const train = table.dataset({ target: "species", classes: ["virginica", "setosa", "versicolor"] });
    const test = parseCsv("species,petal,sepal\nsetosa,1,2\n").dataset({ target: "species", like: train });
    expect(test.classes).toBe(3);
    expect([...test.targets.data]).toEqual([1]);
    expect([...test.inputs.data]).toEqual([2, 1]);
  });

  it("refuses more categories than there may be, and more memory", () => {
    const many = parseCsv(`id,y\n${Array.from({ length: 1200 }, (_, i) => `u${i},${i}`).join("\n")}`);
    expect(() => many.dataset({ target: "y", categorical: ["id"] })).toThrow(
      'csv: column "id" has 1200 different values, each of which would become an input; leave it out, join rare ones',
    );
    expect(many.dataset({ target: "y", categorical: ["id"], maxCategories: 1200 }).inputs.shape).toEqual([
      1200,
    ]);
    const all = Array.from({ length: 200_000 }, (_, i) => `u${i}`);
    expect(() => many.dataset({ target: "y", categorical: { id: all } })).toThrow(
      "csv: 1200 rows of 200000 inputs would take 2.9 GiB; leave out columns or categories",
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
      'line 3, column "n": 1e39 is too large for 32-bit floats',
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
    ["a value to fill in for no input", { target: "y", fill: { z: 1 } }, 'fill: column "z" is no input'],
    [
      "a word to fill in numbers",
      { inputs: ["n"], target: "y", fill: "zero" as "mean" },
      'fill of column "n" is "zero"; give "mean", "median", "mostFrequent" or a number',
    ],
    [
      "a category to fill in that is none",
      { inputs: ["colour"], target: "y", categorical: ["colour"], fill: { colour: "mean" } },
      `fill of column "colour" is "mean", which is none of the column's categories`,
    ],
    [
      "what follows from another set",
      { target: "y", like: { columns: [{ name: "n" }] }, fill: "mean" },
      "csv: fill follows from like; leave one of them out",
    ],
    ["to be like what is no table", { target: "y", like: {} }, "csv: like describes no columns"],
  ])("refuses %s", (_what, options, message) => {
    expect(() => table.dataset(options)).toThrow(message);
  });

  it("refuses to leave out all rows", () => {
    const empty = parseCsv("a,y\n,1\n,2\n");
    expect(() => empty.dataset({ target: "y", missing: "drop" })).toThrow("each of 2 rows misses a value");
    expect(() => empty.dataset({ target: "y", fill: "mean" })).toThrow(
      'column "a" has no value to fill the gaps with',
    );
  });
});

/** Charts of experiments, looked at in a browser: curves, heat maps, boundaries and pictures. */
import { describe, expect, it } from "vitest";
import { contour } from "../../charts/contour.ts";
import { drawChart } from "../../charts/draw.ts";
import { drawPictures } from "../../charts/pictures.ts";
import type { BarsSpec, BoundariesSpec, HeatMapSpec, LinesSpec, Picture } from "../../charts/spec.ts";
import { type Box, expectLegible, type Look, useBrowser } from "./look.ts";

const { look } = useBrowser();
const ORIGIN =
  "Some GPU\nSome machine with a long name, 64 cores, some platform, and some versions of this and that";

const words = ({ texts }: Look) => texts.map(({ text }) => text);
const centre = ({ x, y, width, height }: Box) => ({ x: x + width / 2, y: y + height / 2 });
function textAt({ texts }: Look, text: string) {
  const found = texts.find((one) => one.text === text);
  if (!found) throw new Error(`"${text}" is not written`);
  return centre(found);
}

describe("lines", () => {
  const curve = (scale: number) => Array.from({ length: 300 }, (_, x) => ({ x, y: Math.exp(-x / scale) }));
  const spec: LinesSpec = {
    kind: "lines",
    title: "A run",
    x: { name: "epoch" },
    y: { name: "loss", from: 0, to: 2 },
    references: [{ value: 0.5, label: "half of it" }],
    series: [
      { name: "training", style: "plain", colour: 2, points: curve(50) },
      { name: "validation", style: "dashed", colour: 2, points: curve(80) },
    ],
  };

  it("are bare or dashed where there are many points, and share a colour", async () => {
    const seen = await look(drawChart(spec, ORIGIN));
    expectLegible(seen);
    const green = seen.shapes.filter(({ stroke, width }) => stroke === "#009e73" && width > 300);
    expect(green).toHaveLength(2);
    expect(green.filter(({ dashes }) => dashes !== "")).toHaveLength(1);
    // No marks, neither on the lines nor in the legend: nothing that is as high as wide.
    expect(
      seen.shapes.filter(({ fill, width, height }) => fill === "#009e73" && height > 4 && width < 12),
    ).toEqual([]);
  });

  it("have a line across at a reference, on its value, with its label beyond the end", async () => {
    const seen = await look(drawChart(spec, ORIGIN));
    const across = seen.shapes.filter(
      ({ dashes, width, height }) => dashes !== "" && width > 300 && height < 3,
    );
    expect(across).toHaveLength(1);
    const middle = (textAt(seen, "0").y + textAt(seen, "1").y) / 2;
    expect(Math.abs(centre(across[0]).y - middle)).toBeLessThan(2);
    expect(Math.abs(textAt(seen, "half of it").y - middle)).toBeLessThan(3);
    expect(textAt(seen, "half of it").x).toBeGreaterThan(across[0].x + across[0].width);
  });

  it("have a legend in as many rows as it takes", async () => {
    const series = Array.from({ length: 12 }, (_, i) => ({
      name: `a series with a name of many words, number ${i}`,
      style: "plain" as const,
      points: curve(20 + 10 * i),
    }));
    const seen = await look(drawChart({ ...spec, references: [], series }, ORIGIN));
    expectLegible(seen);
    expect(words(seen)).toEqual(expect.arrayContaining(series.map(({ name }) => name)));
  });

  it("may be points alone, with a line through them", async () => {
    const points = Array.from({ length: 20 }, (_, x) => ({ x, y: (x * 7) % 11 }));
    const series: LinesSpec["series"] = [
      { name: "samples", style: "points", points },
      { name: "fit", style: "plain", points: [points[0], points[19]] },
    ];
    const seen = await look(drawChart({ ...spec, y: { name: "y" }, references: [], series }, ORIGIN));
    expectLegible(seen);
    expect(seen.shapes.filter(({ stroke, width }) => stroke === "#0072b2" && width > 300)).toEqual([]);
    // One for each, and one in the legend.
    expect(seen.shapes.filter(({ fill, width }) => fill === "#0072b2" && width < 30)).toHaveLength(21);
  });

  it("have few marks on a logarithmic axis over many powers", async () => {
    const points = [1e-9, 1e9].map((y, x) => ({ x, y }));
    const wide: LinesSpec = {
      ...spec,
      y: { name: "size", log: true },
      references: [],
      series: [{ name: "a", points }],
    };
    const seen = await look(drawChart(wide, ORIGIN));
    expectLegible(seen);
    const powers = words(seen).filter((text) => /^1e-?\d+$|^10*(,0+)*$|^0\.0*1$/.test(text));
    expect(powers.length).toBeGreaterThan(4);
    expect(powers.length).toBeLessThan(10);
  });
});

describe("bars with a reference", () => {
  it.each([
    ["stand", ["none", "L2", "dropout"]],
    ["lie", Array.from({ length: 9 }, (_, i) => `a network with a name that is long, number ${i}`)],
  ])("%s, with the label where nothing else is", async (_how, categories) => {
    const spec: BarsSpec = {
      kind: "bars",
      title: "Cures",
      categories,
      value: { name: "test accuracy", unit: "%" },
      references: [{ value: 82, label: "the book: 82 %" }],
      series: [{ name: "accuracy", values: categories.map((_, i) => 80 + i) }],
    };
    const seen = await look(drawChart(spec, ORIGIN));
    expectLegible(seen);
    expect(words(seen)).toContain("the book: 82 %");
  });
});

describe("a heat map", () => {
  const spec: HeatMapSpec = {
    kind: "heatMap",
    title: "Rates and batches",
    x: { name: "learning rate", labels: ["0.01", "0.1", "1"] },
    y: { name: "batch size", unit: "samples", labels: ["8", "512"] },
    value: { name: "test accuracy", unit: "%", from: 50 },
    cells: [
      [60, 90, undefined],
      [20, 70, 95],
    ],
    missing: "diverged",
    format: (value) => value.toFixed(1),
  };

  it("has a number in each cell at its place, a word where there is none, and its axes", async () => {
    const seen = await look(drawChart(spec, ORIGIN));
    expectLegible(seen);
    const expected = ["60.0", "90.0", "20.0", "70.0", "diverged", "learning rate", "batch size (samples)"];
    expect(words(seen)).toEqual(expect.arrayContaining([...expected, "test accuracy (%)", "≤ 50.0"]));
    expect(Math.abs(textAt(seen, "90.0").x - textAt(seen, "0.1").x)).toBeLessThan(3);
    expect(Math.abs(textAt(seen, "90.0").y - textAt(seen, "8").y)).toBeLessThan(3);
    expect(Math.abs(textAt(seen, "20.0").y - textAt(seen, "512").y)).toBeLessThan(3);
    expect(Math.abs(textAt(seen, "diverged").x - textAt(seen, "1").x)).toBeLessThan(3);
  });

  it("colours by size: the ends of the scale for the least and the most, and what is beyond has the end's", async () => {
    const seen = await look(drawChart(spec, ORIGIN));
    const cells = seen.shapes.filter(
      ({ width, height, fill }) =>
        width > 60 && width < 300 && height > 30 && height < 200 && fill !== "none",
    );
    const fillAt = (text: string, skip = 0) => {
      const { x, y } = centre(seen.texts.filter((one) => one.text === text)[skip]);
      return cells.find(
        (cell) => x > cell.x && x < cell.x + cell.width && y > cell.y && y < cell.y + cell.height,
      )?.fill;
    };
    expect(fillAt("20.0")).toMatch(/rgb\(68,1,84\)|#440154/);
    const most = [0, 1].map((skip) => fillAt("95.0", skip));
    expect(most.join(" ")).toMatch(/rgb\(253,231,37\)|#fde725/);
    expect(fillAt("60.0")).not.toBe(fillAt("70.0"));
  });

  it("is refused where cells do not fit the labels", () => {
    expect(() => drawChart({ ...spec, cells: [[1, 2, 3]] }, "")).toThrow(
      /1 rows; expected 2 rows of 3 cells/,
    );
    expect(() =>
      drawChart(
        {
          ...spec,
          cells: [
            [1, 2],
            [1, 2, 3],
          ],
        },
        "",
      ),
    ).toThrow(/a row of 2 cells/);
    expect(() =>
      drawChart(
        {
          ...spec,
          cells: [
            [1, 2, 3],
            [4, Number.NaN, 6],
          ],
        },
        "",
      ),
    ).toThrow(/accuracy is NaN/);
  });
});

describe("boundaries", () => {
  const size = 21;
  /** Sure of class 1 to the right of x = 1. */
  const field = Float32Array.from(
    { length: size * size },
    (_, i) => 1 / (1 + Math.exp(-8 * ((i % size) / 10 - 1))),
  );
  const panel = {
    caption: "right of 1",
    field,
    columns: size,
    rows: size,
    points: [
      { x: 0.5, y: 0.5, label: 0 as const },
      { x: 1.5, y: 1.5, label: 1 as const },
    ],
  };
  const spec: BoundariesSpec = {
    kind: "boundaries",
    title: "Where classes meet",
    x: { name: "first", unit: "cm", from: 0, to: 2 },
    y: { name: "second", from: 0, to: 2 },
    classes: ["no", "yes"],
    panels: [panel],
  };

  it("are drawn where the field is ½, between the samples", async () => {
    const seen = await look(drawChart(spec, ORIGIN));
    expectLegible(seen);
    expect(words(seen)).toEqual(expect.arrayContaining(["first (cm)", "second", "no", "yes", "right of 1"]));
    const line = seen.shapes.filter(
      ({ stroke, width, height }) => stroke === "#222222" && height > 200 && width < 6,
    );
    const xs = line.map((one) => centre(one).x);
    const one = seen.texts.filter(({ text }) => text === "1").map((text) => centre(text).x);
    expect(xs.some((x) => one.some((place) => Math.abs(x - place) < 2))).toBe(true);
  });

  it("have the classes' colours on either side, over the whole panel", async () => {
    const seen = await look(drawChart(spec, ORIGIN));
    expect(seen.images).toHaveLength(1);
    const [{ pixels, naturalWidth, width, height }] = seen.images;
    expect(naturalWidth).toBe(size);
    // The field has as many rows as columns, the panel is wider than high: it is stretched, not framed.
    expect(drawChart(spec, ORIGIN)).toContain('<image preserveAspectRatio="none"');
    expect(width).toBeGreaterThan(400);
    expect(height).toBeGreaterThan(300);
    const [left, right] = [pixels.slice(0, 3), pixels.slice(4 * (size - 1), 4 * (size - 1) + 3)];
    expect(left[2]).toBeGreaterThan(left[0] + 30);
    expect(right[0]).toBeGreaterThan(right[2] + 30);
  });

  it("stand side by side without touching", async () => {
    const seen = await look(
      drawChart(
        { ...spec, panels: Array.from({ length: 5 }, (_, i) => ({ ...panel, caption: `panel ${i}` })) },
        ORIGIN,
      ),
    );
    expectLegible(seen);
    expect(seen.images).toHaveLength(5);
  });

  it("are refused where the field is not as large as it says, or holds NaN", () => {
    const wrong = (changed: object) => () => drawChart({ ...spec, panels: [{ ...panel, ...changed }] }, "");
    expect(wrong({ rows: 20 })).toThrow(/right of 1: 441 values for a grid of 21 × 20/);
    expect(wrong({ field: field.map(() => Number.NaN) })).toThrow(/a value is NaN/);
  });
});

describe("the contour of a field", () => {
  it("lies where the field, linear along the grid's edges, has the level", () => {
    // f(x, y) = x + 2 y on a grid of 4 × 3: the line x + 2 y = 2.5.
    const field = Array.from({ length: 12 }, (_, i) => (i % 4) + 2 * Math.floor(i / 4));
    const segments = contour(field, 4, 3, 2.5);
    expect(segments.length).toBeGreaterThan(2);
    for (const [ax, ay, bx, by] of segments) {
      expect(ax + 2 * ay).toBeCloseTo(2.5, 12);
      expect(bx + 2 * by).toBeCloseTo(2.5, 12);
    }
  });

  it("is nothing where the field is on one side, and two pieces at a saddle", () => {
    expect(contour([1, 1, 1, 1], 2, 2, 0.5)).toEqual([]);
    expect(contour([1, 0, 0, 1], 2, 2, 0.5)).toHaveLength(2);
  });
});

describe("pictures", () => {
  const grey: Picture = {
    pixels: Uint8Array.of(0, 50, 100, 150, 200, 250),
    width: 3,
    height: 2,
    channels: 1,
    caption: "grey",
  };
  const red: Picture = {
    pixels: Uint8Array.from({ length: 12 }, (_, i) => (i % 3 === 0 ? 200 : 10)),
    width: 2,
    height: 2,
    channels: 3,
  };

  it("show each pixel as it is, in rows with labels, under the names of columns", async () => {
    const seen = await look(
      drawPictures(
        {
          title: "A < B",
          columns: ["before", "after"],
          rows: [
            { label: "first", pictures: [grey, red] },
            { label: "second", pictures: [red, grey] },
          ],
        },
        ORIGIN,
      ),
    );
    expectLegible(seen);
    expect(words(seen)).toEqual(
      expect.arrayContaining(["A < B", "before", "after", "first", "second", "grey", "Some GPU"]),
    );
    expect(seen.images).toHaveLength(4);
    const [first, second, third] = seen.images;
    expect(first.pixels.filter((_, i) => i % 4 === 0)).toEqual([...grey.pixels]);
    expect(second.pixels.slice(0, 4)).toEqual([200, 10, 10, 255]);
    expect(first.width / first.height).toBeCloseTo(1.5, 5);
    expect(Math.abs(textAt(seen, "before").x - centre(first).x)).toBeLessThan(2);
    expect(Math.abs(textAt(seen, "after").x - centre(second).x)).toBeLessThan(2);
    expect(Math.abs(textAt(seen, "second").y - centre(third).y)).toBeLessThan(8);
    expect(third.y).toBeGreaterThan(first.y + first.height);
  });

  it("are drawn like any chart, the same each time", () => {
    const spec = { kind: "pictures" as const, title: "One", rows: [{ label: "", pictures: [grey] }] };
    expect(drawChart(spec, ORIGIN)).toBe(drawPictures(spec, ORIGIN));
    expect(drawChart(spec, ORIGIN)).toMatch(/^<svg role="img" [^>]*>\n<title>One<\/title>/);
  });

  it("are refused without a picture, or where bytes are missing", () => {
    expect(() => drawPictures({ title: "None", rows: [] }, "")).toThrow(
      /chart "None": there is nothing to draw/,
    );
    const short = { ...red, pixels: new Uint8Array(11) };
    expect(() => drawPictures({ title: "Short", rows: [{ label: "", pictures: [short] }] }, "")).toThrow(
      /a picture of 2 × 2 with 3 channels has 11 bytes; expected 12/,
    );
  });
});

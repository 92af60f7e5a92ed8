/** Charts, looked at in a browser: what they say, where, and how large their marks are. */
import { describe, expect, it } from "vitest";
import { drawChart } from "../../charts/draw.ts";
import type { BarsSpec, LinesSpec } from "../../charts/spec.ts";
import { type Box, expectLegible, useBrowser } from "./look.ts";

const { look } = useBrowser();

const spread = (median: number) => ({ median, lowest: median * 0.5, highest: median * 2 });
const FIRST_BLUE = "#0072b2";

function bars(
  categories: string[],
  value: BarsSpec["value"] = { name: "time a step", unit: "ms" },
): BarsSpec {
  return {
    kind: "bars",
    title: "Training steps",
    categories,
    value,
    series: [
      { name: "wgrad", values: categories.map((_, i) => spread(10 * (i + 1))) },
      { name: "a < b & c", values: categories.map((_, i) => (i === 1 ? undefined : 50)) },
    ],
  };
}

describe("bars", () => {
  it("stand in proportion, under their values, with whiskers", async () => {
    const seen = await look(drawChart(bars(["small", "middle", "large"]), "Some GPU\nSome machine"));
    expectLegible(seen);
    const words = seen.texts.map(({ text }) => text);
    const expected = [
      "Training steps",
      "Some GPU",
      "Some machine",
      "time a step (ms)",
      "small",
      "middle",
      "large",
    ];
    expect(words).toEqual(
      expect.arrayContaining([...expected, "wgrad", "a < b & c", "10.0", "20.0", "30.0", "50.0"]),
    );
    const blue = seen.shapes
      .filter(({ fill, width }) => fill === FIRST_BLUE && width > 30)
      .map(({ height }) => height);
    expect(blue).toHaveLength(3);
    expect(blue[1] / blue[0]).toBeCloseTo(2, 1);
    expect(blue[2] / blue[0]).toBeCloseTo(3, 1);
    // From half to twice the value: one and a half bars long.
    const whiskers = seen.shapes.filter(
      ({ stroke, width, height }) => stroke === "#222222" && width < 3 && height > 3,
    );
    const lengths = whiskers.map(({ height }) => height).sort((a, b) => a - b);
    expect(lengths.some((length) => Math.abs(length / blue[0] - 1.5) < 0.1)).toBe(true);
    expect(lengths.some((length) => Math.abs(length / blue[2] - 1.5) < 0.05)).toBe(true);
    const [paper] = seen.shapes;
    expect(paper).toMatchObject({ fill: "#ffffff", width: seen.size.width, height: seen.size.height });
  });

  it("lie where the names of the categories are long", async () => {
    const names = Array.from(
      { length: 12 },
      (_, i) => `matmul NT ${(i + 1) * 100} × 1024 × 1024, split in ${i}`,
    );
    const seen = await look(drawChart(bars(names), "Some GPU"));
    expectLegible(seen);
    expect(seen.texts.map(({ text }) => text)).toEqual(
      expect.arrayContaining([...names, "time a step (ms)", "120"]),
    );
    const blue = seen.shapes
      .filter(({ fill, height }) => fill === FIRST_BLUE && height > 10)
      .map(({ width }) => width);
    expect(Math.max(...blue) / Math.min(...blue.filter((width) => width > 1))).toBeGreaterThan(3);
  });

  it("stand on a logarithmic axis, too", async () => {
    const spec = bars(["small", "large"], { name: "time", unit: "µs", log: true });
    const seen = await look(drawChart(spec, ""));
    expectLegible(seen);
    expect(seen.texts.map(({ text }) => text)).toEqual(
      expect.arrayContaining(["1", "10", "100", "time (µs)"]),
    );
  });
});

describe("lines", () => {
  const spec: LinesSpec = {
    kind: "lines",
    title: "As it grows",
    x: { name: "size", log: true, base: 2 },
    y: { name: "time", unit: "s", log: true },
    series: ["batch", "width"].map((name, s) => ({
      name,
      points: [1, 2, 4, 8].map((x) => ({ x, y: spread(10 ** s * x) })),
    })),
  };

  it("run straight between logarithmic axes where one quantity is in proportion to the other", async () => {
    const seen = await look(drawChart(spec, "Some GPU"));
    expectLegible(seen);
    const words = seen.texts.map(({ text }) => text);
    expect(words).toEqual(
      expect.arrayContaining(["size", "time (s)", "1", "2", "4", "8", "10", "100", "batch", "width"]),
    );
    const lines = seen.shapes.filter(
      ({ stroke, width, fill }) => stroke === FIRST_BLUE && width > 300 && fill === "none",
    );
    expect(lines).toHaveLength(1);
    const [line] = lines;
    const at = (text: string) => seen.texts[words.indexOf(text)];
    const decade = at("10").y - at("100").y;
    // Eight times as much: log10(8) of a decade, and from the middle of one number to that of the other.
    expect(Math.abs(line.height - decade * Math.log10(8))).toBeLessThan(4);
    const middle = ({ x, width }: Box) => x + width / 2;
    expect(Math.abs(line.x + line.width - middle(at("8")))).toBeLessThan(4);
    expect(Math.abs(line.width - 3 * (middle(at("4")) - middle(at("2"))))).toBeLessThan(4);
  });

  it("are a picture, with a name, the same each time", async () => {
    const titled = { ...spec, title: "a < b & $1" };
    const svg = drawChart(titled, "");
    expect(svg).toMatch(/^<svg role="img" [^>]*>\n<title>a &lt; b &amp; \$1<\/title>/);
    expect(svg).not.toMatch(/<style|class=|<script/);
    expect(drawChart(titled, "")).toBe(svg);
    expectLegible(await look(svg));
  });

  it("run between even axes, too", async () => {
    const even = { ...spec, x: { name: "t" }, y: { name: "error", unit: "%" } };
    const seen = await look(drawChart(even, ""));
    expectLegible(seen);
    expect(seen.texts.map(({ text }) => text)).toEqual(expect.arrayContaining(["0", "error (%)", "t"]));
  });
});

describe("what cannot be drawn is refused", () => {
  const one = (value: number): BarsSpec => ({ ...bars(["a"]), series: [{ name: "s", values: [value] }] });
  it.each([
    ["NaN", one(Number.NaN), /chart "Training steps": time a step is NaN; expected finite numbers$/],
    ["infinity", one(Number.POSITIVE_INFINITY), /is Infinity/],
    [
      "zero on a logarithmic axis",
      { ...one(0), value: { name: "time", log: true } },
      /time is 0; expected finite numbers above 0/,
    ],
    ["nothing", { ...bars(["a"]), series: [{ name: "s", values: [undefined] }] }, /nothing to draw/],
  ])("%s", (_name, spec, message) => {
    expect(() => drawChart(spec as BarsSpec, "")).toThrow(message);
  });
});

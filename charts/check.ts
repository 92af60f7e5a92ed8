/** Checks of charts. */
import { numbersOf } from "./axes.ts";
import type { Axis, BoundariesSpec, ChartSpec, HeatMapSpec, PicturesSpec, Value } from "./spec.ts";

/**
 * @throws RangeError for a chart that cannot be drawn: nothing, NaN, what has no logarithm, what has not the size it
 *   says, or a text that no chart may hold
 */
export function checkChart(spec: ChartSpec): void {
  checkTexts(spec.title, spec);
  if (spec.kind === "pictures") {
    checkPictures(spec);
    return;
  }
  if (spec.kind === "boundaries") {
    checkBoundaries(spec);
    return;
  }
  if (spec.kind === "heatMap") checkCells(spec);
  for (const [axis, values] of axesOf(spec)) checkNumbers(spec.title, axis, numbersOf(values));
}

/** ECharts keeps texts as keys of plain objects, in which this one is the prototype of all objects. */
const NO_TEXT = "__proto__";

/** @throws RangeError where a text among the values, at any depth, holds the name of a prototype */
export function checkTexts(title: string, value: unknown): void {
  if (typeof value === "string" && value.includes(NO_TEXT))
    throw new RangeError(
      `chart: a text of "${title}" holds ${NO_TEXT}, which charts cannot show; write another`,
    );
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value)) return;
  for (const inner of Object.values(value)) checkTexts(title, inner);
}

function axesOf(
  spec: Exclude<ChartSpec, PicturesSpec | BoundariesSpec>,
): [Axis, readonly (Value | undefined)[]][] {
  switch (spec.kind) {
    case "bars":
      return [[spec.value, spec.series.flatMap(({ values }) => values)]];
    case "lines": {
      const points = spec.series.flatMap((one) => one.points);
      return [
        [spec.x, points.map(({ x }) => x)],
        [spec.y, points.map(({ y }) => y)],
      ];
    }
    case "heatMap":
      return [[spec.value, spec.cells.flat()]];
  }
}

function checkNumbers(title: string, { name, log }: Axis, numbers: readonly number[]): void {
  if (numbers.length === 0) throw new RangeError(`chart "${title}": there is nothing to draw`);
  const wrong = numbers.find((value) => !Number.isFinite(value) || (log && !(value > 0)));
  if (wrong === undefined) return;
  const expected = log ? "finite numbers above 0, for a logarithmic axis" : "finite numbers";
  throw new RangeError(`chart "${title}": ${name} is ${wrong}; expected ${expected}`);
}

function checkCells({ title, x, y, cells }: HeatMapSpec): void {
  const wrong = cells.find((row) => row.length !== x.labels.length);
  if (cells.length === y.labels.length && !wrong) return;
  const given = wrong ? `a row of ${wrong.length} cells` : `${cells.length} rows`;
  throw new RangeError(
    `chart "${title}": ${given}; expected ${y.labels.length} rows of ${x.labels.length} cells, one for each label`,
  );
}

function checkBoundaries({ title, panels }: BoundariesSpec): void {
  if (panels.length === 0) throw new RangeError(`chart "${title}": there is nothing to draw`);
  for (const { caption, field, columns, rows, points } of panels) {
    if (columns < 2 || rows < 2 || field.length !== columns * rows) {
      throw new RangeError(
        `chart "${title}": ${caption}: ${field.length} values for a grid of ${columns} × ${rows}; expected a value for each point, and 2 × 2 points at least`,
      );
    }
    const wrong = [...Array.from(field), ...points.flatMap(({ x, y }) => [x, y])].find(
      (value) => !Number.isFinite(value),
    );
    if (wrong !== undefined)
      throw new RangeError(`chart "${title}": ${caption}: a value is ${wrong}; expected finite numbers`);
  }
}

export function checkPictures({ title, rows }: Omit<PicturesSpec, "kind">): void {
  const pictures = rows.flatMap((row) => row.pictures);
  if (pictures.length === 0) throw new RangeError(`chart "${title}": there is nothing to draw`);
  for (const { pixels, width, height, channels } of pictures) {
    if (pixels.length === width * height * channels && pixels.length > 0) continue;
    throw new RangeError(
      `chart "${title}": a picture of ${width} × ${height} with ${channels} ${channels === 1 ? "channel" : "channels"} has ${pixels.length} bytes; expected ${width * height * channels}`,
    );
  }
}

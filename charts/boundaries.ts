/** Decisions of classifiers over a plane: the field as colours, the line between the decisions, samples on top. */
import type { CustomSeriesOption, SeriesOption } from "echarts";
import { titleOf } from "./axes.ts";
import { contour } from "./contour.ts";
import { type Diagram, legendOf } from "./diagram.ts";
import { plain } from "./numbers.ts";
import { pngUrl } from "./png.ts";
import type { BoundariesSpec, BoundaryPanel, PlaneAxis } from "./spec.ts";
import { AXIS_LINE, AXIS_NAME, colourOf, INK, LABEL, PAPER, SYMBOLS, TOP } from "./style.ts";

/** Sizes of each of many panels, and of a single one. */
const SMALL = { width: 270, height: 240 };
const LARGE = { width: 520, height: 400 };
const GAP = { across: 70, down: 92 };
const PER_ROW = 3;
const LEFT = 64;
const RIGHT = 30;
const BOTTOM = 104;
/** Class 0 and class 1, paler than the samples on top of them. */
const FIELD = [
  [0x9c, 0xcb, 0xe6],
  [0xf6, 0xc0, 0x92],
] as const;
const BETWEEN = [0xff, 0xff, 0xff] as const;

export function boundaries({ x, y, classes, panels }: BoundariesSpec): Diagram {
  const size = panels.length > 1 ? SMALL : LARGE;
  const acrossCount = Math.min(PER_ROW, panels.length);
  const downCount = Math.ceil(panels.length / PER_ROW);
  const places = panels.map((_, i) => ({
    left: LEFT + (i % PER_ROW) * (size.width + GAP.across),
    top: TOP + 16 + Math.floor(i / PER_ROW) * (size.height + GAP.down),
  }));
  const diagramWidth = LEFT + acrossCount * size.width + (acrossCount - 1) * GAP.across + RIGHT;
  const width = Math.max(640, diagramWidth);
  const axis = (plane: PlaneAxis, i: number, nameGap: number) => ({
    type: "value" as const,
    gridIndex: i,
    min: plane.from,
    max: plane.to,
    name: titleOf(plane),
    nameLocation: "middle" as const,
    nameTextStyle: AXIS_NAME,
    nameGap,
    axisLine: { ...AXIS_LINE, onZero: false },
    splitLine: { show: false },
    axisLabel: { ...LABEL, formatter: plain },
  });
  return {
    width,
    height: TOP + 16 + downCount * size.height + (downCount - 1) * GAP.down + BOTTOM,
    option: {
      ...legendOf(
        classes.map((name) => ({ name })),
        width,
      ).option,
      grid: places.map((place) => ({ ...place, ...size })),
      xAxis: panels.map((_, i) => axis(x, i, 28)),
      yAxis: panels.map((_, i) => axis(y, i, 38)),
      series: panels.flatMap((panel, i) => drawnPanel(panel, i, classes, x, y)),
    },
    titles: panels.map(({ caption }, i) => ({
      text: caption,
      left: places[i].left + size.width / 2,
      top: places[i].top - 28,
      textAlign: "center",
      textStyle: { fontSize: 13, fontWeight: "bold", color: INK },
    })),
  };
}

function drawnPanel(
  panel: BoundaryPanel,
  index: number,
  classes: readonly [string, string],
  x: PlaneAxis,
  y: PlaneAxis,
): SeriesOption[] {
  const axes = { xAxisIndex: index, yAxisIndex: index };
  return [
    { ...field(panel, x, y), ...axes },
    ...classes.map(
      (name, label): SeriesOption => ({
        type: "scatter",
        name,
        ...axes,
        data: panel.points.filter((point) => point.label === label).map((point) => [point.x, point.y]),
        symbol: SYMBOLS[label],
        symbolSize: panel.points.length > 50 ? 7 : 14,
        color: colourOf(label),
        itemStyle: { borderColor: PAPER, borderWidth: 1 },
        z: 4,
      }),
    ),
  ];
}

/** The field as a picture behind the panel, and the line where it is ½. */
function field(panel: BoundaryPanel, x: PlaneAxis, y: PlaneAxis): CustomSeriesOption {
  const image = fieldPicture(panel);
  const line = contour(panel.field, panel.columns, panel.rows, 0.5);
  return {
    type: "custom",
    data: [[x.from, y.from]],
    silent: true,
    z: 1,
    renderItem: (_params, api) => {
      const [left, top] = api.coord([x.from, y.to]);
      const [right, bottom] = api.coord([x.to, y.from]);
      // Grid points sit in the middle of their pixels, the outermost on the ends of the axes.
      const cell = { width: (right - left) / (panel.columns - 1), height: (bottom - top) / (panel.rows - 1) };
      const at = (u: number, v: number) =>
        `${(left + u * cell.width).toFixed(1)} ${(bottom - v * cell.height).toFixed(1)}`;
      return {
        type: "group",
        clipPath: { type: "rect", shape: { x: left, y: top, width: right - left, height: bottom - top } },
        children: [
          {
            type: "image",
            style: {
              image,
              x: left - cell.width / 2,
              y: top - cell.height / 2,
              width: right - left + cell.width,
              height: bottom - top + cell.height,
            },
          },
          ...(line.length === 0
            ? []
            : [
                {
                  type: "path" as const,
                  shape: { pathData: line.map(([a, b, c, d]) => `M${at(a, b)}L${at(c, d)}`).join("") },
                  style: { stroke: INK, lineWidth: 2, fill: "none" },
                },
              ]),
        ],
      };
    },
  };
}

function fieldPicture({ field, columns, rows }: BoundaryPanel): string {
  const pixels = new Uint8Array(columns * rows * 3);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const sure = Math.min(1, Math.max(0, field[row * columns + column]));
      const [dark, part] = sure < 0.5 ? [FIELD[0], 1 - 2 * sure] : [FIELD[1], 2 * sure - 1];
      for (let channel = 0; channel < 3; channel++) {
        const value = BETWEEN[channel] + part * (dark[channel] - BETWEEN[channel]);
        pixels[((rows - 1 - row) * columns + column) * 3 + channel] = Math.round(value);
      }
    }
  }
  return pngUrl(pixels, columns, rows, 3);
}

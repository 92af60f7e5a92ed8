/** Numbers in cells, coloured by size, with a colour bar beside. */
import { titleOf } from "./axes.ts";
import { type Diagram, textWidth } from "./diagram.ts";
import { significant } from "./numbers.ts";
import type { CategoryAxis, HeatMapSpec } from "./spec.ts";
import { AXIS_LINE, AXIS_NAME, INK, LABEL, LEFT, PAPER, TOP } from "./style.ts";

/** From little to much, dark to light; the lightness alone tells it, too (after viridis). */
const SCALE = ["#440154", "#414487", "#2a788e", "#22a884", "#7ad151", "#fde725"];
/** From here on, as a part of the scale, letters in a cell are dark. */
const LIGHT_FROM = 0.55;
const NOTHING = "#e8e8e8";
const CELL = { width: 92, height: 46, narrowest: 480 };
/** For the colour bar, at the right. */
const BAR = { width: 16, height: 180, leastRoom: 130, margin: 16 };
const BOTTOM = 64;

export function heatMap(spec: HeatMapSpec): Diagram {
  const { x, y, value, cells, missing = "", format = significant } = spec;
  const numbers = cells.flat().filter((one) => one !== undefined);
  const from = value.from ?? Math.min(...numbers);
  const to = value.to ?? Math.max(...numbers);
  const left = Math.max(LEFT, 40 + 8 * Math.max(...y.labels.map(({ length }) => length)));
  const room = Math.max(BAR.leastRoom, textWidth(titleOf(value), AXIS_NAME.fontSize) + 2 * BAR.margin);
  const width = Math.max(CELL.narrowest, x.labels.length * CELL.width);
  const height = y.labels.length * CELL.height;
  const data = cells.flatMap((row, j) =>
    row.map((cell, i) => ({
      // A number beyond the colour bar has the colour of its end.
      value: [i, j, cell === undefined ? "-" : Math.min(to, Math.max(from, cell))],
      ...(cell === undefined
        ? {}
        : { label: { color: inkOn(cell, from, to), formatter: () => format(cell) } }),
    })),
  );
  const holes = cells.flatMap((row, j) => row.flatMap((cell, i) => (cell === undefined ? [[i, j, 0]] : [])));
  return {
    width: left + width + room,
    height: TOP + Math.max(height, BAR.height + 40) + BOTTOM,
    option: {
      grid: { left, right: room, top: TOP, bottom: BOTTOM },
      xAxis: { ...categories(x), nameGap: 30 },
      yAxis: { ...categories(y), nameGap: left - 24 },
      visualMap: {
        type: "continuous",
        seriesIndex: 0,
        min: from,
        max: to > from ? to : from + 1,
        inRange: { color: SCALE },
        orient: "vertical",
        left: left + width + BAR.margin + 10,
        top: TOP + 22,
        itemWidth: BAR.width,
        itemHeight: BAR.height,
        text: [
          `${Math.max(...numbers) > to ? "≥ " : ""}${format(to)}`,
          `${Math.min(...numbers) < from ? "≤ " : ""}${format(from)}`,
        ],
        textStyle: LABEL,
        calculable: false,
      },
      series: [
        {
          type: "heatmap",
          data,
          label: { show: true, fontSize: 12 },
          itemStyle: { borderColor: PAPER, borderWidth: 1 },
        },
        {
          type: "custom",
          data: holes,
          silent: true,
          renderItem: (_params, api) => {
            const [cx, cy] = api.coord([api.value(0), api.value(1)]);
            const [w, h] = [api.size?.([1, 1]) ?? 0].flat();
            return {
              type: "group",
              children: [
                {
                  type: "rect",
                  shape: { x: cx - w / 2, y: cy - h / 2, width: w, height: h },
                  style: { fill: NOTHING, stroke: PAPER },
                },
                {
                  type: "text",
                  style: {
                    text: missing,
                    x: cx,
                    y: cy,
                    align: "center",
                    verticalAlign: "middle",
                    fill: INK,
                    fontSize: 12,
                  },
                },
              ],
            };
          },
        },
      ],
    },
    // The name of the colours' quantity stands above their bar.
    titles: [
      {
        text: titleOf(value),
        left: left + width + BAR.margin - 5,
        top: TOP - 8,
        textStyle: { ...AXIS_NAME, fontWeight: "normal" },
      },
    ],
  };
}

function inkOn(cell: number, from: number, to: number): string {
  return (cell - from) / (to - from || 1) < LIGHT_FROM ? PAPER : INK;
}

function categories(axis: CategoryAxis) {
  return {
    type: "category" as const,
    data: [...axis.labels],
    name: titleOf(axis),
    nameLocation: "middle" as const,
    nameTextStyle: AXIS_NAME,
    axisLine: AXIS_LINE,
    axisTick: { show: false },
    axisLabel: { ...LABEL, interval: 0 },
    splitArea: { show: false },
  };
}

/** Grouped bars, standing or lying, each with its value. */
import type { SeriesOption } from "echarts";
import { numbersOf, referenceLines, spreadOf, valueAxis } from "./axes.ts";
import { type Diagram, legendOf } from "./diagram.ts";
import type { BarsSpec } from "./spec.ts";
import {
  AXIS_LINE,
  CHARACTER_WIDTH,
  colourOf,
  HEIGHT,
  INK,
  LABEL,
  LEFT,
  RIGHT,
  TOP,
  WIDTH,
} from "./style.ts";
import { type RenderApi, whiskers } from "./whiskers.ts";

/** Height of lying bars, with the space between them. */
const BAR_HEIGHT = 20;
const CATEGORY_GAP = 14;

export function bars(spec: BarsSpec): Diagram {
  const { categories, value, series, references = [] } = spec;
  const lying = namesNeedRoom(spec);
  const across = referenceLines(references, lying ? "xAxis" : "yAxis");
  const drawn: SeriesOption[] = series.flatMap(({ name, values }, index): SeriesOption[] => [
    {
      type: "bar",
      name,
      data: values.map((one) => (one === undefined ? null : spreadOf(one).median)),
      color: colourOf(index),
      ...(index === 0 ? across.series : {}),
    },
    whiskers(
      values.flatMap((one, category) => (one === undefined ? [] : [[category, spreadOf(one)] as const])),
      {
        colour: INK,
        labelled: true,
        halo: references.length > 0,
        lying,
        shift: barCentre(index, series.length),
      },
    ),
  ]);
  const categoryAxis = {
    type: "category" as const,
    data: [...categories],
    axisLine: AXIS_LINE,
    axisTick: { show: false },
    axisLabel: { ...LABEL, interval: 0 },
    // As in a table: the first on top.
    inverse: lying,
  };
  const numbers = [
    ...numbersOf(series.flatMap(({ values }) => values)),
    ...references.map((reference) => reference.value),
  ];
  const measured = { ...valueAxis(value, numbers), nameGap: lying ? 30 : 56 };
  const legend = legendOf(series.map(({ name }) => ({ name })));
  const bottom = (series.length > 1 ? 44 : 14) + (lying ? 60 : 40) + legend.furtherRows;
  return {
    width: WIDTH,
    height: (lying ? lyingHeight(spec) : HEIGHT) + legend.furtherRows,
    option: {
      ...legend.option,
      grid: {
        left: lying ? nameWidth(spec) + 30 : LEFT,
        right: lying ? 70 : Math.max(RIGHT, across.room),
        top: TOP,
        bottom,
      },
      xAxis: lying ? measured : categoryAxis,
      yAxis: lying ? categoryAxis : measured,
      series: drawn,
    },
  };
}

function nameWidth({ categories }: BarsSpec): number {
  return Math.max(...categories.map((category) => category.length)) * CHARACTER_WIDTH;
}

function namesNeedRoom(spec: BarsSpec): boolean {
  const { categories, series } = spec;
  // A bar carries its value, too, in about six characters.
  const needed = Math.max(nameWidth(spec) + CATEGORY_GAP, series.length * 6 * CHARACTER_WIDTH);
  return needed * categories.length > WIDTH - LEFT - RIGHT;
}

function lyingHeight({ categories, series }: BarsSpec): number {
  return TOP + 104 + categories.length * (series.length * BAR_HEIGHT + CATEGORY_GAP);
}

/** Distance of a series' bar from the middle of its category. */
function barCentre(index: number, count: number): (api: RenderApi) => number {
  return (api) => api.barLayout?.({ count })?.[index]?.offsetCenter ?? 0;
}

/** Whiskers: lines from the lowest to the highest of repeated measurements, with their median written beside. */
import type { CustomSeriesOption } from "echarts";
import { type Spread, significant } from "./numbers.ts";
import { FONT, INK, PAPER } from "./style.ts";

/** Half the length of a whisker's ends, in pixels, and how far a label stays away. */
const CAP = 5;
const LABEL_GAP = 5;

type RenderItem = NonNullable<CustomSeriesOption["renderItem"]>;
export type RenderApi = Parameters<RenderItem>[1];

interface WhiskerStyle {
  readonly colour: string;
  /** Whether the median is written beyond the end. */
  readonly labelled: boolean;
  /** Whether paper surrounds the text, where lines may pass behind. */
  readonly halo?: boolean;
  /** Whether values run from left to right instead of upwards. */
  readonly lying: boolean;
  /** Offset of a whisker from its place, in pixels. */
  readonly shift: (api: RenderApi) => number;
}

/** Lines from the lowest to the highest of each spread, with ends; none where there is but one value. */
export function whiskers(
  spreads: readonly (readonly [number, Spread])[],
  style: WhiskerStyle,
): CustomSeriesOption {
  const { colour, labelled, halo = false, lying, shift } = style;
  return {
    type: "custom",
    data: spreads.map(([place, { lowest, highest, median }]) => [place, lowest, highest, median]),
    z: 5,
    silent: true,
    encode: lying ? { x: [1, 2], y: 0 } : { x: 0, y: [1, 2] },
    renderItem: (_params, api) => {
      const [place, lowest, highest, median] = [0, 1, 2, 3].map((column) => Number(api.value(column)));
      const at = (value: number) => {
        const [x, y] = api.coord(lying ? [value, place] : [place, value]);
        return lying ? { along: x, across: y + shift(api) } : { along: y, across: x + shift(api) };
      };
      const stroke = (along: [number, number], across: [number, number]) => {
        const [xs, ys] = lying ? [along, across] : [across, along];
        const shape = { x1: xs[0], y1: ys[0], x2: xs[1], y2: ys[1] };
        return { type: "line" as const, shape, style: { stroke: colour, lineWidth: 1.5 } };
      };
      const low = at(lowest);
      const high = at(highest);
      const across: [number, number] = [low.across, low.across];
      const end: [number, number] = [low.across - CAP, low.across + CAP];
      const whisker = [
        stroke([low.along, high.along], across),
        stroke([low.along, low.along], end),
        stroke([high.along, high.along], end),
      ];
      const text = {
        type: "text" as const,
        style: {
          text: significant(median),
          fill: INK,
          ...(halo ? { stroke: PAPER, lineWidth: 4 } : {}),
          font: `12px ${FONT}`,
          x: lying ? high.along + LABEL_GAP + 2 : high.across,
          y: lying ? high.across : high.along - LABEL_GAP,
          align: lying ? ("left" as const) : ("center" as const),
          verticalAlign: lying ? ("middle" as const) : ("bottom" as const),
        },
      };
      return { type: "group", children: [...(lowest < highest ? whisker : []), ...(labelled ? [text] : [])] };
    },
  };
}

/** The surfaces and who races on them, as plain data; their formulas are in formulas.ts. Nothing here needs the library. */

export interface Point {
  readonly x: number;
  readonly y: number;
}

export const RACERS = {
  sgd: "SGD",
  momentum: "Momentum 0.9",
  nesterov: "Nesterov 0.9",
  rmsprop: "RMSProp",
  adam: "Adam",
} as const;
export type RacerName = keyof typeof RACERS;
export const RACER_NAMES = Object.keys(RACERS) as readonly RacerName[];
type Rates = Readonly<Record<RacerName, number>>;

export interface Surface {
  readonly label: string;
  /** The formula as people write it. */
  readonly formula: string;
  /** The feature to watch. */
  readonly about: string;
  /** The part that is shown: from, to. */
  readonly x: readonly [number, number];
  readonly y: readonly [number, number];
  readonly start: Point;
  /** The minima, where the loss is 0. */
  readonly minima: readonly Point[];
  /** Learning rates that serve here: of 1, 2 and 5 times a power of ten. */
  readonly rates: Rates;
}

export const SURFACES = {
  valley: {
    label: "A narrow valley",
    formula: "0.05 w₁² + 2.5 w₂²",
    about:
      "The walls are fifty times as steep as the floor. Plain SGD must take steps small enough for the walls, and crawls along the floor. Give it a rate above 0.4 and it climbs out.",
    x: [-10, 10],
    y: [-3, 3],
    start: { x: -8, y: 1.5 },
    minima: [{ x: 0, y: 0 }],
    rates: { sgd: 0.2, momentum: 0.1, nesterov: 0.1, rmsprop: 0.1, adam: 0.2 },
  },
  rosenbrock: {
    label: "Rosenbrock's banana",
    formula: "(1 − w₁)² + 100 (w₂ − w₁²)²",
    about:
      "The way into the bent valley is short; the way along its almost flat floor to the minimum is long. An optimizer that has gathered speed arrives first.",
    x: [-2, 2],
    y: [-1, 3],
    start: { x: -1.2, y: 1 },
    minima: [{ x: 1, y: 1 }],
    rates: { sgd: 0.002, momentum: 0.002, nesterov: 0.001, rmsprop: 0.005, adam: 0.1 },
  },
  himmelblau: {
    label: "Himmelblau's four pits",
    formula: "(w₁² + w₂ − 11)² + (w₁ + w₂² − 7)²",
    about:
      "Four minima, all equally deep. The start and the optimizer decide which one is found: move the start a little, and see who changes course.",
    x: [-5, 5],
    y: [-5, 5],
    start: { x: -0.25, y: 0.5 },
    minima: [
      { x: 3, y: 2 },
      { x: -2.805118, y: 3.131313 },
      { x: -3.77931, y: -3.283186 },
      { x: 3.584428, y: -1.848127 },
    ],
    rates: { sgd: 0.01, momentum: 0.01, nesterov: 0.005, rmsprop: 0.05, adam: 0.2 },
  },
  saddle: {
    label: "A saddle",
    formula: "½ w₁² + ¼ (w₂² − 1)²",
    about:
      "At (0, 0) the slope is zero, but the point is no minimum. From a start close to w₂ = 0, all optimizers go there first; they differ in how soon they leave. From exactly 0, none can leave.",
    x: [-2, 2],
    y: [-1.5, 1.5],
    start: { x: -1.8, y: 0.001 },
    minima: [
      { x: 0, y: 1 },
      { x: 0, y: -1 },
    ],
    rates: { sgd: 0.2, momentum: 0.1, nesterov: 0.1, rmsprop: 0.02, adam: 0.1 },
  },
} as const satisfies Record<string, Surface>;
export type SurfaceName = keyof typeof SURFACES;
export const SURFACE_NAMES = Object.keys(SURFACES) as readonly SurfaceName[];

export function surfaceOf(name: SurfaceName): Surface {
  return SURFACES[name];
}

/** Whether a place is on the part of the surface that is shown. */
export function isShown({ x, y }: Surface, place: Point): boolean {
  return place.x >= x[0] && place.x <= x[1] && place.y >= y[0] && place.y <= y[1];
}

export interface RaceSettings {
  readonly surface: SurfaceName;
  readonly start: Point;
  readonly rates: Rates;
}

/** The most steps of one call, and of a race. */
export const LONGEST_LEAP = 100;
export const MOST_STEPS = 2000;
/** Within this of the minimum's loss, which is 0, a racer has arrived. */
export const ARRIVED = 1e-3;

/** One racer's way: element s is after s steps. All are finite: where it diverges, the way ends. */
export interface Trail {
  readonly x: readonly number[];
  readonly y: readonly number[];
  readonly loss: readonly number[];
  /** Whether the numbers after the last became too large to compute with. */
  readonly diverged: boolean;
}

/** After how many steps the racer first was within {@link ARRIVED} of the minimum; undefined while it never was. */
export function stepsToArrive({ loss }: Trail): number | undefined {
  const found = loss.findIndex((one) => one < ARRIVED);
  return found < 0 ? undefined : found;
}

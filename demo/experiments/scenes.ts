/**
 * Generated landscapes with their colours: sky, sun, clouds, sea or meadow, hills, houses and trees. Grey alone does not
 * tell what is what: sky, meadow and roofs can be equally dark. Where it stands, what shape it has and what is beside it
 * do.
 */
import { init } from "wgrad";

/** Pixels on a side. */
export const SIDE = 32;

/** Red, green and blue, from 0 to 1. */
type Colour = readonly [number, number, number];

const DRAWS = 64;

/** Numbers from 0 to 1, one after the other. */
class Draws {
  #next = 0;
  constructor(readonly values: Float32Array) {}

  between(low: number, high: number): number {
    return low + (high - low) * this.values[this.#next++ % this.values.length];
  }

  chance(part: number): boolean {
    return this.between(0, 1) < part;
  }
}

/** A picture that shapes are painted on, one over the other. */
class Canvas {
  /** Channel by channel, row by row from the top. */
  readonly pixels = new Float32Array(3 * SIDE * SIDE);

  /** Paints each pixel where `inside` says so, in the colour for its row. */
  paint(inside: (x: number, y: number) => boolean, colour: (y: number) => Colour): void {
    for (let y = 0; y < SIDE; y++) {
      const shade = colour(y);
      for (let x = 0; x < SIDE; x++) {
        if (!inside(x, y)) continue;
        for (let channel = 0; channel < 3; channel++)
          this.pixels[(channel * SIDE + y) * SIDE + x] = Math.min(1, Math.max(0, shade[channel]));
      }
    }
  }
}

/** Scene number `index` of a seed: [3, SIDE, SIDE], from 0 to 1. */
export function scene(seed: number, index: number): Float32Array {
  const draws = new Draws(init.uniform(0, 1)([DRAWS], { seed, stream: index }));
  const canvas = new Canvas();
  const horizon = Math.round(draws.between(12, 20));
  const light = draws.between(0.75, 1.1);
  sky(canvas, draws, horizon, light);
  const sea = draws.chance(0.5);
  const land = lit(sea ? [0.1, 0.32, 0.55] : [0.33, 0.58, 0.2], light);
  canvas.paint(
    (_, y) => y >= horizon,
    (y) => shaded(land, 1.15 - (0.4 * (y - horizon)) / (SIDE - horizon)),
  );
  if (sea) ship(canvas, draws, horizon);
  else {
    hill(canvas, draws, horizon, light);
    for (let i = 0; i < 2; i++) if (draws.chance(0.7)) house(canvas, draws, horizon, light);
    for (let i = 0; i < 3; i++) if (draws.chance(0.7)) tree(canvas, draws, horizon, light);
  }
  return canvas.pixels;
}

function sky(canvas: Canvas, draws: Draws, horizon: number, light: number): void {
  // Brighter towards the horizon.
  const blue = lit([0.38, 0.6, 0.9], light);
  canvas.paint(
    (_, y) => y < horizon,
    (y) => shaded(blue, 0.8 + (0.35 * y) / horizon),
  );
  if (draws.chance(0.7)) {
    const [cx, cy, r] = [draws.between(3, 29), draws.between(3, horizon - 5), draws.between(2, 3.5)];
    canvas.paint(disc(cx, cy, r, r), () => [1, 0.87, 0.25]);
  }
  for (let i = 0; i < 2; i++) {
    const [cx, cy] = [draws.between(2, 30), draws.between(2, horizon - 4)];
    canvas.paint(disc(cx, cy, draws.between(3, 6), draws.between(1, 2)), () => [0.95, 0.95, 0.97]);
  }
}

function hill(canvas: Canvas, draws: Draws, horizon: number, light: number): void {
  const [cx, width, height] = [draws.between(4, 28), draws.between(8, 16), draws.between(3, 7)];
  const green = lit([0.22, 0.42, 0.24], light);
  canvas.paint(
    (x, y) => y < horizon && y > horizon - height * (1 - ((x - cx) / width) ** 2),
    () => green,
  );
}

function house(canvas: Canvas, draws: Draws, horizon: number, light: number): void {
  const left = Math.round(draws.between(2, 24));
  const bottom = Math.round(draws.between(horizon + 3, SIDE - 3));
  const [width, height] = [6, 5];
  const top = bottom - height;
  const wall = lit([0.88, 0.8, 0.66], light);
  const roof = lit([0.7, 0.2, 0.14], light);
  canvas.paint(
    (x, y) => x >= left && x < left + width && y >= top && y < bottom,
    () => wall,
  );
  canvas.paint(
    (x, y) => y < top && y >= top - 4 && Math.abs(x - (left + width / 2 - 0.5)) <= y - top + 4.5,
    () => roof,
  );
  canvas.paint(
    (x, y) => x >= left + 2 && x < left + 4 && y >= bottom - 3 && y < bottom,
    () => lit([0.35, 0.2, 0.1], light),
  );
}

function tree(canvas: Canvas, draws: Draws, horizon: number, light: number): void {
  const cx = Math.round(draws.between(2, 30));
  const bottom = Math.round(draws.between(horizon + 2, SIDE - 1));
  const crown = draws.between(2, 3.5);
  canvas.paint(
    (x, y) => x === cx && y >= bottom - 4 && y < bottom,
    () => lit([0.4, 0.25, 0.12], light),
  );
  canvas.paint(disc(cx, bottom - 4 - crown / 2, crown, crown), () => lit([0.12, 0.36, 0.12], light));
}

function ship(canvas: Canvas, draws: Draws, horizon: number): void {
  const cx = Math.round(draws.between(6, 26));
  const y0 = Math.round(draws.between(horizon + 1, SIDE - 6));
  canvas.paint(
    (x, y) => y >= y0 && y < y0 + 2 && Math.abs(x - cx) <= 4 - (y - y0),
    () => [0.55, 0.16, 0.12],
  );
  canvas.paint(
    (x, y) => y < y0 && y >= y0 - 6 && x > cx - 1 && x - cx <= (y - y0 + 7) / 2,
    () => [0.96, 0.94, 0.88],
  );
}

function disc(cx: number, cy: number, rx: number, ry: number): (x: number, y: number) => boolean {
  return (x, y) => ((x - cx) / rx) ** 2 + ((y - cy) / ry) ** 2 <= 1;
}

function lit(colour: Colour, light: number): Colour {
  return shaded(colour, light);
}

function shaded([red, green, blue]: Colour, factor: number): Colour {
  return [red * factor, green * factor, blue * factor];
}

/** Brightness of each pixel, [1, SIDE, SIDE] (Rec. 601), as a camera without colour would see it. */
export function greyOf(colours: Float32Array): Float32Array {
  const size = SIDE * SIDE;
  return Float32Array.from(
    { length: size },
    (_, i) => 0.299 * colours[i] + 0.587 * colours[size + i] + 0.114 * colours[2 * size + i],
  );
}

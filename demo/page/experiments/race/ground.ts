/** The map's ground: the loss of every pixel, computed and coloured where it does not hold up the page. */
import { compile, type Engine } from "wgrad";
import { type Bands, bandAt, bandsOf, shadeOf } from "./bands.ts";
import { FORMULAS } from "./formulas.ts";
import { type SurfaceName, surfaceOf } from "./surfaces.ts";

/** Red, green and blue, 0 to 255. */
type Color = readonly number[];

export interface GroundOptions {
  readonly surface: SurfaceName;
  /** Width in pixels. */
  readonly width: number;
  readonly height: number;
  /** Colours of the lowest band, of the highest band, and of contours. */
  readonly low: Color;
  readonly high: Color;
  readonly line: Color;
}

export interface Ground {
  readonly width: number;
  readonly height: number;
  /** Red, green, blue and opacity of each pixel, row by row from the top. */
  readonly pixels: Uint8ClampedArray<ArrayBuffer>;
  readonly bands: Bands;
}

/** The fraction of the line's own colour in a contour. */
const LINE = 0.45;

/** The loss at the middle of each pixel, row by row from the top. */
export async function losses(
  engine: Engine,
  surface: SurfaceName,
  width: number,
  height: number,
): Promise<Float32Array> {
  const { x, y } = surfaceOf(surface);
  const compiled = await compile(engine, { x: [1, width], y: [height, 1] }, (place) => ({
    loss: FORMULAS[surface](place.x, place.y),
  }));
  const { loss } = await compiled({
    x: Float32Array.from({ length: width }, (_, i) => x[0] + ((i + 0.5) / width) * (x[1] - x[0])),
    y: Float32Array.from({ length: height }, (_, i) => y[1] - ((i + 0.5) / height) * (y[1] - y[0])),
  });
  compiled.release();
  return loss as Float32Array;
}

export async function paintGround(engine: Engine, options: GroundOptions): Promise<Ground> {
  const { surface, width, height, low, high, line } = options;
  const loss = await losses(engine, surface, width, height);
  const bands = bandsOf(loss);
  const at = Uint8Array.from(loss, (one) => bandAt(bands, one));
  const colors = Array.from({ length: bands.count }, (_, k) => mixed(low, high, shadeOf(bands, k)));
  const edges = colors.map((color) => mixed(color, line, LINE));
  const pixels = new Uint8ClampedArray(4 * at.length);
  for (let i = 0; i < at.length; i++) {
    // A contour is where the pixel at the right or below is in another band.
    const right = (i + 1) % width > 0 && at[i + 1] !== at[i];
    const below = i + width < at.length && at[i + width] !== at[i];
    pixels.set(right || below ? edges[at[i]] : colors[at[i]], 4 * i);
    pixels[4 * i + 3] = 255;
  }
  return { width, height, pixels, bands };
}

function mixed(from: Color, to: Color, part: number): number[] {
  return from.map((value, i) => value + (to[i] - value) * part);
}

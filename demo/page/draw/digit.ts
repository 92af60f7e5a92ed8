/**
 * From strokes to an image as MNIST's were made (LeCun et al. 1998): scaled into 20 × 20 pixels, the proportions kept, and
 * moved so that its centre of mass is the centre of 28 × 28.
 */

interface Place {
  readonly x: number;
  readonly y: number;
}

/** The places that the pen went through. */
export type Stroke = readonly Place[];

export const SIDE = 28;
const BOX = 20;
/** MNIST's pens are about so wide, in pixels of the image. */
const PEN = 2.3;
/** A drawing is made larger at most so many times as the pad would be: a dot stays a dot. */
const MOST_GROWTH = 6;

/**
 * @param pad the side of the square that was drawn in, in the strokes' unit
 * @returns 28 × 28 pixels from 0 to 1, or undefined where nothing is drawn
 */
export function digitImage(strokes: readonly Stroke[], pad: number): Float32Array | undefined {
  const places = strokes.flat();
  if (places.length === 0) return undefined;
  const [left, right] = extent(places.map(({ x }) => x));
  const [top, bottom] = extent(places.map(({ y }) => y));
  const size = Math.max(right - left, bottom - top);
  const scale = Math.min((BOX - PEN) / size, (MOST_GROWTH * BOX) / pad);
  const moved = (dx: number, dy: number): Stroke[] =>
    strokes.map((stroke) =>
      stroke.map(({ x, y }) => ({
        x: (x - (left + right) / 2) * scale + SIDE / 2 + dx,
        y: (y - (top + bottom) / 2) * scale + SIDE / 2 + dy,
      })),
    );
  const centre = centreOfMass(rasterize(moved(0, 0)));
  return rasterize(moved(SIDE / 2 - centre.x, SIDE / 2 - centre.y));
}

/** The image's centre of mass, from the upper left corner. */
export function centreOfMass(image: ArrayLike<number>): Place {
  let [mass, x, y] = [0, 0, 0];
  for (let i = 0; i < image.length; i++) {
    mass += image[i];
    x += image[i] * ((i % SIDE) + 0.5);
    y += image[i] * (Math.floor(i / SIDE) + 0.5);
  }
  return { x: x / mass, y: y / mass };
}

/** The fraction of each pixel that the pen covers: 1 inside the line, falling to 0 over the pixel at the line's edge. */
function rasterize(strokes: readonly Stroke[]): Float32Array {
  const image = new Float32Array(SIDE * SIDE);
  const reach = PEN / 2 + 0.5;
  for (const stroke of strokes) {
    stroke.forEach((to, i) => {
      const from = stroke[Math.max(0, i - 1)];
      const [x0, x1] = pixels(Math.min(from.x, to.x) - reach, Math.max(from.x, to.x) + reach);
      const [y0, y1] = pixels(Math.min(from.y, to.y) - reach, Math.max(from.y, to.y) + reach);
      for (let y = y0; y < y1; y++) {
        for (let x = x0; x < x1; x++) {
          const covered = reach - distance({ x: x + 0.5, y: y + 0.5 }, from, to);
          const at = y * SIDE + x;
          image[at] = Math.max(image[at], Math.min(1, Math.max(0, covered)));
        }
      }
    });
  }
  return image;
}

/** The pixels between two places, those outside of the image left out. */
function pixels(from: number, to: number): [number, number] {
  return [Math.max(0, Math.floor(from)), Math.min(SIDE, Math.ceil(to))];
}

/** The distance of a place from the line between two others. */
function distance(place: Place, from: Place, to: Place): number {
  const [dx, dy] = [to.x - from.x, to.y - from.y];
  const length = dx * dx + dy * dy;
  const along = length > 0 ? ((place.x - from.x) * dx + (place.y - from.y) * dy) / length : 0;
  const nearest = Math.min(1, Math.max(0, along));
  return Math.hypot(place.x - from.x - nearest * dx, place.y - from.y - nearest * dy);
}

function extent(values: readonly number[]): [number, number] {
  return [values.reduce((a, b) => Math.min(a, b)), values.reduce((a, b) => Math.max(a, b))];
}

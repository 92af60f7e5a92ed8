/** Draws a pen's path on pixels with smooth edges, softens it, and adds noise. */
import type { PenPath } from "./handwriting.ts";

/** Side of the image in pixels. */
export const SIDE = 28;

/**
 * Draws the path with smooth edges.
 * @returns the ink of each pixel from 0 to 1, shape [28, 28]; pixel (row, column) has its centre at y = row, x = column
 */
export function rasterize({ x, y, radius, penDown }: PenPath): Float32Array {
  const ink = new Float32Array(SIDE * SIDE);
  for (let i = 1; i < x.length; i++) {
    if (penDown[i] === 0) continue;
    const width = (radius[i - 1] + radius[i]) / 2;
    line(ink, x[i - 1], y[i - 1], x[i], y[i], width);
  }
  return ink;
}

/** Draws one straight piece with round ends: full ink within the radius, fading over the pixel around it. */
function line(ink: Float32Array, x0: number, y0: number, x1: number, y1: number, radius: number): void {
  const reach = radius + 0.5;
  const firstColumn = Math.max(0, Math.ceil(Math.min(x0, x1) - reach));
  const lastColumn = Math.min(SIDE - 1, Math.floor(Math.max(x0, x1) + reach));
  const firstRow = Math.max(0, Math.ceil(Math.min(y0, y1) - reach));
  const lastRow = Math.min(SIDE - 1, Math.floor(Math.max(y0, y1) + reach));
  const dx = x1 - x0;
  const dy = y1 - y0;
  const lengthSquared = dx * dx + dy * dy || 1;
  for (let row = firstRow; row <= lastRow; row++) {
    for (let column = firstColumn; column <= lastColumn; column++) {
      const along = ((column - x0) * dx + (row - y0) * dy) / lengthSquared;
      const t = Math.min(1, Math.max(0, along));
      const offX = column - x0 - t * dx;
      const offY = row - y0 - t * dy;
      const here = reach - Math.sqrt(offX * offX + offY * offY);
      const pixel = row * SIDE + column;
      if (here > ink[pixel]) ink[pixel] = Math.min(1, here);
    }
  }
}

/** Softens the image: each pixel gives the fraction `amount` to each neighbour, first along rows, then along columns. */
export function blur(ink: Float32Array, amount: number): void {
  for (const step of [1, SIDE]) {
    let before = 0;
    for (let lane = 0; lane < SIDE; lane++) {
      const start = lane * (step === 1 ? SIDE : 1);
      before = 0;
      for (let i = 0; i < SIDE; i++) {
        const at = start + i * step;
        const here = ink[at];
        const after = i + 1 < SIDE ? ink[at + step] : 0;
        ink[at] = here + amount * (before + after - 2 * here);
        before = here;
      }
    }
  }
}

/**
 * Converts ink to bytes with noise, which is stronger on ink than on paper; paper stays mostly 0, as in MNIST.
 * @param noise a number in [0, 1) for each pixel
 */
export function develop(ink: Float32Array, noise: Float32Array, amount: number, out: Uint8Array): void {
  for (let i = 0; i < out.length; i++) {
    const here = ink[i];
    const value = here + amount * (noise[i] - 0.5) * (0.3 + here);
    out[i] = value < 0.04 ? 0 : value >= 1 ? 255 : Math.round(255 * value);
  }
}

/** Images of a data set as pictures of a chart. */
import type { Picture } from "../../../charts/spec.ts";

/** A grey image [height, width] of values from 0 to 1; values beyond are cut off. */
export function greyPicture(values: Float32Array, height: number, width: number): Picture {
  const pixels = Uint8Array.from(values, (value) => Math.round(255 * Math.min(1, Math.max(0, value))));
  return { pixels, width, height, channels: 1 };
}

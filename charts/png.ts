/** Pixels as they may stand in an SVG. */
import { encode } from "fast-png";

/** A PNG as a data URL. `pixels` are bytes, row by row from the top, `channels` a pixel: grey, RGB or RGBA. */
export function pngUrl(pixels: Uint8Array, width: number, height: number, channels: 1 | 3 | 4): string {
  const png = encode({ data: pixels, width, height, channels, depth: 8 });
  return `data:image/png;base64,${Buffer.from(png).toString("base64")}`;
}

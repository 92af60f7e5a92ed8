/** Which colour a loss has on the map: bands of half a decade, so that the bands' edges are the surface's contours. */
import { ARRIVED } from "./surfaces.ts";

const PER_DECADE = 2;

export interface Bands {
  /** The lower edge of the lowest, as a power of ten. All that is below has its colour. */
  readonly from: number;
  readonly count: number;
}

/** From the loss that counts as arrived to the map's largest. */
export function bandsOf(losses: ArrayLike<number>): Bands {
  let most = ARRIVED;
  for (let i = 0; i < losses.length; i++) most = Math.max(most, losses[i]);
  const from = Math.floor(Math.log10(ARRIVED));
  return { from, count: Math.ceil((Math.log10(most) - from) * PER_DECADE) };
}

/** The band that a loss is in. */
export function bandAt({ from, count }: Bands, loss: number): number {
  const band = loss > 0 ? Math.floor((Math.log10(loss) - from) * PER_DECADE) : 0;
  return Math.min(count - 1, Math.max(0, band));
}

/** The loss at the lower edge of a band. */
export function edgeOf({ from }: Bands, band: number): number {
  return 10 ** (from + band / PER_DECADE);
}

/** A band's position between the low colour and the high one, from 0 to 1. */
export function shadeOf({ count }: Bands, band: number): number {
  return count > 1 ? band / (count - 1) : 0;
}

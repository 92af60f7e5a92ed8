/** The image, drawn or chosen from the test images, and the network's reading of it. Both stay while other views are open. */
import { signal } from "@preact/signals";
import type { TestImage } from "../train/messages.ts";
import { read, testImage } from "../train/store.ts";
import { digitImage, type Stroke } from "./digit.ts";

/** The pad's side in its own unit: strokes do not depend on how large it is shown. */
export const PAD = 280;

export const strokes = signal<readonly Stroke[]>([]);
/** The test image chosen in place of a drawing. */
export const chosen = signal<TestImage | undefined>(undefined);
/** The network's input: 28 × 28 from 0 to 1. */
export const seen = signal<Float32Array | undefined>(undefined);

let reading = false;
let again = false;

/** Has the network read what there is; where it is at it, once more afterwards. */
async function look(image: Float32Array | undefined): Promise<void> {
  seen.value = image;
  if (reading) {
    again = true;
    return;
  }
  reading = true;
  do {
    again = false;
    // The run bar shows errors of the worker.
    await read(seen.value).catch(() => {});
  } while (again);
  reading = false;
}

export function draw(next: readonly Stroke[]): void {
  strokes.value = next;
  chosen.value = undefined;
  void look(digitImage(next, PAD));
}

export function undo(): void {
  draw(strokes.value.slice(0, -1));
}

/** @returns whether there are test images yet */
export async function choose(): Promise<boolean> {
  const found = await testImage();
  if (!found) return false;
  strokes.value = [];
  chosen.value = found;
  await look(Float32Array.from(found.image, (byte) => byte / 255));
  return true;
}

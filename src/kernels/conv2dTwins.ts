/** Convolution and its gradients in plain loops, for the CPU: the twins of all kernels that compute them. */
import type { Elements } from "../dtypes.ts";
import type { Constants } from "./kernel.ts";
import { inParts, pauses, stored, type TwinCall } from "./twin.ts";

/** y = conv(x, w): a = x, b = w. */
export function* forwardTwin(call: TwinCall) {
  const { constants: c, memory } = call;
  yield* accumulate(c.BATCH * c.FILTERS * c.OUT_H * c.OUT_W, call, (sums) =>
    forEachProduct(c, (x, w, y) => {
      sums[y] += padded(memory.a, x) * memory.b[w];
    }),
  );
}

/** Gradient of x: a = dy, b = w. */
export function* inputGradientTwin(call: TwinCall) {
  const { constants: c, memory } = call;
  yield* accumulate(c.BATCH * c.CHANNELS * c.H * c.W, call, (sums) =>
    forEachProduct(c, (x, w, y) => {
      if (x !== PADDING) sums[x] += memory.a[y] * memory.b[w];
    }),
  );
}

/** Gradient of w in SPLITS partial sums: a = x, b = dy. */
export function* weightGradientTwin(call: TwinCall) {
  const { constants: c, memory } = call;
  const size = (c.FILTERS * c.CHANNELS * c.KERNEL_H * c.KERNEL_W) / c.GROUPS;
  const share = Math.ceil((c.BATCH * c.OUT_H) / c.SPLITS);
  yield* accumulate(c.SPLITS * size, call, (sums) =>
    forEachProduct(c, (x, w, y, row) => {
      sums[Math.floor(row / share) * size + w] += padded(memory.a, x) * memory.b[y];
    }),
  );
  if (!c.SUMS) return;
  const totals = new Float64Array(c.SPLITS * c.FILTERS);
  yield* inParts(memory.b.length, (start, end) => {
    for (let y = start; y < end; y++) {
      const plane = Math.floor(y / (c.OUT_H * c.OUT_W));
      const row = Math.floor(plane / c.FILTERS) * c.OUT_H + (Math.floor(y / c.OUT_W) % c.OUT_H);
      totals[Math.floor(row / share) * c.FILTERS + (plane % c.FILTERS)] += memory.b[y];
    }
  });
  call.store.storeSum(0, totals);
}

/**
 * Calls `visit` for every product of the convolution, with the positions in x, w and y, images and output rows in
 * order; positions in the padding of x are {@link PADDING}. `row` counts output rows over all images.
 */
function* forEachProduct(c: Constants, visit: (x: number, w: number, y: number, row: number) => void) {
  const channels = c.CHANNELS / c.GROUPS;
  const filters = c.FILTERS / c.GROUPS;
  const pause = pauses();
  for (let row = 0; row < c.BATCH * c.OUT_H; row++) {
    const image = Math.floor(row / c.OUT_H);
    const outY = row % c.OUT_H;
    for (let filter = 0; filter < c.FILTERS; filter++) {
      if (pause(c.OUT_W * channels * c.KERNEL_H * c.KERNEL_W)) yield;
      const firstChannel = Math.floor(filter / filters) * channels;
      for (let outX = 0; outX < c.OUT_W; outX++) {
        const y = ((image * c.FILTERS + filter) * c.OUT_H + outY) * c.OUT_W + outX;
        for (let channel = 0; channel < channels; channel++) {
          for (let ky = 0; ky < c.KERNEL_H; ky++) {
            const inY = outY * c.STRIDE_H + ky * c.DILATION_H - c.PAD_H;
            const line = ((image * c.CHANNELS + firstChannel + channel) * c.H + inY) * c.W;
            const taps = ((filter * channels + channel) * c.KERNEL_H + ky) * c.KERNEL_W;
            for (let kx = 0; kx < c.KERNEL_W; kx++) {
              const inX = outX * c.STRIDE_W + kx * c.DILATION_W - c.PAD_W;
              const inside = inY >= 0 && inY < c.H && inX >= 0 && inX < c.W;
              visit(inside ? line + inX : PADDING, taps + kx, y, row);
            }
          }
        }
      }
    }
  }
}

/** A position in the padding, which holds zeros; NaN and infinite weights turn them into NaN. */
const PADDING = -1;

/** An element, or the zero of the padding. */
function padded(elements: Elements, position: number): number {
  return position === PADDING ? 0 : elements[position];
}

/** Accumulates products in f64, then passes each element to the store hook. */
function* accumulate(length: number, { store }: TwinCall, add: (sums: Float64Array) => Iterable<void>) {
  const sums = new Float64Array(length);
  yield* add(sums);
  yield* stored(store.store, sums);
}

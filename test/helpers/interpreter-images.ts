/** The interpreter's rules for convolution and pooling, forwards. Images are [batch, channels, height, width]. */
import type { ConvShape } from "../../src/kernels/conv2d.ts";
import { elementCount } from "../../src/program.ts";
import type { Rule, Values } from "./interpreter-values.ts";

/** What an op of pooling knows of its shapes. */
interface Windows {
  readonly images: number;
  readonly size: readonly [number, number];
  readonly outSize: readonly [number, number];
  readonly kernel: readonly [number, number];
  readonly stride: readonly [number, number];
  readonly padding: readonly [number, number];
}

const convolve: Rule = ({ node, inputs: [x, weight] }) => {
  const { channels, size, filters, outSize, kernel, stride, padding, dilation, groups } =
    node.attributes as ConvShape;
  const depth = channels / groups;
  const result = new Float64Array(elementCount(node.shape));
  result.forEach((_, i) => {
    const column = i % outSize[1];
    const row = Math.floor(i / outSize[1]) % outSize[0];
    const filter = Math.floor(i / outSize[1] / outSize[0]) % filters;
    const image = Math.floor(i / outSize[1] / outSize[0] / filters);
    const first = Math.floor(filter / (filters / groups)) * depth;
    let sum = 0;
    for (let c = 0; c < depth; c++) {
      for (let ky = 0; ky < kernel[0]; ky++) {
        for (let kx = 0; kx < kernel[1]; kx++) {
          const y = row * stride[0] + ky * dilation[0] - padding[0];
          const z = column * stride[1] + kx * dilation[1] - padding[1];
          if (y < 0 || y >= size[0] || z < 0 || z >= size[1]) continue;
          const pixel = x[((image * channels + first + c) * size[0] + y) * size[1] + z];
          sum += pixel * weight[((filter * depth + c) * kernel[0] + ky) * kernel[1] + kx];
        }
      }
    }
    result[i] = sum;
  });
  return result;
};

/** For each window, `reduce` of the positions in it that lie inside of the image. */
function overWindows(
  { images, size, outSize, kernel, stride, padding }: Windows,
  reduce: (inside: number[]) => number,
) {
  const result: number[] = [];
  for (let image = 0; image < images; image++) {
    for (let row = 0; row < outSize[0]; row++) {
      for (let column = 0; column < outSize[1]; column++) {
        const inside: number[] = [];
        for (let i = 0; i < kernel[0]; i++) {
          for (let j = 0; j < kernel[1]; j++) {
            const y = row * stride[0] + i - padding[0];
            const x = column * stride[1] + j - padding[1];
            if (y >= 0 && y < size[0] && x >= 0 && x < size[1])
              inside.push((image * size[0] + y) * size[1] + x);
          }
        }
        result.push(reduce(inside));
      }
    }
  }
  return Float64Array.from(result);
}

/** The first of the largest, or of NaN. */
function largest(x: Values, at: readonly number[], compared: (a: number, b: number) => void): number {
  let best = at[0];
  for (const one of at) if (x[one] > x[best] || (Number.isNaN(x[one]) && !Number.isNaN(x[best]))) best = one;
  for (const one of at) compared(x[one], x[best]);
  return best;
}

export const imageRules: Readonly<Record<string, Rule>> = {
  conv2d: convolve,
  maxSelect: ({ node, inputs: [x, picked], compared }) =>
    overWindows(node.attributes as Windows, (inside) => picked[largest(x, inside, compared)]),
  avgPool2d: ({ node, inputs: [x] }) => {
    const windows = node.attributes as Windows;
    const area = windows.kernel[0] * windows.kernel[1];
    return overWindows(windows, (inside) => inside.reduce((sum, one) => sum + x[one], 0) / area);
  },
  stored: ({ inputs: [x] }) => x,
};

/** Small pictures made of numbers. */
import { useEffect, useRef } from "preact/hooks";

interface PixelsProps {
  readonly width: number;
  readonly height: number;
  /** Row by row. */
  readonly values: ArrayLike<number>;
  /** Bytes, 0 black to 255 white; or numbers of both signs, of which the largest gets the full colour. */
  readonly kind: "grey" | "signed";
  /** The picture in words, for screen readers; empty where the text beside the picture says the same. */
  readonly label: string;
}

/** Below zero and above, over what lies between: blue and orange, apart for all kinds of colour vision. */
const BELOW = [47, 110, 230];
const ABOVE = [232, 115, 20];

export function Pixels({ width, height, values, kind, label }: PixelsProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const context = canvas.current?.getContext("2d");
    if (!context) return;
    const image = context.createImageData(width, height);
    if (kind === "grey") paintGrey(image.data, values);
    else paintSigned(image.data, values);
    context.putImageData(image, 0, 0);
  }, [width, height, values, kind]);
  return (
    <canvas
      ref={canvas}
      class="pixels"
      width={width}
      height={height}
      style={`aspect-ratio: ${width} / ${height}`}
      {...(label ? { role: "img", "aria-label": label } : { "aria-hidden": true })}
    />
  );
}

function paintGrey(pixels: Uint8ClampedArray, values: ArrayLike<number>): void {
  for (let i = 0; i < values.length; i++) {
    pixels.fill(values[i], 4 * i, 4 * i + 3);
    pixels[4 * i + 3] = 255;
  }
}

/** The colour's opacity is the number's size: zero is transparent. */
function paintSigned(pixels: Uint8ClampedArray, values: ArrayLike<number>): void {
  let largest = 0;
  for (let i = 0; i < values.length; i++) largest = Math.max(largest, Math.abs(values[i]));
  for (let i = 0; i < values.length; i++) {
    pixels.set(values[i] < 0 ? BELOW : ABOVE, 4 * i);
    pixels[4 * i + 3] = largest > 0 ? (255 * Math.abs(values[i])) / largest : 0;
  }
}

/** A square to draw in, with a mouse, a finger or a pen. */
import { useEffect, useRef } from "preact/hooks";
import { SIDE, type Stroke } from "./digit.ts";
import { chosen, draw, PAD, strokes } from "./store.ts";

/** The pen's width on the pad, close to the width in the image. */
const PEN = 22;

export function Pad() {
  const canvas = useRef<HTMLCanvasElement>(null);
  const pen = useRef<number | undefined>(undefined);
  const drawn = strokes.value;
  const image = chosen.value?.image;
  useEffect(() => {
    const context = canvas.current?.getContext("2d");
    if (!context) return;
    context.clearRect(0, 0, PAD, PAD);
    if (image) paintImage(context, image);
    else paintStrokes(context, drawn);
  }, [drawn, image]);
  const begin = (event: PointerEvent) => {
    if (pen.current !== undefined || event.button !== 0) return;
    event.preventDefault();
    (event.currentTarget as Element).setPointerCapture(event.pointerId);
    pen.current = event.pointerId;
    draw([...strokes.value, placesOf([event], event.currentTarget as Element)]);
  };
  const move = (event: PointerEvent) => {
    if (event.pointerId !== pen.current) return;
    const stroke: Stroke = strokes.value[strokes.value.length - 1] ?? [];
    // A fast pen is told of more often than the screen is drawn.
    const events = event.getCoalescedEvents?.() ?? [];
    const places = placesOf(events.length > 0 ? events : [event], event.currentTarget as Element);
    draw([...strokes.value.slice(0, -1), [...stroke, ...places]]);
  };
  const end = (event: PointerEvent) => {
    if (event.pointerId === pen.current) pen.current = undefined;
  };
  return (
    <canvas
      ref={canvas}
      class="draw-pad"
      width={PAD}
      height={PAD}
      role="img"
      aria-label="A pad for drawing a digit with a mouse, a finger or a pen. With a keyboard, take a test image instead."
      onPointerDown={begin}
      onPointerMove={move}
      onPointerUp={end}
      onPointerCancel={end}
    />
  );
}

/** Places of the events, in the pad's own unit. */
function placesOf(events: readonly PointerEvent[], pad: Element): Stroke {
  const { left, top, width, height } = pad.getBoundingClientRect();
  return events.map(({ clientX, clientY }) => ({
    x: ((clientX - left) / width) * PAD,
    y: ((clientY - top) / height) * PAD,
  }));
}

function paintStrokes(context: CanvasRenderingContext2D, drawn: readonly Stroke[]): void {
  context.strokeStyle = "#fff";
  context.lineWidth = PEN;
  context.lineCap = "round";
  context.lineJoin = "round";
  for (const stroke of drawn) {
    context.beginPath();
    context.moveTo(stroke[0].x, stroke[0].y);
    // A line of no length is a dot.
    for (const { x, y } of stroke) context.lineTo(x, y);
    context.stroke();
  }
}

function paintImage(context: CanvasRenderingContext2D, image: Uint8Array): void {
  const size = PAD / SIDE;
  image.forEach((byte, i) => {
    context.fillStyle = `rgb(${byte} ${byte} ${byte})`;
    context.fillRect((i % SIDE) * size, Math.floor(i / SIDE) * size, size, size);
  });
}

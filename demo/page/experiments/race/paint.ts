/** Draws the map: its bands, its axes, and the racers' trails. */
import type { Point, Surface } from "./surfaces.ts";

/** The surface's rectangle on the canvas, in CSS pixels; the axes take the room around. */
interface Frame {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

const ROOM = { left: 50, top: 8, right: 10, bottom: 44 };

export function frameOf(width: number, height: number): Frame {
  return {
    left: ROOM.left,
    top: ROOM.top,
    width: Math.max(1, width - ROOM.left - ROOM.right),
    height: Math.max(1, height - ROOM.top - ROOM.bottom),
  };
}

export function toPixels(frame: Frame, { x, y }: Pick<Surface, "x" | "y">, place: Point): Point {
  return {
    x: frame.left + ((place.x - x[0]) / (x[1] - x[0])) * frame.width,
    y: frame.top + ((y[1] - place.y) / (y[1] - y[0])) * frame.height,
  };
}

export function toPlace(frame: Frame, { x, y }: Pick<Surface, "x" | "y">, pixel: Point): Point {
  return {
    x: x[0] + ((pixel.x - frame.left) / frame.width) * (x[1] - x[0]),
    y: y[1] - ((pixel.y - frame.top) / frame.height) * (y[1] - y[0]),
  };
}

export function token(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

/** Any colour of CSS as red, green and blue: builds write the tokens' colours as they like, canvases one way. */
export function channels(color: string): number[] {
  const context = document.createElement("canvas").getContext("2d");
  if (!context) return [0, 0, 0];
  context.fillStyle = color;
  return [1, 3, 5].map((at) => Number.parseInt(String(context.fillStyle).slice(at, at + 2), 16));
}

/** Ticks and names of the two parameters, and a cross at each minimum. */
export function paintAxes(context: CanvasRenderingContext2D, surface: Surface, frame: Frame): void {
  const { left, top, width, height } = frame;
  context.font = `12px ${token("--font")}`;
  context.fillStyle = token("--muted");
  context.strokeStyle = token("--muted");
  context.lineWidth = 1;
  context.strokeRect(left - 0.5, top - 0.5, width + 1, height + 1);
  context.textAlign = "center";
  context.textBaseline = "top";
  for (const value of ticks(surface.x)) {
    const { x } = toPixels(frame, surface, { x: value, y: surface.y[0] });
    stroke(context, [x, top + height], [x, top + height + 5]);
    context.fillText(String(value), x, top + height + 7);
  }
  context.fillText("first parameter, w₁", left + width / 2, top + height + 26);
  context.textAlign = "right";
  context.textBaseline = "middle";
  for (const value of ticks(surface.y)) {
    const { y } = toPixels(frame, surface, { x: surface.x[0], y: value });
    stroke(context, [left - 5, y], [left, y]);
    context.fillText(String(value), left - 8, y);
  }
  context.save();
  context.translate(10, top + height / 2);
  context.rotate(-Math.PI / 2);
  context.textAlign = "center";
  context.fillText("second parameter, w₂", 0, 0);
  context.restore();
  context.strokeStyle = token("--ink");
  context.lineWidth = 1.5;
  for (const minimum of surface.minima) {
    const { x, y } = toPixels(frame, surface, minimum);
    stroke(context, [x - 5, y], [x + 5, y]);
    stroke(context, [x, y - 5], [x, y + 5]);
  }
}

/** Five steps of 1, 2 or 5 times a power of ten, or some more. */
function ticks([from, to]: readonly [number, number]): number[] {
  const rough = (to - from) / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5].find((factor) => factor * power >= rough * 0.99) ?? 10);
  const first = Math.ceil(from / step - 1e-9);
  const last = Math.floor(to / step + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(6)));
}

function stroke(context: CanvasRenderingContext2D, [x0, y0]: number[], [x1, y1]: number[]): void {
  context.beginPath();
  context.moveTo(x0, y0);
  context.lineTo(x1, y1);
  context.stroke();
}

/** A line through places, with an edge that lifts it off the map. */
export function paintTrail(context: CanvasRenderingContext2D, places: readonly Point[], color: string): void {
  context.lineJoin = "round";
  const path = new Path2D();
  for (const { x, y } of places) path.lineTo(x, y);
  context.strokeStyle = token("--surface");
  context.lineWidth = 4;
  context.stroke(path);
  context.strokeStyle = color;
  context.lineWidth = 2;
  context.stroke(path);
}

/** A ring where all start. */
export function paintStart(context: CanvasRenderingContext2D, { x, y }: Point): void {
  context.beginPath();
  context.arc(x, y, 7, 0, 2 * Math.PI);
  context.strokeStyle = token("--ink");
  context.lineWidth = 1.5;
  context.stroke();
}

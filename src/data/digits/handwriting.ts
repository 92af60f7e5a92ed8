/**
 * Turns the form of a digit into the path of one person's pen: every point moves a little, the curve is bent, slanted
 * and turned, then placed and sized as MNIST places digits.
 */
import type { Glyph, PenPoint } from "./glyphs.ts";

/** The pen's path in pixels of the image. Points are in order; `penDown[i]` joins point i to the one before. */
export interface PenPath {
  readonly x: Float64Array;
  readonly y: Float64Array;
  /** Half the width of the line. */
  readonly radius: Float64Array;
  readonly penDown: Uint8Array;
}

/** The next standard normal number. */
export type Normal = () => number;

/** Variation between hands: standard deviations. Lengths are in hundredths of the digit's height unless stated. */
const HAND = {
  /** Shift of a point. */
  jitter: 2.6,
  /** Amplitude of a wave, along each axis. */
  bend: 2.1,
  /** Radians. */
  rotation: 0.1,
  /** 0 is upright; people slant to the right. */
  meanSlant: 0.1,
  slant: 0.18,
  /** Logarithm of width / height. */
  aspect: 0.12,
  /** Fraction of the box that a small digit leaves empty. */
  shrink: 0.05,
  /** Pixels. */
  shift: 1.05,
  /** Half the width of a line: mean in pixels; below, the deviation of its logarithm. */
  meanRadius: 1.15,
  radius: 0.28,
  /** Relative change of the width along a stroke. */
  pressure: 0.16,
} as const;

/** MNIST fits a digit into a box of 20 pixels, with the centre of mass in the middle of 28. */
const BOX = 20;
const MIDDLE = 13.5;
const RADIUS_LIMITS = [0.6, 2.0] as const;
const STEPS_PER_POINT = 6;

/** Draws a form of a digit by hand; consumes about 100 numbers from `normal`. */
export function draw(glyph: Glyph, normal: Normal): PenPath {
  const curves = glyph.strokes.map((stroke) => smooth(jitter(stroke, normal)));
  const count = curves.reduce((total, curve) => total + curve.length / 2, 0);
  const path: PenPath = {
    x: new Float64Array(count),
    y: new Float64Array(count),
    radius: new Float64Array(count),
    penDown: new Uint8Array(count),
  };
  let at = 0;
  for (const curve of curves) {
    for (let i = 0; i < curve.length; i += 2, at++) {
      path.x[at] = curve[i] - 50;
      path.y[at] = curve[i + 1] - 50;
      path.penDown[at] = i === 0 ? 0 : 1;
    }
  }
  bend(path, normal);
  turn(path, normal);
  press(path, normal);
  place(path, normal);
  return path;
}

function jitter(stroke: readonly PenPoint[], normal: Normal): PenPoint[] {
  return stroke.map(({ x, y, corner }) => ({
    x: x + HAND.jitter * normal(),
    y: y + HAND.jitter * normal(),
    corner,
  }));
}

/**
 * The curve through the points as x, y, x, y, …: uniform Catmull–Rom splines (1974) between corners. At its ends, a
 * spline's missing neighbour is the end itself.
 */
function smooth(points: readonly PenPoint[]): number[] {
  const curve: number[] = [points[0]?.x, points[0]?.y];
  for (let i = 0; i + 1 < points.length; i++) {
    const from = points[i];
    const to = points[i + 1];
    const before = from.corner ? from : (points[i - 1] ?? from);
    const after = to.corner ? to : (points[i + 2] ?? to);
    for (let step = 1; step <= STEPS_PER_POINT; step++) {
      const t = step / STEPS_PER_POINT;
      curve.push(spline(before.x, from.x, to.x, after.x, t), spline(before.y, from.y, to.y, after.y, t));
    }
  }
  return curve;
}

function spline(before: number, from: number, to: number, after: number, t: number): number {
  const slope = to - before;
  const curvature = 2 * before - 5 * from + 4 * to - after;
  const twist = 3 * (from - to) + after - before;
  return from + (t / 2) * (slope + t * (curvature + t * twist));
}

/** Moves every point by smooth waves across the digit: two along each axis. */
function bend({ x, y }: PenPath, normal: Normal): void {
  const waves = Array.from({ length: 4 }, () => ({
    reach: HAND.bend * normal(),
    // One radian in about 30 hundredths: about half a wave over the digit.
    alongX: normal() / 30,
    alongY: normal() / 30,
    phase: 3 * normal(),
  }));
  for (let i = 0; i < x.length; i++) {
    const px = x[i];
    const py = y[i];
    waves.forEach((wave, w) => {
      const move = wave.reach * Math.sin(wave.alongX * px + wave.alongY * py + wave.phase);
      if (w % 2 === 0) x[i] = x[i] + move;
      else y[i] = y[i] + move;
    });
  }
}

/** Slants, stretches and turns the digit about its middle. */
function turn({ x, y }: PenPath, normal: Normal): void {
  const slant = HAND.meanSlant + HAND.slant * normal();
  const aspect = Math.exp(HAND.aspect * normal());
  const angle = HAND.rotation * normal();
  const cosine = Math.cos(angle);
  const sine = Math.sin(angle);
  for (let i = 0; i < x.length; i++) {
    const py = y[i];
    const px = x[i] * aspect - py * slant;
    x[i] = px * cosine - py * sine;
    y[i] = px * sine + py * cosine;
  }
}

/** Gives the line a width that varies along the path with the pressure of the hand. */
function press({ radius }: PenPath, normal: Normal): void {
  const [least, most] = RADIUS_LIMITS;
  const base = HAND.meanRadius * Math.exp(HAND.radius * normal());
  const swing = HAND.pressure * normal();
  const rate = 0.12 * (1 + 0.3 * normal());
  const phase = 3 * normal();
  for (let i = 0; i < radius.length; i++) {
    const pressed = base * (1 + swing * Math.sin(rate * i + phase));
    radius[i] = Math.min(most, Math.max(least, pressed));
  }
}

/** Fits the path into the box, with the centre of mass near the middle of the image. */
function place({ x, y, radius, penDown }: PenPath, normal: Normal): void {
  const width = Math.max(...x) - Math.min(...x);
  const height = Math.max(...y) - Math.min(...y);
  const fill = 1 - Math.min(0.25, HAND.shrink * Math.abs(normal()));
  const scale = (BOX * fill - 2 * Math.max(...radius)) / Math.max(width, height);
  let mass = 0;
  let massX = 0;
  let massY = 0;
  for (let i = 1; i < x.length; i++) {
    if (penDown[i] === 0) continue;
    const [fromX, toX, fromY, toY] = [x[i - 1], x[i], y[i - 1], y[i]];
    const ink = Math.hypot(toX - fromX, toY - fromY) * radius[i];
    mass += ink;
    massX += (ink * (fromX + toX)) / 2;
    massY += (ink * (fromY + toY)) / 2;
  }
  const left = MIDDLE + HAND.shift * normal() - (scale * massX) / mass;
  const top = MIDDLE + HAND.shift * normal() - (scale * massY) / mass;
  for (let i = 0; i < x.length; i++) {
    x[i] = left + scale * x[i];
    y[i] = top + scale * y[i];
  }
}

/** The race of optimizers, held against update rules and gradients written out by hand in 64 bits. */
import { describe, expect, it } from "vitest";
import { cpu } from "wgrad";
import { edgeOf } from "../../demo/page/experiments/race/bands.ts";
import { losses, paintGround } from "../../demo/page/experiments/race/ground.ts";
import { Racers } from "../../demo/page/experiments/race/racers.ts";
import {
  ARRIVED,
  LONGEST_LEAP,
  type Point,
  RACER_NAMES,
  type RacerName,
  SURFACE_NAMES,
  type SurfaceName,
  stepsToArrive,
  surfaceOf,
  type Trail,
} from "../../demo/page/experiments/race/surfaces.ts";
import { difference } from "../helpers/compare.ts";

const LOSS: Record<SurfaceName, (x: number, y: number) => number> = {
  valley: (x, y) => 0.05 * x ** 2 + 2.5 * y ** 2,
  rosenbrock: (x, y) => (1 - x) ** 2 + 100 * (y - x ** 2) ** 2,
  himmelblau: (x, y) => (x ** 2 + y - 11) ** 2 + (x + y ** 2 - 7) ** 2,
  saddle: (x, y) => x ** 2 / 2 + (y ** 2 - 1) ** 2 / 4,
};

const GRADIENT: Record<SurfaceName, (x: number, y: number) => number[]> = {
  valley: (x, y) => [0.1 * x, 5 * y],
  rosenbrock: (x, y) => [-2 * (1 - x) - 400 * x * (y - x ** 2), 200 * (y - x ** 2)],
  himmelblau: (x, y) => [
    4 * x * (x ** 2 + y - 11) + 2 * (x + y ** 2 - 7),
    2 * (x ** 2 + y - 11) + 4 * y * (x + y ** 2 - 7),
  ],
  saddle: (x, y) => [x, y * (y ** 2 - 1)],
};

/** For one parameter, with its state: from the gradient at step t, counted from 1, to what is taken off. */
type Rule = (learningRate: number) => (gradient: number, t: number) => number;

const RULES: Record<RacerName, Rule> = {
  sgd: (learningRate) => (g) => learningRate * g,
  momentum: (learningRate) => {
    let velocity = 0;
    return (g) => {
      velocity = 0.9 * velocity + g;
      return learningRate * velocity;
    };
  },
  nesterov: (learningRate) => {
    let velocity = 0;
    return (g) => {
      velocity = 0.9 * velocity + g;
      return learningRate * (g + 0.9 * velocity);
    };
  },
  rmsprop: (learningRate) => {
    let squares = 0;
    return (g) => {
      squares = 0.99 * squares + 0.01 * g ** 2;
      return (learningRate * g) / (Math.sqrt(squares) + 1e-8);
    };
  },
  adam: (learningRate) => {
    let mean = 0;
    let squares = 0;
    return (g, t) => {
      mean = 0.9 * mean + 0.1 * g;
      squares = 0.999 * squares + 0.001 * g ** 2;
      return (learningRate * (mean / (1 - 0.9 ** t))) / (Math.sqrt(squares / (1 - 0.999 ** t)) + 1e-8);
    };
  },
};

function byHand(surface: SurfaceName, racer: RacerName, start: Point, learningRate: number, steps: number) {
  const trail = { x: [start.x], y: [start.y], loss: [LOSS[surface](start.x, start.y)] };
  const [moveX, moveY] = [RULES[racer](learningRate), RULES[racer](learningRate)];
  let { x, y } = start;
  for (let t = 1; t <= steps; t++) {
    const [gx, gy] = GRADIENT[surface](x, y);
    x -= moveX(gx, t);
    y -= moveY(gy, t);
    trail.x.push(x);
    trail.y.push(y);
    trail.loss.push(LOSS[surface](x, y));
  }
  return trail;
}

async function race(surface: SurfaceName, steps: number, change: Partial<Record<RacerName, number>> = {}) {
  const { start, rates } = surfaceOf(surface);
  const racers = new Racers();
  let trails = await racers.open({ surface, start, rates: { ...rates, ...change } });
  for (let done = 0; done < steps; ) {
    const count = Math.min(LONGEST_LEAP, steps - done);
    const next = await racers.advance(count);
    trails = trails.map((trail, i) => ({
      x: [...trail.x, ...next[i].x],
      y: [...trail.y, ...next[i].y],
      loss: [...trail.loss, ...next[i].loss],
      diverged: next[i].diverged,
    }));
    done += count;
  }
  return Object.fromEntries(RACER_NAMES.map((name, i) => [name, trails[i]])) as Record<RacerName, Trail>;
}

describe("each optimizer's way is that of its formula", () => {
  it.each(SURFACE_NAMES)("on %s", async (surface) => {
    const steps = 150;
    const trails = await race(surface, steps);
    const { start, rates } = surfaceOf(surface);
    // What 32 bits lose is multiplied step by step where the ground falls away to both sides.
    const tolerance = { rtol: 1e-5, atol: 1e-5 };
    const wrong = RACER_NAMES.flatMap((name) => {
      const want = byHand(surface, name, start, rates[name], steps);
      return [
        difference(`${name}, w1`, trails[name].x, want.x, tolerance),
        difference(`${name}, w2`, trails[name].y, want.y, tolerance),
      ];
    });
    expect(wrong.filter(Boolean)).toEqual([]);
  });
});

describe("the minima", () => {
  it.each(SURFACE_NAMES)("of %s are where its loss is 0, and on the map, as the start is", (surface) => {
    const { x, y, start, minima } = surfaceOf(surface);
    for (const minimum of minima) expect(LOSS[surface](minimum.x, minimum.y)).toBeLessThan(1e-9);
    for (const place of [start, ...minima]) {
      expect(place.x > x[0] && place.x < x[1] && place.y > y[0] && place.y < y[1]).toBe(true);
    }
  });
});

describe("the map", () => {
  it("holds the loss at the middle of each pixel, row by row from the top", async () => {
    const found = await losses(cpu(), "rosenbrock", 8, 4);
    const want = [2.5, 1.5, 0.5, -0.5].flatMap((y) =>
      Array.from({ length: 8 }, (_, i) => LOSS.rosenbrock(-1.75 + i / 2, y)),
    );
    expect(difference("map", found, want, { rtol: 1e-5, atol: 1e-5 })).toBeUndefined();
  });

  it("has the low colour at the minimum, the high one at the largest loss, and lines between bands", async () => {
    const [low, high, line] = [
      [200, 200, 200],
      [100, 100, 100],
      [0, 0, 0],
    ];
    const ground = await paintGround(cpu(), { surface: "valley", width: 401, height: 301, low, high, line });
    const { pixels, width, height, bands } = ground;
    const grey = (column: number, row: number) => pixels[4 * (row * width + column)];
    expect(grey(200, 150)).toBe(200);
    expect([grey(400, 0), grey(0, 300), grey(400, 300)]).toEqual([100, 100, 100]);
    expect(edgeOf(bands, 0)).toBeCloseTo(ARRIVED);
    expect(edgeOf(bands, bands.count)).toBeGreaterThanOrEqual(LOSS.valley(10, 3));
    expect(pixels.some((value) => value < 100)).toBe(true);
    expect(pixels).toHaveLength(4 * width * height);
  });
});

describe("what the stories promise", () => {
  it("in the valley, whoever has momentum arrives before plain SGD", async () => {
    const { sgd, momentum, nesterov } = await race("valley", 300);
    const arrival = (trail: Trail) => stepsToArrive(trail) ?? Number.POSITIVE_INFINITY;
    expect(arrival(momentum)).toBeLessThan(arrival(sgd) / 2);
    expect(arrival(nesterov)).toBeLessThan(arrival(momentum));
    expect(sgd.loss[arrival(sgd)]).toBeLessThan(ARRIVED);
  });

  it("among Himmelblau's four pits, not all fall into the same", async () => {
    const trails = await race("himmelblau", 200);
    const found = RACER_NAMES.map((name) => {
      const { x, y } = trails[name];
      const end = x.length - 1;
      return surfaceOf("himmelblau").minima.findIndex(
        (pit) => Math.hypot(x[end] - pit.x, y[end] - pit.y) < 0.2,
      );
    });
    expect(found.every((pit) => pit >= 0)).toBe(true);
    expect(new Set(found).size).toBeGreaterThan(1);
  });

  it("with a rate above 0.4 SGD diverges there: its way ends while its numbers are finite", async () => {
    const { sgd, adam } = await race("valley", 500, { sgd: 0.5 });
    expect(sgd.diverged).toBe(true);
    expect(sgd.loss.length).toBeLessThan(500);
    expect([...sgd.x, ...sgd.y, ...sgd.loss].every(Number.isFinite)).toBe(true);
    expect(stepsToArrive(sgd)).toBeUndefined();
    expect(adam).toMatchObject({ diverged: false, loss: { length: 501 } });
  });

  it("from exactly on the ridge of the saddle nobody leaves it", async () => {
    const racers = new Racers();
    const { rates } = surfaceOf("saddle");
    await racers.open({ surface: "saddle", start: { x: -1.5, y: 0 }, rates });
    for (const { y } of await racers.advance(LONGEST_LEAP)) expect(y.every((one) => one === 0)).toBe(true);
  });
});

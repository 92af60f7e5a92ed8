/** No submit takes long: a run is divided into several, which compute the same to the bit. */
import { afterEach, describe, expect, it, vi } from "vitest";
import { digits } from "../../src/data/digits/digits.ts";
import { launchesOf, type Program } from "../../src/program.ts";
import { Submits } from "../../src/runtime/gpu/submits.ts";
import { useEngines } from "../helpers/engines.ts";
import { connectInstrumented } from "../helpers/instrumented.ts";
import { openMlp } from "../helpers/mlp.ts";

const engines = useEngines();
const data = digits({ train: 64, test: 1 }).train;
const options = { batchSize: 8, hidden: [8] };
afterEach(() => vi.restoreAllMocks());

/** A clock that only this test moves. */
function clock() {
  let now = 0;
  vi.spyOn(performance, "now").mockImplementation(() => now);
  return (milliseconds: number) => {
    now += milliseconds;
  };
}

async function program(): Promise<Program> {
  const training = await openMlp(engines.cpu, data, options);
  training.release();
  return training.step.program;
}

describe("the size of submits", () => {
  it("begins with one launch, and follows the time that a step takes", async () => {
    const step = await program();
    const launches = launchesOf(step).length;
    const pass = clock();
    const submits = new Submits(step);
    const finished = (count: number, milliseconds: number) => {
      const began = performance.now();
      pass(milliseconds);
      submits.finished(count, began);
    };
    expect(submits.steps).toBe(1);
    expect(submits.ends).toEqual(Array.from({ length: launches }, (_, i) => i + 1));
    finished(1, 5);
    expect([submits.steps, submits.ends]).toEqual([20, [launches]]);
    // A time out of line counts twice what was known.
    finished(1, 5000);
    expect([submits.steps, submits.ends]).toEqual([10, [launches]]);
    for (let i = 0; i < 10; i++) finished(2, 2 * 120);
    expect(submits.steps).toBe(1);
    expect(submits.ends.length).toBeGreaterThan(1);
    expect(submits.ends.length).toBeLessThanOrEqual(6);
    for (let i = 0; i < 10; i++) finished(1, 1e5);
    expect(submits.ends).toEqual(Array.from({ length: launches }, (_, i) => i + 1));
    finished(10, 10);
    expect([submits.steps, submits.ends]).toEqual([100, [launches]]);
  });

  it("divides a step into parts, none of them empty", async () => {
    const step = await program();
    const launches = launchesOf(step).length;
    const pass = clock();
    for (let parts = 2; parts <= launches + 1; parts++) {
      const submits = new Submits(step);
      pass(parts * 50 - 1);
      submits.finished(1, performance.now() - (parts * 50 - 1));
      const { ends } = submits;
      if (parts === 2) continue;
      expect(ends.length).toBeLessThan(2 * parts);
      expect(ends.length).toBeGreaterThan(1);
      expect(ends.at(-1)).toBe(launches);
      ends.forEach((end, i) => {
        expect(end).toBeGreaterThan(ends[i - 1] ?? 0);
      });
    }
  });
});

it("runs that are divided have the same bits, and each submit creates its encoder and nothing else", async () => {
  const { engine, books } = await connectInstrumented({ tune: false });
  const whole = await openMlp(engine, data, options);
  await whole.run(1);
  const expected: number[] = [];
  for (let run = 0; run < 12; run++) expected.push(...(await whole.run(4)));
  const training = await openMlp(engine, data, options);
  const launches = launchesOf(training.step.program).length;
  await training.run(1);
  // Each look at the clock finds it seconds later.
  let now = performance.now();
  vi.spyOn(performance, "now").mockImplementation(() => {
    now += 10_000;
    return now;
  });
  // What is known of a step at most doubles with each run.
  const found: number[] = [];
  for (let run = 0; run < 11; run++) found.push(...(await training.run(4)));
  books.clear();
  found.push(...(await training.run(4)));
  expect(books.count("submit")).toBeGreaterThan(4 * 3);
  expect(books.creations).toEqual({ createCommandEncoder: books.count("submit") });
  expect(books.count("dispatchWorkgroups")).toBe(4 * launches);
  vi.restoreAllMocks();
  expect(found).toEqual(expected);
  whole.release();
  training.release();
  await engine.destroy();
});

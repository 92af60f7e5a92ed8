/** What a run tells of its submits, where the results of several come back at once. */
import { expect, it } from "vitest";
import { cpu, dense, type Engine, type Executable, fit } from "wgrad";
import { makeBlobs } from "wgrad/data";

/** The CPU engine, whose runs are answered together: when three wait, or when nobody enqueues another. */
function bursting(): Engine {
  const engine = cpu();
  const { compile } = engine;
  const waiting: (() => void)[] = [];
  const answer = () => {
    for (const one of waiting.splice(0)) one();
  };
  const held = async <T>(work: Promise<T>): Promise<T> => {
    const result = await work;
    await new Promise<void>((resolve) => {
      waiting.push(resolve);
      if (waiting.length === 3) answer();
      else setTimeout(answer, 20);
    });
    return result;
  };
  return Object.assign(engine, {
    async compile(...[program, options]: Parameters<Engine["compile"]>): Promise<Executable> {
      const one = await compile.call(engine, program, { ...options, maxSteps: 1 });
      const run = one.run.bind(one);
      return Object.assign(one, { run: (steps: number) => held(run(steps)) });
    },
  });
}

it("is of each submit alone, and a checkpoint asked for there is there", async () => {
  const samples: number[] = [];
  const checkpoints: Promise<Uint8Array>[] = [];
  const run = fit(bursting(), dense(2), makeBlobs({ count: 36, features: 3, classes: 2 }), {
    batchSize: 4,
    epochs: 2,
    onProgress: (progress) => {
      samples.push(progress.samples);
      checkpoints.push(run.checkpoint());
    },
  });
  await run;
  const epoch = Array.from({ length: 9 }, (_, i) => 4 * (i + 1));
  expect(samples).toEqual([...epoch, ...epoch]);
  expect((await Promise.all(checkpoints)).every(({ length }) => length > 0)).toBe(true);
}, 20_000);

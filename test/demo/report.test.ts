/** What the training worker tells the page, and when. */
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { Told } from "../../demo/page/train/messages.ts";
import { Report } from "../../demo/page/train/report.ts";

beforeEach(() => void vi.useFakeTimers({ toFake: ["performance"] }));
afterEach(() => void vi.useRealTimers());

it("has a point of the curve in each message, wherever the time passes", async () => {
  const told: Told[] = [];
  const facts = { epoch: 1, epochs: 1, stepsPerEpoch: 100, parameters: 1 };
  const report = new Report(
    () => facts,
    async () => ({}),
  );
  report.listener = (one: Told) => void told.push(one);
  vi.advanceTimersByTime(1000);
  for (let bunch = 0; bunch < 10; bunch++) {
    report.say("training");
    report.trained({ steps: 5, loss: 1, accuracy: 0.5, learningRate: 0.1 }, 60);
    // After a bunch's results, and before the next message.
    vi.advanceTimersByTime(60);
  }
  report.say("paused");
  await vi.waitFor(() => expect(told.at(-1)?.status).toBe("paused"));
  const points = told.flatMap(({ training }) => training.map(({ step }) => step));
  expect(points).toEqual([10, 20, 30, 40, 50]);
});

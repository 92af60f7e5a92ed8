/** The character transformer: better than a bigram model, and the same step on both engines. */
import { expect, it } from "vitest";
import { train } from "../../demo/transformer.ts";
import { connect, cpu } from "../../src/index.ts";

it("learns more of the language than a bigram model can", async () => {
  const gpu = await connect();
  const { losses, transformer, bigram } = await train(gpu, { steps: 150, batchSize: 8, seed: 1 });
  console.log(
    `nats a character on unseen text: transformer ${transformer.toFixed(4)}, bigram ${bigram.toFixed(4)}`,
  );
  expect(losses[149]).toBeLessThan(losses[0]);
  expect(transformer).toBeLessThan(bigram);
  await gpu.destroy();
}, 120_000);

it("takes the same steps on both engines, to 1e-3", async () => {
  const gpu = await connect();
  const options = { steps: 5, batchSize: 2, seed: 2, heldWindows: 2 };
  const [onGpu, onCpu] = [await train(gpu, options), await train(cpu(), options)];
  onGpu.losses.forEach((loss, i) => {
    expect(Math.abs(loss - onCpu.losses[i])).toBeLessThanOrEqual(1e-3 * Math.abs(onCpu.losses[i]));
  });
  await gpu.destroy();
}, 120_000);

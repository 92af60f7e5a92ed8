/** The batches of loops of one's own. */
import { describe, expect, it } from "vitest";
import { cpu, openData } from "wgrad";
import { dataset } from "wgrad/data";
import { Batches } from "../../demo/batches.ts";

const SIZE = 4;
const SEED = 3;

/** 22 samples: five batches, and two samples that fill none. */
async function opened() {
  const data = dataset({
    name: "numbers",
    inputs: { data: Float32Array.from({ length: 22 }, (_, i) => i), shape: [1] },
    targets: { data: new Float32Array(22), shape: [1] },
  });
  return openData(cpu(), data, { batchSize: SIZE });
}

/** All that is taken, `count` at a time: epoch and place of each batch. */
async function all(batches: Batches, count: number) {
  const taken: [number, number][] = [];
  for (let bunch = await batches.take(count); bunch.starts.length > 0; bunch = await batches.take(count)) {
    expect(bunch.starts.length).toBeLessThanOrEqual(count);
    taken.push(...bunch.starts.map((start): [number, number] => [bunch.epoch, start]));
  }
  return taken;
}

describe("batches", () => {
  it("are the full ones of each epoch, however many are taken at a time, and end", async () => {
    const source = await opened();
    const whole = await all(new Batches(source, { size: SIZE, seed: SEED, epochs: 3 }), 1);
    expect(whole.map(([epoch]) => epoch)).toEqual([1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3]);
    expect(whole.slice(0, 5).map(([, start]) => start)).toEqual([0, 4, 8, 12, 16]);
    for (const count of [2, 5, 100])
      expect(await all(new Batches(source, { size: SIZE, seed: SEED, epochs: 3 }), count)).toEqual(whole);
  });

  it("go on where others were left, at the end of an epoch, too", async () => {
    const source = await opened();
    const whole = await all(new Batches(source, { size: SIZE, seed: SEED, epochs: 3 }), 3);
    for (const taken of [0, 1, 4, 5, 7, 10, 14, 15])
      expect(
        await all(new Batches(source, { size: SIZE, seed: SEED, epochs: 3, taken }), 3),
        String(taken),
      ).toEqual(whole.slice(taken));
  });

  it("begin with the epoch that is asked for, and without an end go on", async () => {
    const batches = new Batches(await opened(), { size: SIZE, seed: SEED, firstEpoch: 0 });
    const epochs = [];
    for (let i = 0; i < 4; i++) epochs.push((await batches.take(10)).epoch);
    expect(epochs).toEqual([0, 1, 2, 3]);
  });

  it("put the epoch's order into memory when its first is taken", async () => {
    const source = await opened();
    const orders = [];
    const batches = new Batches(source, { size: SIZE, seed: SEED });
    for (let i = 0; i < 2; i++) {
      await batches.take(10);
      orders.push(Array.from(await source.data["numbers order"].read()));
    }
    expect(orders[0]).not.toEqual(orders[1]);
    for (const order of orders)
      expect(order.sort((a, b) => a - b)).toEqual(Array.from({ length: 22 }, (_, i) => i));
  });
});

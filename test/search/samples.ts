/** Small data for searches: two clouds of points that overlap a little. */
import { type Dataset, dataset } from "../../src/data/dataset.ts";
import { adam, dense, type Loss, mean, mul, relu, sequential } from "../../src/index.ts";
import { normals } from "../../src/random.ts";

/** `count` points of two classes in turn; another `stream`, other points. */
function clouds(count: number, stream: number, name = "clouds"): Dataset {
  const noise = normals(2 * count, 11, stream);
  return dataset({
    name,
    inputs: { data: noise.map((x, i) => x + (Math.floor(i / 2) % 2 === 0 ? 0.8 : -0.8)), shape: [2] },
    targets: { data: Uint8Array.from({ length: count }, (_, i) => i % 2) },
    classes: 2,
  });
}

export const train = clouds(24, 0);
export const validation = clouds(15, 1, "more clouds");

/** A search that takes a moment: a tiny network, its width and its learning rate. */
export const small = {
  data: train,
  model: ({ hidden }: { hidden: number }) => sequential(dense(hidden), relu(), dense(2)),
  options: ({ learningRate }: { learningRate: number }) => ({ optimizer: adam({ learningRate }) }),
  fit: { batchSize: 12, epochs: 2 },
  monitor: "loss",
  seed: 3,
} as const;

/** A loss that grows beyond all numbers when learned fast. */
export const steep: Loss = {
  name: "steep",
  apply: (outputs) => mean(mul(mul(outputs, outputs), mul(outputs, outputs))),
};

/** A record in memory, with what would be on disk. */
export function memoryRecord(text = "") {
  const store = {
    text,
    read: async () => store.text,
    append: async (more: string) => {
      store.text += more;
    },
  };
  return store;
}

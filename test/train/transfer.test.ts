/** A backbone that is trained already, taken over as docs/training.md shows it. */
import { join } from "node:path";
import { expect, it } from "vitest";
import { dataset } from "../../src/data/dataset.ts";
import {
  adam,
  batchNorm,
  conv2d,
  cpu,
  dense,
  fit,
  flatten,
  frozen,
  maxPool2d,
  relu,
  sequential,
} from "../../src/index.ts";
import { useTemporaryFolder } from "../helpers/programs.ts";
import { indices, uniform } from "../helpers/samples.ts";

const folder = useTemporaryFolder();

function images(classes: number) {
  return dataset({
    inputs: { data: uniform([16, 1, 6, 6]).data, shape: [1, 6, 6] },
    targets: { data: indices([16], classes).data },
    classes,
  });
}

it("the head is trained alone, then all of it; the file's own head is left alone", async () => {
  const path = join(folder.path, "pretrained.safetensors");
  const backbone = sequential(conv2d(2, 3), batchNorm(), relu(), maxPool2d(2), flatten(), dense(5), relu());
  const options = { batchSize: 8, epochs: 1, seed: 4 };
  const before = fit(cpu(), sequential(backbone, dense(7)), images(7), options);
  await before;
  await before.save(path);
  const pretrained = await before.trainer.weights();

  const train = images(3);
  const first = fit(cpu(), sequential(frozen(backbone), dense(3)), train, options);
  const names = Object.keys(pretrained).filter((name) => name.startsWith("0."));
  const { loaded, kept, unused } = await first.trainer.load(path, { only: "0" });
  expect([...loaded].sort()).toEqual([...names].sort());
  expect(kept).toEqual(["1.weight", "1.bias"]);
  expect(unused).toEqual(["1.weight", "1.bias"]);
  await first;
  const headed = await first.trainer.weights();
  // Statistics, too, are as they were, to the bit.
  for (const name of names) expect(headed[name], name).toEqual(pretrained[name]);
  expect(headed["1.weight"].shape).toEqual([3, 5]);

  const second = fit(cpu(), sequential(backbone, dense(3)), train, {
    ...options,
    optimizer: adam({ learningRate: 1e-5 }),
  });
  await second.trainer.load(headed);
  await second;
  const whole = await second.trainer.weights();
  for (const name of names.filter((one) => one.endsWith("weight"))) {
    expect(whole[name], name).not.toEqual(pretrained[name]);
    const moved = Array.from(whole[name].data, (value, i) => Math.abs(value - pretrained[name].data[i]));
    expect(Math.max(...moved)).toBeLessThan(1e-4);
  }
  await second.save(join(folder.path, "mine.safetensors"));
});

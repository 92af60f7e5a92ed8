/** The printed table of a model. */
import { describe, expect, it } from "vitest";
import {
  add,
  batchNorm,
  conv2d,
  cpu,
  createTrainer,
  dense,
  dropout,
  embedding,
  flatten,
  init,
  layerNorm,
  maxPool2d,
  multiHeadAttention,
  relu,
  residual,
  sequential,
  summary,
} from "../../src/index.ts";

const convnet = sequential(
  conv2d(32, 3, { padding: "same" }),
  batchNorm(),
  relu(),
  maxPool2d(2),
  residual(conv2d(32, 3, { padding: "same" }), relu()),
  flatten(),
  dropout(0.5),
  dense(10),
);

describe("summary", () => {
  it("prints a convnet: layers, shapes, parameters, FLOPs and memory", () => {
    // What each layer computes for one image. A bias, a comparison, an addition: one a number. A product and its sum: two.
    const pixels = 32 * 28 * 28;
    const quarter = pixels / 4;
    const flops = {
      convolution: pixels * (2 * 9 + 1),
      // minus, plus epsilon, root, divided by, times, plus
      norm: pixels * 6,
      relu: pixels,
      // a window of four
      pool: quarter * 4,
      residual: quarter * (2 * 9 * 32 + 1 + 1 + 1),
      dense: 10 * (2 * quarter + 1),
    };
    const total = Object.values(flops).reduce((sum, value) => sum + value, 0);
    const n = (value: number) => value.toLocaleString("en-US").padStart(9);
    expect(summary(convnet, { inputShape: [1, 28, 28] })).toBe(
      [
        "layer        output shape     parameters      FLOPs",
        `───────────────────────────────────────────────────`,
        `0.conv2d     [1, 32, 28, 28]         320  ${n(flops.convolution)}`,
        `1.batchNorm  [1, 32, 28, 28]          64  ${n(flops.norm)}`,
        `2.relu       [1, 32, 28, 28]           0  ${n(flops.relu)}`,
        `3.maxPool2d  [1, 32, 14, 14]           0  ${n(flops.pool)}`,
        `4.residual   [1, 32, 14, 14]       9,248  ${n(flops.residual)}`,
        `5.flatten    [1, 6272]                 0  ${n(0)}`,
        `6.dropout    [1, 6272]                 0  ${n(0)}`,
        `7.dense      [1, 10]              62,730  ${n(flops.dense)}`,
        `───────────────────────────────────────────────────`,
        `total                             72,362  ${n(total)}`,
        ``,
        `input   [1, 1, 28, 28]`,
        // Three images of 25,088 numbers, two of 6,272, and ten outputs: flatten and dropout hand on what they get.
        `memory  parameters 289.4 KB, running statistics 256 B, activations 351.3 KB`,
      ].join("\n"),
    );
  });

  it("counts for a batch", () => {
    const one = summary(sequential(dense(3)), { inputShape: [4] }).split("\n");
    const five = summary(sequential(dense(3)), { inputShape: [4], batchSize: 5 }).split("\n");
    expect(one[2]).toMatch(/^0\.dense\s+\[1, 3\]\s+15\s+27$/);
    expect(five[2]).toMatch(/^0\.dense\s+\[5, 3\]\s+15\s+135$/);
    expect(five.slice(-2)).toEqual(["input   [5, 4]", "memory  parameters 60 B, activations 60 B"]);
  });

  it("counts parameters as the trainer does, and goes into sequences", () => {
    const model = sequential(
      embedding(64, 32),
      residual(layerNorm(), multiHeadAttention(4)),
      sequential(dense(16), relu()),
    );
    const lines = summary(model, { inputShape: [10] }).split("\n");
    const rows = lines.slice(2, 6).map((line) => line.split(/\s{2,}/));
    expect(rows.map(([name, shape]) => `${name} ${shape}`)).toEqual([
      "0.embedding [1, 10, 32]",
      "1.residual [1, 10, 32]",
      "2.0.dense [1, 10, 16]",
      "2.1.relu [1, 10, 16]",
    ]);
    const { parameterCount } = createTrainer(cpu(), model, { inputShape: [10] });
    expect(lines[7]).toContain(`  ${parameterCount.toLocaleString("en-US")}  `);
    const counted = rows.map(([, , parameters]) => Number(parameters.replace(",", "")));
    expect(counted.reduce((sum, value) => sum + value, 0)).toBe(parameterCount);
  });

  it("takes a model that is one layer, or a function", () => {
    expect(summary(dense(3), { inputShape: [4] })).toMatch(/^dense\s+\[1, 3\]\s+15\s+27$/m);
    const shift = summary((x, scope) => add(x, scope.parameter("shift", [4], { init: init.zeros() })), {
      inputShape: [4],
    });
    expect(shift).toMatch(/^function\s+\[1, 4\]\s+4\s+4$/m);
  });

  it("refuses what the model refuses", () => {
    expect(() => summary(convnet, { inputShape: [784] })).toThrow(
      "conv2d (in 0.conv2d): the input is [1, 784]",
    );
    expect(() => summary(convnet, { inputShape: [1, 28, 28], batchSize: 0 })).toThrow(
      "summary: batchSize is 0; give a whole number from 1",
    );
  });
});

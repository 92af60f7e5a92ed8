/** The table of the kernels' CPU twins, by the kernels' names: loaded where a program runs on the CPU. */
import { convForward, convInputGradient, convWeightGradient } from "./conv2d.ts";
import { crossEntropy } from "./crossEntropy.ts";
import { elementwise } from "./elementwise.ts";
import { matmul } from "./matmul.ts";
import { adagrad, adam, clipNorm, clipValue, momentum, rmsprop, sgd } from "./optimizer.ts";
import { average, averageScatter, maxScatter, maxSelect } from "./pool2d.ts";
import { reduce } from "./reduce.ts";
import { scatterRows } from "./scatterRows.ts";
import { softmax } from "./softmax.ts";
import { track } from "./statistics.ts";
import type { TwinFunction } from "./twin.ts";

export const twins: Readonly<Record<string, TwinFunction>> = {
  elementwise,
  reduce,
  scatterRows,
  softmax,
  crossEntropy,
  // Tiles and parts of sums are the devices' business.
  matmul,
  matmulTiled: matmul,
  matmulSplit: matmul,
  convForward,
  convInputGradient,
  convWeightGradient,
  maxSelect,
  maxScatter,
  maxScatterTiled: maxScatter,
  average,
  averageScatter,
  sgd,
  momentum,
  adam,
  rmsprop,
  adagrad,
  clipNorm,
  clipValue,
  track,
};

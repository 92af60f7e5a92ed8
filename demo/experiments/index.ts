/** All experiments, in the order of the page. */

import { augmentation } from "./augmentation.ts";
import { capacity } from "./capacity.ts";
import { colour } from "./colour.ts";
import type { Experiment } from "./frame/experiment.ts";
import { initialization } from "./initialization.ts";
import { optimizers } from "./optimizers.ts";
import { overfitting } from "./overfitting.ts";
import { perceptron } from "./perceptron.ts";
import { regression } from "./regression.ts";
import { road } from "./road.ts";
import { slowdown } from "./slowdown.ts";
import { sweep } from "./sweep.ts";
import { vanishing } from "./vanishing.ts";

export const EXPERIMENTS: readonly Experiment[] = [
  perceptron,
  regression,
  slowdown,
  overfitting,
  initialization,
  vanishing,
  optimizers,
  sweep,
  capacity,
  augmentation,
  road,
  colour,
];

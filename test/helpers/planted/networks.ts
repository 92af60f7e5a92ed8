/** All networks into which NaN and infinities are planted. */
import { custom, steep } from "./failing.ts";
import { attentive, augmented, convolutional, mlp, streamed } from "./layers.ts";
import type { Network } from "./plants.ts";
import { losses, optimizers, probabilities } from "./training.ts";

export const NETWORKS: readonly Network[] = [
  mlp,
  convolutional,
  attentive,
  custom,
  steep,
  ...optimizers,
  ...losses,
  probabilities,
  augmented,
  streamed,
];

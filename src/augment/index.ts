/** The public surface of `wgrad/augment`. */
export type { Augment, Batch } from "../nn/training/batch.ts";
export { augment } from "./augment.ts";
export type { Affine, Augmentation, Draw, ImageSize } from "./augmentation.ts";
export {
  crop,
  type ElasticOptions,
  elastic,
  type FlipOptions,
  flip,
  rotate,
  scale,
  shear,
  type TranslateOptions,
  translate,
} from "./geometry.ts";
export { AUGMENTATION_FORMS, augmentationNamed } from "./named.ts";
export { type Preview, type PreviewOptions, preview } from "./preview.ts";
export { brightness, contrast, cutout, mixup, noise } from "./values.ts";

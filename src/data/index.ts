/** The public surface of `wgrad/data`. */
export { epochOrder, type Permutation, permutation } from "../random.ts";
export {
  type Dataset,
  type DatasetOptions,
  dataset,
  type Field,
  type FieldOptions,
  sampleSize,
  subset,
  take,
} from "./dataset.ts";
export { type DigitsOptions, digits } from "./digits.ts";
export { gunzip } from "./gzip.ts";
export { type IdxArray, idxImages, parseIdx, readIdx } from "./idx.ts";
export {
  type MirrorFailure,
  type MnistOptions,
  type MnistProgress,
  MnistUnavailableError,
  mnist,
} from "./mnist.ts";

/** The public surface of `wgrad/data`. */
export { epochOrder, type Permutation, permutation } from "../random.ts";
export {
  type Dataset,
  type DatasetOptions,
  dataset,
  type Field,
  type FieldOptions,
  type InputSet,
  type InputSetOptions,
  sampleSize,
  subset,
  take,
} from "./dataset.ts";
export { type DigitsOptions, digits } from "./digits/digits.ts";
export {
  type Fold,
  type FoldOptions,
  kFold,
  stratifiedKFold,
  type TimeSeriesOptions,
  timeSeriesSplit,
} from "./folds.ts";
export {
  type BlobsOptions,
  type MoonsOptions,
  makeBlobs,
  makeMoons,
  makeRegression,
  type RegressionDataset,
  type RegressionOptions,
} from "./generators.ts";
export { type GunzipOptions, gunzip } from "./gzip.ts";
export { type IdxArray, idxImages, parseIdx, readIdx } from "./idx.ts";
export { type ImageDatasetOptions, type ImageInputOptions, imageDataset, type PixelData } from "./images.ts";
export { mnist } from "./mnist.ts";
export {
  type MirrorFailure,
  type MnistOptions,
  type MnistProgress,
  MnistUnavailableError,
} from "./mnistSource.ts";
export { type OneHotColumn, oneHotColumn, oneHotTargets } from "./oneHot.ts";
export type { Rows } from "./samples.ts";
export { Scaler, type ScalerData, type ScalerKind, scalerFrom } from "./scaler.ts";
export {
  type FitScalerOptions,
  type MinMaxOptions,
  minMaxScaler,
  type Per,
  type RobustOptions,
  robustScaler,
  type ScalerOptions,
  standardScaler,
  type UnfittedScaler,
} from "./scalers.ts";
export type { ColumnSchema, RawRows, Schema } from "./schema.ts";
export { type Parts, type SplitOptions, split } from "./split.ts";
export {
  type Chunk,
  type Pass,
  type Stream,
  type StreamField,
  type StreamFieldOptions,
  type StreamOptions,
  stream,
} from "./stream.ts";
export type { TextOptions, TextSource } from "./text.ts";

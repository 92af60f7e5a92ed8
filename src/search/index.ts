/** The public surface of `wgrad/search`. */
export {
  type CrossValidateOptions,
  type CrossValidation,
  crossValidate,
  type Figures,
  type FoldResult,
} from "./crossValidate.ts";
export type { TrialOptions } from "./fitOptions.ts";
export {
  type CurvePoint,
  type LearningCurve,
  type LearningCurveOptions,
  learningCurve,
} from "./learningCurve.ts";
export type { Monitor } from "./monitor.ts";
export type { ScoredTrial, SearchOptions, SearchProgress, Trial } from "./plan.ts";
export type { RecordStore } from "./record.ts";
export {
  type GridSearchOptions,
  gridSearch,
  type HalvingOptions,
  type HalvingResult,
  type RandomSearchOptions,
  randomSearch,
  type SearchResult,
  successiveHalving,
} from "./searches.ts";
export {
  type Choices,
  type ChoicesOf,
  choice,
  type Distribution,
  type GridSpace,
  integer,
  type Json,
  logUniform,
  type RandomSpace,
  uniform,
} from "./space.ts";
export type { FoldsOptions, TrainedResult } from "./trial.ts";

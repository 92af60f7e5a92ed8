/** The public surface of `wgrad/metrics`. */
export type { EvaluationOf, Metric, MetricBatch, MetricSums, MetricValues } from "../train/evaluate.ts";
export { type PrecisionRecallOptions, precisionRecall } from "./precisionRecall.ts";
export { meanAbsolute, type RSquaredOptions, rSquared } from "./regression.ts";
export { type Average, type ClassReport, type ClassScores, classReport, type Scores } from "./report.ts";
export { type Area, type RocAuc, type RocAucOptions, rocAuc } from "./rocAuc.ts";
export { topK } from "./topK.ts";

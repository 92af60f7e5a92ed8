import type { DivergenceReport } from "./trace/report.ts";

/** A loss or a weight is no longer finite. */
export class DivergenceError extends Error {
  override readonly name = "DivergenceError";
  /** Where the first such number came from, where that was looked for. */
  readonly report?: DivergenceReport | undefined;

  constructor(message: string, report?: DivergenceReport) {
    super(message);
    this.report = report;
  }
}

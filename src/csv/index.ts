/** The public surface of `wgrad/csv`. */
export type { Categorical, Fill, FillRule } from "./columns.ts";
export type { NumberOptions } from "./numbers.ts";
export { type CsvOptions, parseCsv } from "./parse.ts";
export { type ReadCsvOptions, readCsv } from "./read.ts";
export { Table, type TableDatasetOptions, type TableInputOptions } from "./table.ts";

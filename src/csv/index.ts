/** The public surface of `wgrad/csv`. */
export { type CsvOptions, parseCsv } from "./parse.ts";
export { type ReadCsvOptions, readCsv } from "./read.ts";
export { Table, type TableDatasetOptions } from "./table.ts";

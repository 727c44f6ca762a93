/**
 * Tables of results in every form: what a program imports from `penstock/results`. It loads the Arrow library, which is
 * why it stands beside the main entry and not in it.
 */
export { selectColumns, orderColumns, type DatasetOptions, type SelectOptions } from './dataset.js'
export { flattenTable, nestTable } from './arrow/nesting.js'
export { readParquet, writeParquet } from './parquet.js'
export { writeArrow } from './arrow/write-arrow.js'
export { csvPieces, writeCsv, type CsvOptions } from './csv/write-csv.js'
export { recordPieces, writeColumns, writeRecords, type RecordsOptions } from './write-records.js'

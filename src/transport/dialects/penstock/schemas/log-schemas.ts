/** JSON Schemas of what is asked of the log, and of its records, whose fields are the pipeline's own. */
import { flag, listOf, record, text, type Schema } from './json-schema.js'

const texts = listOf(text)
const exportOptions: Readonly<Record<string, Schema>> = {
  directory: { ...text, description: "Below the server's export directory; absent: that directory" },
  file_prefix: { ...text, description: "Default: the pipeline's name" },
  data_size_limit: { ...text, description: 'Of one file: 100MB by default, 10 MiB, 1GiB …' },
  format: { enum: ['json', 'arrow', 'parquet', 'csv'], description: 'json (default) is one record a line' },
  limit: { type: 'integer', minimum: 1, description: 'Default 100' },
  start: text,
  end: text,
  order: { enum: ['asc', 'desc'] },
  valid: flag,
  dataset: texts,
  dataset_exclude: texts,
  dataset_separator: text,
}
const sqlOptions: Readonly<Record<string, Schema>> = {
  timeout_ms: { type: 'integer', minimum: 1, maximum: 600_000, description: 'From the call on, waiting included' },
  memory_bytes_max: { type: 'integer', minimum: 1 },
  rows_max: { type: 'integer', minimum: 1, maximum: 1_000_000 },
}
const sql = {
  ...text,
  description: 'One SELECT; a pipeline is a table of its name: SELECT count(*) FROM "my-pipeline"',
}

export const logSchemas: Readonly<Record<string, Schema>> = {
  LogRecords: {
    ...listOf({ type: 'object' }),
    description: 'time, in, out, anomaly, out_<model>, or what dataset names; nested, or flat with a separator',
  },
  LogExport: record(exportOptions, Object.keys(exportOptions)),
  LogSql: record({ sql, ...sqlOptions }, Object.keys(sqlOptions)),
}

/**
 * An audit record as lines of JSON, one per row:
 *
 *   {"time":ms,"in.<f>":…,"out.<f>":…,"out_<model>.<f>":…,"check_failures":["name"],"metadata":{"route":…,"pipeline_version":…,"request_id":"…"}}
 *
 * `out_<model>` alone, null, stands for an audited model whose rows were shed or failed. Floats are the shortest text
 * that reads back to them, so a line replays bit for bit. Pure.
 */
import type { AuditRecord } from '../engine/api.js'
import { writeNested, writeRow } from '../tensor/print.js'
import type { Tensor } from '../tensor/tensor.js'

interface Column {
  /** `"in.tensor":` */
  readonly key: string
  readonly tensor: Tensor | null
}

/** Formats rows of one record; the columns are found once per record. */
export class AuditLineWriter {
  readonly #record: AuditRecord
  readonly #columns: readonly Column[]
  readonly #head: string
  readonly #tail: string
  /** Names of the checks that failed, by row; rows without one are absent. */
  readonly #failedChecks = new Map<number, string[]>()

  constructor(record: AuditRecord) {
    this.#record = record
    this.#columns = columnsOf(record)
    this.#head = `{"time":${record.timeMs}`
    this.#tail = `,"pipeline_version":${record.pipelineVersion},"request_id":${JSON.stringify(record.requestId)}}}\n`
    for (const { check, rows } of record.checkFailures) {
      for (const row of rows) this.#failedChecks.set(row, [...(this.#failedChecks.get(row) ?? []), check])
    }
  }

  /** The line of one row, 0-based, with its newline. */
  line(row: number): string {
    let text = this.#head
    for (const { key, tensor } of this.#columns) text += `,${key}${tensor === null ? 'null' : this.#value(tensor, row)}`
    const checks = this.#failedChecks.get(row)
    text += `,"check_failures":${checks === undefined ? '[]' : JSON.stringify(checks)}`
    const route = this.#record.route?.[row]
    return `${text},"metadata":{"route":${route === undefined ? 'null' : JSON.stringify(route)}${this.#tail}`
  }

  #value(tensor: Tensor, row: number): string {
    // A request without a row axis is one row; its tensors are printed as they are.
    return this.#record.rows === 1 && tensor.shape[0] !== 1 ? writeNested(tensor) : writeRow(tensor, row)
  }
}

/** What the record holds in memory until it is written, in bytes: an estimate from its data, not from its text. */
export function recordBytes(record: AuditRecord): number {
  let bytes = 256 + record.rows * 64
  for (const { tensor } of columnsOf(record)) {
    if (tensor === null) continue
    const { data } = tensor
    if (ArrayBuffer.isView(data)) bytes += data.byteLength
    else for (const text of data) bytes += 2 * text.length + 16
  }
  return bytes
}

function columnsOf(record: AuditRecord): Column[] {
  const columns: Column[] = []
  const add = (prefix: string, tensors: Readonly<Record<string, Tensor>>): void => {
    for (const [name, tensor] of Object.entries(tensors))
      columns.push({ key: `${JSON.stringify(`${prefix}.${name}`)}:`, tensor })
  }
  add('in', record.inputs)
  add('out', record.outputs)
  for (const [model, tensors] of Object.entries(record.audited)) {
    if (tensors === null) columns.push({ key: `${JSON.stringify(`out_${model}`)}:`, tensor: null })
    else add(`out_${model}`, tensors)
  }
  return columns
}

/** The stage of a `lookup` step: keys of a request to rows of a table, and their columns beside those of the request. */
import { PenstockError } from '../base/errors.js'
import { LOOKUP_FAILURES_MAX, LOOKUP_REQUEST_BYTES_MAX } from '../base/limits/limits.js'
import {
  rowsError,
  type ColumnStage,
  type FailedRow,
  type StagePlan,
  type TransformColumns,
} from '../pipeline/columns/stage.js'
import { lookupColumnType, lookupKeys } from '../pipeline/columns/lookup-step.js'
import type { LookupStep } from '../pipeline/definition.js'
import { castValues } from '../tensor/cast-values.js'
import { dtypeInfo, type NumericData } from '../tensor/dtype.js'
import type { NumericDtype } from '../tensor/tensor.js'
import { elementsOf, hasBit, type TransformColumn } from '../transforms/draft/column.js'
import { gather } from './gather.js'
import { findRows } from './hash-index.js'
import { keyText } from './key-text.js'
import type { LookupTable } from './lookup-table.js'
import type { KeyPart, LookupSpec, PackedColumn, PackedTable } from './packed.js'

/** What a step wants of its table. */
export function specOf(step: LookupStep): LookupSpec {
  return {
    key: lookupKeys(step).map(({ from }) => from),
    columns: step.columns.map((column) => {
      const { name, dtype, isNullable, shape } = lookupColumnType(column)
      return { from: column.from ?? name, dtype, isNullable, shape }
    }),
    asOf: step.asOf?.column ?? null,
  }
}

export class LookupStage implements ColumnStage {
  readonly #step: LookupStep
  readonly #keys: readonly string[]
  readonly #table: LookupTable
  readonly #onClose: () => void
  #isClosed = false

  /** @throws PenstockError ERR_PIPELINE_INVALID: keys of the request are of another kind than those of the table. */
  constructor(step: LookupStep, { takes }: Pick<StagePlan, 'takes'>, table: LookupTable, onClose: () => void) {
    this.#step = step
    this.#keys = lookupKeys(step).map(({ name }) => name)
    this.#table = table
    lookupKeys(step).forEach(({ name, from }, i) => {
      const isText = table.current.keys[i]?.kind === 'text'
      const dtype = takes.find((column) => column.name === name)?.dtype
      if ((dtype === 'string') === isText) return
      throw new PenstockError(
        'ERR_PIPELINE_INVALID',
        `Expected the key ${name} of the request (${dtype}) to be of the kind that ${from} of ${table.name} has: ${isText ? 'texts' : 'integers'}`,
      )
    })
    this.#onClose = onClose
  }

  run(columns: TransformColumns, rows: number): TransformColumns {
    const { columns: wanted, onMissing = 'refuse', flag, asOf } = this.#step
    // One content for all rows of the request, whatever the file becomes meanwhile.
    const table = this.#table.current
    const found = new Int32Array(rows)
    const keys = this.#keys.map((name) => requestKey(columns[name] as TransformColumn, found))
    const times = asOf === undefined ? null : requestTimes(columns[asOf.at] as TransformColumn, found)
    findRows(table.index, table.keys, keys, times, found)
    const missing = countMissing(found)
    this.#table.counts.lookedUpRows += rows
    this.#table.counts.missingRows += missing
    if (missing > 0 && onMissing === 'refuse') throw this.#refusal(columns, keys, times, found, missing)
    expectRoom(table, found)
    const made = wanted.map(({ name }, i) => [name, gather(table.columns[i] as PackedColumn, found)] as const)
    if (flag === undefined) return Object.fromEntries(made)
    const isFound: TransformColumn = {
      dtype: 'bool',
      shape: [rows],
      data: Uint8Array.from(found, (row) => (row < 0 ? 0 : 1)),
      offsets: null,
      validity: null,
    }
    return { ...Object.fromEntries(made), [flag]: isFound }
  }

  close(): Promise<void> {
    if (!this.#isClosed) this.#onClose()
    this.#isClosed = true
    return Promise.resolve()
  }

  #refusal(
    columns: TransformColumns,
    keys: readonly KeyPart[],
    times: BigInt64Array | null,
    found: Int32Array,
    count: number,
  ): PenstockError {
    const failures: FailedRow[] = []
    const column = this.#keys[0] as string
    for (let row = 0; row < found.length && failures.length < LOOKUP_FAILURES_MAX; row++) {
      if (found[row] !== -1) continue
      const without = this.#keys.find((name) => !hasBit(columns[name]?.validity ?? null, row))
      const when = times === null ? '' : ` at ${this.#step.asOf?.at} ${times[row]}`
      const message =
        without === undefined
          ? `Expected ${this.#table.name} to have a row for ${keyText(this.#keys, keys, row)}${when} but there is none`
          : `Expected ${without} to have a value, for ${this.#table.name} is asked for it, but it is missing`
      failures.push({ row, column: without ?? column, message })
    }
    return rowsError('ERR_ENTITY_NOT_FOUND', failures, count)
  }
}

/** @param found a row without a key is marked as one that has none in the table. */
function requestKey({ dtype, data, offsets, validity }: TransformColumn, found: Int32Array): KeyPart {
  if (validity !== null) for (let row = 0; row < found.length; row++) if (!hasBit(validity, row)) found[row] = -1
  if (offsets !== null) return { kind: 'text', bytes: data as Uint8Array, offsets }
  return { kind: 'integer', words: wordsOf(toInt64(data, dtype as NumericDtype, found)) }
}

function wordsOf(values: BigInt64Array): Int32Array {
  return new Int32Array(values.buffer, values.byteOffset, 2 * values.length)
}

function toInt64(data: NumericData, dtype: NumericDtype, found: Int32Array): BigInt64Array {
  if (dtype === 'int64') return data as BigInt64Array
  const values = new BigInt64Array(data.length)
  for (let start = 0; start < data.length;) {
    const unfit = castValues(data.subarray(start), dtype, values.subarray(start), 'int64')
    if (unfit < 0) break
    // An id beyond int64 is no row's.
    found[start + unfit] = -1
    start += unfit + 1
  }
  return values
}

function requestTimes({ data, validity }: TransformColumn, found: Int32Array): BigInt64Array {
  if (validity !== null) for (let row = 0; row < found.length; row++) if (!hasBit(validity, row)) found[row] = -1
  return data as BigInt64Array
}

function countMissing(found: Int32Array): number {
  let count = 0
  for (let row = 0; row < found.length; row++) if (found[row] === -1) count++
  return count
}

/** A request of many rows must not have a wide table copied for each of them. @throws PenstockError ERR_TOO_MANY_ROWS. */
function expectRoom({ columns }: PackedTable, found: Int32Array): void {
  let bytes = 0
  for (const { dtype, shape, offsets } of columns) {
    const width = elementsOf(shape)
    if (offsets === null) bytes += found.length * width * dtypeInfo(dtype).sizeBytes
    else
      for (const row of found)
        if (row >= 0) bytes += (offsets[(row + 1) * width] as number) - (offsets[row * width] as number)
  }
  if (bytes <= LOOKUP_REQUEST_BYTES_MAX) return
  throw new PenstockError(
    'ERR_TOO_MANY_ROWS',
    `Expected the columns that are looked up for a request to take at most ${LOOKUP_REQUEST_BYTES_MAX} bytes but they take ${bytes}. Send the rows in several requests`,
  )
}

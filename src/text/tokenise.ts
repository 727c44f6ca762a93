/**
 * The column stage of a `tokenise` step: a column of texts in, the columns of tokens that encoders take out. All rows of a
 * request have as many tokens, and requests of about as many the same number, so that they share batches.
 */
import { PenstockError } from '../base/errors.js'
import { TOKENISE_TEXT_BYTES_MAX, TOKENISE_BYTES_MAX, TOKENS_MULTIPLE } from '../base/limits/text-limits.js'
import { didYouMean } from '../base/suggest.js'
import {
  rowsError,
  type ColumnStage,
  type FailedRow,
  type StageCall,
  type StageColumn,
  type StagePlan,
  type TransformColumns,
} from '../pipeline/columns/stage.js'
import type { TokeniseStep } from '../pipeline/definition.js'
import { describeType, type ColumnType, hasBit, type TransformColumn } from '../transforms/draft/column.js'
import type { TokenColumns, TokeniseSettings } from './text-tokenizer.js'
import type { TokenizerThread } from './tokenizer-thread.js'

/** What a step of tokens leaves, as encoders call it. */
export const TOKEN_COLUMNS = ['input_ids', 'attention_mask', 'token_type_ids'] as const

/** @throws PenstockError ERR_PIPELINE_INVALID: the column is not there, or none of texts. */
export function compileTokenise(step: TokeniseStep, where: string, table: readonly StageColumn[]): StagePlan {
  const column = table.find(({ name }) => name === step.column)
  if (column === undefined) {
    const names = table.map(({ name }) => name)
    const wayOut = didYouMean(step.column, names) || `. There are ${names.join(', ') || 'none'}`
    throw invalid(`Expected ${where}.column to be a column in front of it but received ${step.column}${wayOut}`)
  }
  if (column.dtype !== 'string' || column.shape.length > 0) {
    const received = column.shape.includes(null) ? column.dtype : describeType(column as ColumnType)
    throw invalid(`Expected ${where}.column, ${step.column}, to be one text a row but it is ${received}`)
  }
  const tokens = step.padding === 'max-length' ? (step.maxLength ?? null) : null
  return {
    takes: [column],
    makes: TOKEN_COLUMNS.map((name) => ({ name, dtype: 'int64', isNullable: false, shape: [tokens] })),
    drops: TOKEN_COLUMNS.some((name) => name === step.column) ? [] : [step.column],
  }
}

/**
 * @param release gives the thread back.
 * @throws PenstockError ERR_PIPELINE_INVALID: no token of a text would fit beside those that frame each row.
 */
export function openTokenise(step: TokeniseStep, thread: TokenizerThread, release: () => Promise<void>): ColumnStage {
  const settings: TokeniseSettings = {
    maxLength: step.maxLength ?? null,
    padding: step.padding ?? 'longest',
    padToMultipleOf: step.padToMultipleOf ?? TOKENS_MULTIPLE,
    truncation: step.truncation ?? null,
  }
  const { specialTokens } = thread.facts
  if (step.maxLength !== undefined && step.maxLength <= specialTokens)
    throw invalid(
      `Expected maxLength to be more than the ${specialTokens} special tokens that ${step.tokenizer} puts around each text but received ${step.maxLength}`,
    )
  let isOpen = true
  return {
    run: (columns, rows, call) => tokenise(columns[step.column] as TransformColumn, rows, call, step, settings, thread),
    close: async () => {
      if (!isOpen) return
      isOpen = false
      await release()
    },
  }
}

async function tokenise(
  texts: TransformColumn,
  rows: number,
  call: StageCall,
  { column }: TokeniseStep,
  settings: TokeniseSettings,
  thread: TokenizerThread,
): Promise<TransformColumns> {
  const packed = packedOf(texts, rows, column)
  const result = await thread.run(packed, settings, call.signal)
  if (result.kind === 'refused')
    throw rowsError(
      'ERR_VALUE_RANGE',
      result.rows.map((row) => ({ ...row, column })),
    )
  if (result.kind !== 'columns') throw new Error(`assertion: texts with settings become columns, not ${result.kind}`)
  const { inputIds, counts } = result.columns
  call.hold?.(TOKEN_COLUMNS.length * inputIds.byteLength)
  call.onTokens?.(counts)
  return columnsOf(result.columns, rows)
}

function packedOf(
  { data, offsets, validity }: TransformColumn,
  rows: number,
  column: string,
): { data: Uint8Array; offsets: Int32Array } {
  if (offsets === null) throw new Error('assertion: a column of texts has offsets')
  const failures: FailedRow[] = []
  for (let row = 0; row < rows; row++) {
    const bytes = (offsets[row + 1] as number) - (offsets[row] as number)
    if (!hasBit(validity, row))
      failures.push({ row, column, message: `Expected ${column} to have a value but it is missing` })
    else if (bytes > TOKENISE_TEXT_BYTES_MAX)
      failures.push({
        row,
        column,
        message: `Expected ${column} to be a text of at most ${TOKENISE_TEXT_BYTES_MAX} bytes but received ${bytes}`,
      })
    if (failures.length >= FAILURES_MAX) break
  }
  if (failures.length > 0) throw rowsError('ERR_VALUE_RANGE', failures)
  const bytes = (offsets[rows] as number) - (offsets[0] as number)
  if (bytes > TOKENISE_BYTES_MAX) {
    const text = `Expected the texts of a request to have at most ${TOKENISE_BYTES_MAX} bytes but received ${bytes}. Send fewer rows at a time`
    throw new PenstockError('ERR_ARGUMENT', text)
  }
  return { data: data as Uint8Array, offsets }
}

/** Many rows that fail alike are reported by the first ones. */
const FAILURES_MAX = 16

function columnsOf({ tokens, inputIds, attentionMask, tokenTypeIds }: TokenColumns, rows: number): TransformColumns {
  const column = (bytes: ArrayBuffer): TransformColumn => ({
    dtype: 'int64',
    shape: [rows, tokens],
    data: new BigInt64Array(bytes),
    offsets: null,
    validity: null,
  })
  return {
    input_ids: column(inputIds),
    attention_mask: column(attentionMask),
    token_type_ids: column(tokenTypeIds),
  }
}

function invalid(text: string): PenstockError {
  return new PenstockError('ERR_PIPELINE_INVALID', text)
}

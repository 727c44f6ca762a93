/** What a version answers to the rows that a promotion is judged by, through a pipeline of its own that nobody else reaches. */
import { argumentError } from '../../base/expect.js'
import { REQUEST_ROWS_MAX } from '../../base/limits/limits.js'
import { didYouMean } from '../../base/suggest.js'
import type { ContractColumn } from '../../contract/columns.js'
import type { ResolvedContract, ResolvedField } from '../../contract/resolve.js'
import type { JudgedValue } from '../../evaluation/metrics.js'
import type { PredictRow } from '../api/api.js'
import type { CancelSignal } from '../api/inference.js'
import type { Deployment } from '../deploy/deployment.js'
import { memberWriter } from '../predict/answer-text.js'
import { predictRows, type RunRequest } from '../predict/predict.js'
import type { RowsReader } from '../predict/rows-reader.js'

/** The fields of a contract that a model is judged by. */
export interface JudgedFields {
  readonly prediction: ResolvedField
  /** null: the contract has none, so that only agreement can be measured. */
  readonly target: ResolvedField | null
  /** Class → the field with its probability. */
  readonly probabilities: ReadonlyMap<string, ResolvedField>
}

/** By row that was answered; null: missing, or no number that JSON has. */
export interface Answers {
  /** 0-based positions of the answered rows among those that were sent. */
  readonly rows: readonly number[]
  readonly predicted: readonly (JudgedValue | null)[]
  readonly actual: readonly (JudgedValue | null)[]
  readonly probabilities: ReadonlyMap<string, readonly (number | null)[]>
}

/** @throws PenstockError ERR_ARGUMENT: it is not clear which one is meant, or there is none. */
export function judgedFields({ inputs, outputs }: ResolvedContract, name: string | undefined): JudgedFields {
  const predictions = outputs.filter(({ role, shape }) => role === 'prediction' && shape.length === 0)
  const names = predictions.map((field) => field.name)
  const prediction = name === undefined ? predictions[0] : predictions.find((field) => field.name === name)
  const rule = `one of the contract's predictions with one value a row: ${names.join(', ') || 'it has none'}`
  if (prediction === undefined || (name === undefined && predictions.length > 1))
    throw argumentError('prediction', rule, name, didYouMean(name ?? '', names).replace(/^\. /, ''))
  const targets = inputs.filter(({ role }) => role === 'target')
  const { estimates } = prediction.source
  const target = targets.find((field) => field.name === estimates) ?? (targets.length === 1 ? targets[0] : undefined)
  const ofTarget = outputs.filter(
    ({ role, shape, source }) => role === 'probability' && shape.length === 0 && source.estimates === estimates,
  )
  return {
    prediction,
    target: target ?? null,
    probabilities: new Map(ofTarget.map((field) => [String(field.source.class), field])),
  }
}

/** Rows of one request: few enough for others to come in between. */
const requestRows = Math.min(1024, REQUEST_ROWS_MAX)

/** Answers the rows, part by part. @throws PenstockError as predict. */
export async function answersTo(
  rows: readonly PredictRow[],
  { prediction, target, probabilities }: JudgedFields,
  { deployment, reader, run, signal }: Answering,
): Promise<Answers> {
  const rowsAnswered: number[] = []
  const predicted: (JudgedValue | null)[] = []
  const actual: (JudgedValue | null)[] = []
  const ofClasses = new Map([...probabilities.keys()].map((name): [string, (number | null)[]] => [name, []]))
  for (let start = 0; start < rows.length; start += requestRows) {
    let sent: readonly ContractColumn[] = []
    const keeping: Pick<RowsReader, 'read'> = {
      read(contract, part, onHeld) {
        const read = reader.read(contract, part, onHeld)
        sent = read.columns ?? []
        return read
      },
    }
    const part = rows.slice(start, start + requestRows)
    const { columns, answeredRows } = await predictRows(deployment, keeping, part, { signal }, run)
    const truth = target === null ? [] : sent.filter(({ name }) => name === target.name)
    const write = memberWriter([...truth.map((column) => ({ ...column, name: '$target' })), ...columns])
    answeredRows.forEach((row, at) => {
      const members = JSON.parse(`{${write(at)}}`) as Readonly<Record<string, JudgedValue | null>>
      rowsAnswered.push(start + row)
      predicted.push(members[prediction.name] ?? null)
      actual.push(members['$target'] ?? null)
      for (const [name, field] of probabilities) ofClasses.get(name)?.push(members[field.name] as number | null)
    })
  }
  return { rows: rowsAnswered, predicted, actual, probabilities: ofClasses }
}

export interface Answering {
  readonly deployment: Deployment
  readonly reader: Pick<RowsReader, 'read'>
  readonly run: RunRequest
  readonly signal: CancelSignal | undefined
}

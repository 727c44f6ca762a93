/**
 * A request by the names of a contract, from its rows to its answer: rows → checked columns → tensors → the usual inference
 * → columns of the answer. All up to the inference happens in the call itself, so that the plan that the rows were made for
 * is the one that runs them.
 */
import { PenstockError } from '../../base/errors.js'
import { META_KEYS_MAX } from '../../base/limits/limits.js'
import type { RowProblem } from '../../contract/check-row.js'
import type { ContractColumn } from '../../contract/columns.js'
import { pointer } from '../../contract/member-tree.js'
import { EXTRA_KEY, extraText, loggedTexts } from '../../contract/derived/logged-fields.js'
import type { ResolvedContract } from '../../contract/resolve.js'
import type { RowTable } from '../../contract/tables/row-table.js'
import type {
  InferRequest,
  InferResult,
  Meta,
  Prediction,
  PredictOptions,
  PredictResult,
  PredictRows,
} from '../api/api.js'
import type { Deployment } from '../deploy/deployment.js'
import type { CheckedColumns } from '../requests/admission.js'
import { answerColumns } from './answer-columns.js'
import { memberWriter } from './answer-text.js'
import { featureColumns } from './feature-columns.js'
import { featureTensors } from './feature-tensors.js'
import { contractError } from './refusal.js'
import type { RowsRead, RowsReader } from './rows-reader.js'
import { readTable } from './table-reader.js'

/**
 * Runs a request on the deployment; takes its place in the queue before it returns.
 * @param columns what the pipeline's first step takes in place of `inputs`.
 */
export type RunRequest = (request: InferRequest, columns?: CheckedColumns) => Promise<InferResult>

/**
 * Answers rows.
 * @throws PenstockError ERR_CONTRACT with each problem; ERR_CONTRACT_NOT_FOUND: the pipeline names none; what the reader
 *   and `infer` throw.
 */
export async function predictRows(
  deployment: Deployment,
  reader: Pick<RowsReader, 'read'>,
  rows: PredictRows,
  { onHeld, onRead, ...options }: PredictOptions,
  run: RunRequest,
): Promise<PredictResult> {
  const { reference, contract, binding } = expectContract(deployment)
  const read = reader.read(contract, rows, onHeld)
  const { columns, isOne } = read
  if (columns === null) {
    const problems = read.problems.filter(({ action }) => action === 'reject')
    throw contractError({ reference, problems, count: read.refusalCount, isOne })
  }
  const answer = (result: InferResult | null): PredictResult =>
    new Answer(reference, read, answerColumns(deployment, columns, result), result)
  // `[]`, and rows that were all dropped.
  if (read.rows.length === 0) return answer(null)
  const common = {
    ...options,
    ...withLoggedMeta(deployment, columns, read, { meta: options.meta, ...keptMeta(options.meta, read) }),
  }
  const { inputChain, inputFields } = deployment.compiled
  if (inputChain !== null) {
    const made = { columns: featureColumns(inputChain.inputs, columns), rows: read.rows.length }
    onRead?.()
    return answer(await run({ ...common, inputs: {} }, made))
  }
  const { inputs, problem } = featureTensors(binding.features ?? [], inputFields, columns, read.rows)
  if (problem !== null) throw contractError({ reference, problems: [placed(problem, contract)], count: 1, isOne })
  onRead?.()
  return answer(await run({ ...common, inputs }))
}

/** The pipeline as it serves now, and how it is run. */
export type ServingPipeline = () => { readonly deployment: Deployment; readonly run: RunRequest }

/**
 * Answers the rows of a table. They are checked in parts: where the contract is another one by then, once more.
 * @throws PenstockError as predictRows; ERR_ABORTED.
 */
export async function predictTable(
  serving: ServingPipeline,
  table: RowTable,
  options: PredictOptions,
): Promise<PredictResult> {
  let checked = null as { readonly contract: ResolvedContract; readonly read: RowsRead } | null
  for (;;) {
    const { deployment, run } = serving()
    const { contract } = expectContract(deployment)
    if (checked?.contract === contract) {
      const { read } = checked
      return predictRows(deployment, { read: () => read }, table, options, run)
    }
    checked = { contract, read: await readTable(contract, table, options) }
  }
}

/** @throws PenstockError ERR_CONTRACT_NOT_FOUND */
export function expectContract({ pipeline, contract }: Deployment): NonNullable<Deployment['contract']> {
  if (contract !== null) return contract
  const wayOut = 'Apply it with "contract": "name@version", or send tensors to infer'
  throw new PenstockError(
    'ERR_CONTRACT_NOT_FOUND',
    `Pipeline ${pipeline} names no contract, so there are no fields to send. ${wayOut}`,
  )
}

/** Where the row has it: what found the problem knows columns alone. */
function placed(problem: RowProblem, { inputs }: ResolvedContract): RowProblem {
  const field = inputs.find(({ name }) => name === problem.field)
  return field === undefined ? problem : { ...problem, path: pointer([problem.row, ...field.path]) }
}

/** Keys with a value for each row that came lose those of the dropped ones. */
function keptMeta(meta: Meta | undefined, { rows, rowCount }: RowsRead): { readonly meta?: Meta } {
  if (meta === undefined || rows.length === rowCount) return {}
  const entries = Object.entries(meta).map(([key, value]) => {
    const isByRow = Array.isArray(value) && value.length === rowCount
    return [key, isByRow ? Array.from(rows, (row) => (value as readonly unknown[])[row]) : value]
  })
  return { meta: Object.fromEntries(entries) as Meta }
}

/**
 * The keys that the log wants of the rows, beside the caller's own, which win: whom they are about, when it happened, what
 * the contract has no field for. Where there is no log, or no room for more keys, there are none.
 */
function withLoggedMeta(
  { log, compiled: { logKeys } }: Deployment,
  columns: readonly ContractColumn[],
  { rows, extraValues }: RowsRead,
  own: { readonly meta?: Meta | undefined },
): { readonly meta?: Meta | undefined } {
  if (log === null || logKeys.length === 0) return own
  const meta: Record<string, Meta[string]> = { ...own.meta }
  let room = META_KEYS_MAX - Object.keys(meta).length
  for (const key of logKeys) {
    if (room <= 0 || Object.hasOwn(meta, key)) continue
    if (key === EXTRA_KEY) {
      const text = extraText(extraValues)
      if (text === '') continue
      meta[key] = text
    } else {
      const column = columns.find(({ name }) => name === key)
      if (column === undefined || column.validity?.every((bit) => bit === 0) === true) continue
      meta[key] = loggedTexts(column, rows.length)
    }
    room--
  }
  return { meta }
}

class Answer implements PredictResult {
  readonly rows: number
  readonly isOne: boolean
  readonly answeredRows: Uint32Array
  readonly problems: readonly RowProblem[]
  readonly problemCount: number
  readonly extra: readonly string[]
  readonly checkFailures: InferResult['checkFailures']
  readonly metadata: PredictResult['metadata']
  #predictions: (Prediction | null)[] | null = null

  constructor(
    readonly contract: string,
    read: RowsRead,
    readonly columns: readonly ContractColumn[],
    result: InferResult | null,
  ) {
    this.rows = read.rowCount
    this.isOne = read.isOne
    this.answeredRows = read.rows
    this.problems = read.problems
    this.problemCount = read.problemCount
    this.extra = read.extra
    this.checkFailures = result?.checkFailures ?? []
    this.metadata = result?.metadata ?? null
  }

  get predictions(): readonly (Prediction | null)[] {
    if (this.#predictions !== null) return this.#predictions
    const predictions = new Array<Prediction | null>(this.rows).fill(null)
    const write = memberWriter(this.columns)
    this.answeredRows.forEach((row, at) => (predictions[row] = JSON.parse(`{${write(at)}}`) as Prediction))
    return (this.#predictions = predictions)
  }
}

/** Prepares the reader for the deployment's contract and runs its example, if it has one. @throws PenstockError as predictRows. */
export async function predictExample(
  deployment: Deployment,
  reader: RowsReader,
  options: PredictOptions,
  run: RunRequest,
): Promise<void> {
  if (deployment.contract === null) return
  const { contract } = deployment.contract
  reader.prepare(contract)
  const { example } = contract.contract
  if (example === undefined) return
  await predictRows(deployment, reader, [example], options, run)
}

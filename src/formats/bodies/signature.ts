/**
 * What an infer body is read by, what it becomes, and the sentences about inputs that are not what the pipeline has.
 */
import { describeValue } from '../../base/expect.js'
import { PenstockError } from '../../base/errors.js'
import type { InferRequest, PipelineDescription } from '../../engine/api/api.js'
import type { CsvSignature } from '../csv/read-csv.js'
import { formatShape } from '../../tensor/shape.js'
import { hasMissingValue, mayBeMissing, missingTensor } from '../../tensor/missing.js'
import type { Tensor, TensorField } from '../../tensor/tensor.js'
import { closest } from '../../base/suggest.js'

/** The part of a description that a body is read by. */
export type Signature = Pick<PipelineDescription, 'name' | 'inputs' | 'isNonBatching' | 'rowsMax' | 'steps'> &
  Partial<Pick<PipelineDescription, 'definition'>>
export type ParsedRequest = Pick<InferRequest, 'meta' | 'deadlineMs' | 'priority'> & {
  readonly inputs: Readonly<Record<string, Tensor>>
}

export interface ColumnsBody {
  readonly form: 'columns'
  readonly request: ParsedRequest
}

export interface RecordsBody {
  readonly form: 'records'
  readonly request: ParsedRequest
  /** The text of each record, to be echoed as `in`. */
  readonly echoes: readonly string[]
  /** Columns that are neither inputs nor routing keys; of very many, some. */
  readonly others: readonly string[]
}

/** The keys that splits of the pipeline route on and its log keeps: columns of these names are read as such. */
export function routingKeys(signature: Signature): Set<string> {
  const keys = new Set<string>(signature.definition?.log?.keys)
  for (const step of signature.steps) {
    if (step.type === 'key-split') keys.add(step.key)
    else if (step.type === 'random-split' && step.hashKey !== undefined) keys.add(step.hashKey)
  }
  return keys
}

/** What CSV is read by: the keys that splits route on are columns of their own. */
export function csvSignature({
  inputs,
  isNonBatching,
  steps,
}: Pick<Signature, 'inputs' | 'isNonBatching' | 'steps'>): CsvSignature {
  return {
    inputs,
    isNonBatching,
    textKeys: steps.flatMap((step) => (step.type === 'key-split' ? [step.key] : [])),
    hashKeys: steps.flatMap((step) =>
      step.type === 'random-split' && step.hashKey !== undefined ? [step.hashKey] : [],
    ),
  }
}

export function fieldOf(name: string, signature: Signature): TensorField | undefined {
  return signature.inputs.find((candidate) => candidate.name === name)
}

export function unknownInput(name: string, signature: Signature): PenstockError {
  const names = signature.inputs.map((field) => field.name)
  const hint = closest(name, names)
  const wayOut = hint === null ? `It has ${names.join(', ')}` : `Did you mean ${hint}?`
  return new PenstockError(
    'ERR_UNKNOWN_INPUT',
    `Expected an input of pipeline ${signature.name} but received ${describeValue(name)}. ${wayOut}`,
  )
}

/** @param others names that stand there instead: the nearest is proposed. */
export function missingInput(
  name: string,
  signature: Signature,
  where: string,
  others: readonly string[] = [],
): PenstockError {
  const near = closest(name, others)
  const hint = near === null ? '' : `. Is it ${describeValue(near)}? Then call it ${name}`
  const field = fieldOf(name, signature)
  const rule = field === undefined || hasMissingValue(field) ? '' : `, for ${field.dtype} has no missing value,`
  return new PenstockError(
    'ERR_MISSING_INPUT',
    `Expected ${where} to have the input ${name} of pipeline ${signature.name}${rule} but received none${hint}. Send ${example(signature)}`,
  )
}

/** What a table has beside the inputs that it lacks. */
export interface TableFacts {
  readonly rows: number
  /** Whether it has any input. */
  readonly hasInput: boolean
  /** Its columns that are no inputs and no routing keys; of very many, some. */
  readonly others: readonly string[]
}

/**
 * An input that no row of a table has: missing in each.
 * @throws PenstockError ERR_MISSING_INPUT: it has no missing value, a column is called nearly like it, or the table has
 *   no input at all, which is a table for something else.
 */
export function absentInput(field: TensorField, signature: Signature, where: string, facts: TableFacts): Tensor {
  const isMissing =
    facts.hasInput && !signature.isNonBatching && mayBeMissing(field) && closest(field.name, facts.others) === null
  if (!isMissing) throw missingInput(field.name, signature, where, facts.others)
  return missingTensor(field, facts.rows)
}

/** The body that the caller should have sent, by name and shape. */
export function example(signature: Signature): string {
  const members = signature.inputs.map(
    (field) => `"${field.name}": ${field.dtype} ${formatShape(field.shape, signature.isNonBatching)}`,
  )
  return `{${members.join(', ')}}`
}

/**
 * What an infer body is read by, what it becomes, and the sentences about inputs that are not what the pipeline has.
 */
import { describeValue } from '../../../base/expect.js'
import { PenstockError } from '../../../base/errors.js'
import type { InferRequest, PipelineDescription } from '../../../engine/api.js'
import type { CsvSignature } from '../../../results/csv/read-csv.js'
import { formatShape } from '../../../tensor/shape.js'
import type { Tensor, TensorField } from '../../../tensor/tensor.js'
import { closest } from '../../../base/suggest.js'

/** The part of a description that a body is read by. */
export type Signature = Pick<PipelineDescription, 'name' | 'inputs' | 'isWhole' | 'rowsMax' | 'steps'> &
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
  isWhole,
  steps,
}: Pick<Signature, 'inputs' | 'isWhole' | 'steps'>): CsvSignature {
  return {
    inputs,
    isWhole,
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
  return new PenstockError(
    'ERR_MISSING_INPUT',
    `Expected ${where} to have the input ${name} of pipeline ${signature.name} but received none${hint}. Send ${example(signature)}`,
  )
}

/** The body that the caller should have sent, by name and shape. */
export function example(signature: Signature): string {
  const members = signature.inputs.map(
    (field) => `"${field.name}": ${field.dtype} ${formatShape(field.shape, signature.isWhole)}`,
  )
  return `{${members.join(', ')}}`
}

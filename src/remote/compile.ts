/**
 * A remote step between the columns in front of it and those behind: which are sent, under which names, and what comes
 * back. What was sent is gone, as a model's inputs are, unless the step keeps it; all other columns stay.
 */
import { argumentError } from '../base/expect.js'
import { closest, didYouMean } from '../base/suggest.js'
import type { PenstockError } from '../base/errors.js'
import type { CompileStage, StageColumn } from '../pipeline/columns/stage.js'
import type { RemoteOutput, RemoteStep } from '../pipeline/remote-step.js'
import { dtypeInfo, isSafeCast } from '../tensor/dtype.js'
import { formatShape } from '../tensor/shape.js'
import { elementsOf, isFloat } from '../transforms/draft/column.js'
import type { AnswerColumn } from './columns/read-columns.js'
import type { DiscoveredModel, DiscoveredTensor } from './discover.js'
import type { OipColumn } from './kinds/oip.js'

/** A step as it is deployed: with what its remote's metadata say, where it was asked for them. */
export type PreparedRemoteStep = RemoteStep & { readonly discovered?: DiscoveredModel }

/** @param where e.g. `steps[1]`. */
export function compileRemote(step: PreparedRemoteStep, where: string): CompileStage {
  return (table) => {
    const takes = sentOf(step, where, table)
    for (const column of takes) sentColumn(step, where, column)
    const makes = answerColumns(step, where).map(({ name, dtype, isNullable, shape }) => ({
      name,
      dtype,
      isNullable,
      shape,
    }))
    const made = makes.map(({ name }) => name)
    const drops = takes.map(({ name }) => name).filter((name) => step.keep !== true && !made.includes(name))
    const staying = table.map(({ name }) => name).filter((name) => !drops.includes(name) && !made.includes(name))
    if (made.length + staying.length === 0) throw invalid(where, 'a step that leaves a column', 'none')
    return { takes, makes, drops }
  }
}

/** The columns that are sent, in the order of the table. @throws PenstockError ERR_PIPELINE_INVALID: one is not there. */
function sentOf(step: PreparedRemoteStep, where: string, table: readonly StageColumn[]): StageColumn[] {
  const known = table.map(({ name }) => name)
  const wanted = step.send === undefined ? wantedByRemote(step, known) : Object.keys(step.send)
  const missing = wanted.find((name) => !known.includes(name))
  if (missing !== undefined) {
    const wayOut =
      didYouMean(missing, known) ||
      `. There are ${known.slice(0, 20).join(', ')}: name them in send, or rename them before`
    throw invalid(where, 'a step whose columns are there', missing, wayOut.replace(/^\. /, ''))
  }
  return table.filter(({ name }) => wanted.includes(name))
}

/** What callers send to the step, or the names of the model's inputs. */
function wantedByRemote({ discovered, inputs = [] }: PreparedRemoteStep, known: readonly string[]): readonly string[] {
  // The only column goes to the only input, whatever their names.
  if (discovered?.inputs.length === 1 && known.length === 1) return known
  return (discovered === undefined || inputs.length > 0 ? inputs : discovered.inputs).map(({ name }) => name)
}

/** How a column is sent. @throws PenstockError ERR_PIPELINE_INVALID: the remote's metadata contradict it. */
export function sentColumn(step: PreparedRemoteStep, where: string, column: StageColumn): OipColumn {
  const { name } = column
  const inputs = step.discovered?.inputs ?? []
  const as = step.send?.[name] ?? (inputs.length === 1 ? (inputs[0] as DiscoveredTensor).name : name)
  if (step.discovered === undefined) return { name, as, dtype: column.dtype, dims: null }
  const input = inputs.find((candidate) => candidate.name === as)
  if (input === undefined) throw unknownTensor(where, 'input', as, inputs)
  if (!isSafeCast(column.dtype, input.dtype))
    throw invalid(
      where,
      `a step whose column ${name} is ${dtypeInfo(input.dtype).name}, as the input ${as} of the remote,`,
      column.dtype,
      `Add {"op": "cast", "columns": ["${name}"], "to": "${input.dtype}"} in a transform before`,
    )
  return { name, as, dtype: input.dtype, dims: fittingDims(where, column, input) }
}

/** The dims of a row as the remote has them; null: those of the column. */
function fittingDims(
  where: string,
  { name, shape }: StageColumn,
  { dims }: DiscoveredTensor,
): readonly number[] | null {
  if (shape.includes(null)) return null
  const own = shape as readonly number[]
  const isSame = own.length === dims.length && dims.every((dim, i) => dim === null || dim === own[i])
  if (isSame) return null
  if (own.length === 0 && dims.length === 1 && (dims[0] ?? 1) === 1) return [1]
  const fixed = dims.filter((dim) => dim !== null)
  if (fixed.length === dims.length && elementsOf(fixed) === elementsOf(own)) return fixed
  throw invalid(
    where,
    `a step whose column ${name} has rows of ${formatShape(dims, true)}, as the remote's input,`,
    formatShape(own, true),
  )
}

/** The outputs of a step. @throws PenstockError ERR_PIPELINE_INVALID: it has none, or not those of the remote's metadata. */
export function answerColumns(step: PreparedRemoteStep, where: string): AnswerColumn[] {
  const { discovered } = step
  if (step.outputs === undefined) {
    return (discovered?.outputs ?? []).map(({ name, dtype, dims }) => ({
      name,
      from: name,
      dtype,
      isNullable: false,
      mayBeMissing: false,
      shape: dims,
    }))
  }
  return step.outputs.map((output) => {
    if (discovered !== undefined) expectKnown(output, where, discovered.outputs)
    const { name, dtype, shape = [], nullable = false, from = name } = output
    return { name, from, dtype, shape, mayBeMissing: nullable, isNullable: nullable && !isFloat(dtype) }
  })
}

function expectKnown(
  { name, dtype, from = name }: RemoteOutput,
  where: string,
  outputs: readonly DiscoveredTensor[],
): void {
  const output = outputs.find((candidate) => candidate.name === from)
  if (output === undefined) throw unknownTensor(where, 'output', from, outputs)
  if (!isSafeCast(output.dtype, dtype))
    throw invalid(
      where,
      `a step whose output ${name} is ${output.dtype}, as that of the remote, or casts from it`,
      dtype,
    )
}

function unknownTensor(where: string, kind: string, name: string, tensors: readonly DiscoveredTensor[]): PenstockError {
  const names = tensors.map((tensor) => tensor.name)
  const near = closest(name, names)
  const wayOut = near === null ? `It has ${names.slice(0, 20).join(', ')}` : `Did you mean ${near}?`
  return invalid(where, `a step whose remote has the ${kind} that it names`, name, wayOut)
}

function invalid(where: string, rule: string, value: string, wayOut = ''): PenstockError {
  return argumentError(where, rule, value, wayOut, 'ERR_PIPELINE_INVALID')
}

/**
 * What an object of members is that does not simply hold the inputs of its pipeline as arrays: one record with bare
 * values, one column per feature, or columns with mistakes.
 *
 *   {"age": 30, "fare": 7.5}              one record: a member has a bare value, and no input is more than a row
 *   {"pH": [3.1, 3.2], "alcohol": [9, 8]}  features: none of the members is an input, all are arrays
 *   {"age": [30, 40], "id": 7}            columns, with a mistake: age has two rows
 */
import { argumentError } from '../../base/expect.js'
import { PenstockError } from '../../base/errors.js'
import { planFeatureColumns } from '../../tensor/feature-columns.js'
import { formatShape } from '../../tensor/shape.js'
import type { Tensor, TensorField } from '../../tensor/tensor.js'
import type { JsonReader, Mark } from '../json/json-reader.js'
import { closest } from '../../base/suggest.js'
import { readTensor } from '../json/tensor-reader.js'
import { readFeatureColumns } from './feature-rows.js'
import type { Mistakes } from './mistakes.js'
import type { ValueKind } from '../json/peek.js'
import { fieldOf, missingInput, routingKeys, type Signature, unknownInput } from './signature.js'

/** The members of an object that may hold inputs. */
export interface InputGroup {
  readonly start: Mark
  readonly inputs: Record<string, Tensor>
  /** The inputs that it has, right or wrong. */
  readonly given: Set<string>
  /** Inputs with a bare value, though the pipeline takes rows. */
  readonly scalars: Map<string, Mark>
  /** Members that are no inputs. */
  readonly unknown: Map<string, { readonly kind: ValueKind; readonly mark: Mark }>
  readonly mistakes: Mistakes
}

/** Whether the object is one record. Moves the reader. */
export function isOneRecord(reader: JsonReader, signature: Signature, group: InputGroup): boolean {
  const { scalars, unknown, given, start } = group
  const hasScalar = scalars.size > 0 || [...unknown.values()].some(({ kind }) => kind === 'scalar')
  if (signature.isNonBatching || !hasScalar) return false
  if (given.size === 0) return isOneRowOfFeatures(signature, unknown)
  const isOneValue = ({ name, shape }: TensorField): boolean =>
    !scalars.has(name) || shape.slice(1).every((dim) => dim === 1)
  if (!signature.inputs.every(isOneValue)) return false
  if (given.size === scalars.size) return true
  let isRow = true
  reader.reset(start)
  reader.readObject((key) => {
    const field = fieldOf(key, signature)
    if (field !== undefined && reader.isAtArray && !isRowOf(reader, field)) isRow = false
    reader.skipValue()
  })
  return isRow
}

function isOneRowOfFeatures(signature: Signature, unknown: InputGroup['unknown']): boolean {
  const routing = routingKeys(signature)
  const columns = [...unknown.keys()].filter((name) => !routing.has(name))
  return planFeatureColumns(signature.inputs, signature.isNonBatching, columns)?.kind === 'features'
}

/** Whether the array that is next is nested like one row of the field. Does not move the reader. */
function isRowOf(reader: JsonReader, { shape }: TensorField): boolean {
  const mark = reader.mark()
  let depth = 0
  while (depth < shape.length && reader.isAtArray && reader.enterArray()) depth++
  let isOne = true
  if (depth === 1 && shape.length === 2 && shape[1] === 1) {
    reader.skipValue()
    isOne = !reader.hasMore()
  }
  reader.reset(mark)
  return depth === shape.length - 1 && isOne
}

/**
 * Columns that lack inputs or have other members: features, or else mistakes. Moves the reader.
 * A member that is called nearly like an input is that input misspelt, which is then not missing besides.
 */
export function completeColumns(reader: JsonReader, signature: Signature, group: InputGroup): void {
  const { inputs, given, scalars, unknown, mistakes } = group
  for (const [name, mark] of scalars) {
    reader.reset(mark)
    mistakes.attempt(name, () =>
      readTensor(reader, fieldOf(name, signature) as TensorField, signature.isNonBatching, signature.rowsMax),
    )
  }
  const names = signature.inputs.map(({ name }) => name)
  const misspelt = new Set([...unknown.keys()].map((name) => closest(name, names)))
  if (given.size === 0 && unknown.size > 1) {
    const plan = planFeatureColumns(signature.inputs, signature.isNonBatching, [...unknown.keys()])
    if (plan?.kind === 'features') {
      reader.reset(group.start)
      inputs[plan.field.name] = readFeatureColumns(reader, plan, signature.rowsMax)
      return
    }
    if (plan !== null && misspelt.size === 1 && misspelt.has(null)) {
      mistakes.add(names[0] as string, new PenstockError('ERR_UNKNOWN_INPUT', plan.reason))
      return
    }
  }
  for (const name of unknown.keys()) mistakes.add(name, unknownInput(name, signature))
  for (const name of names)
    if (!given.has(name) && !misspelt.has(name) && fieldOf(name, signature)?.default === undefined)
      mistakes.add(name, missingInput(name, signature, 'the body'))
}

/** An input that is an object: pandas writes its columns so by default. */
export function objectForInput({ name, shape }: TensorField, isNonBatching: boolean): PenstockError {
  const form = `a nested array of the shape ${formatShape(shape, isNonBatching)}`
  const wayOut = 'If pandas wrote it, use to_json(orient="records"), or orient="split"'
  return argumentError(name, form, {}, wayOut)
}

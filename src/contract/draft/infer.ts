/**
 * A contract as a first draft, for a person to finish: of what a model's signature says, of the rows of a table, or of both,
 * where the model says which features there are and the table how their values look. What was seen becomes a comment
 * (description) unless bounds are asked for: a sample's range is rarely the truth's.
 */
import { argumentError } from '../../base/expect.js'
import type { ModelSignature } from '../../engine/api/api.js'
import { dtypeInfo } from '../../tensor/dtype.js'
import { formatShape } from '../../tensor/shape.js'
import type { TensorField } from '../../tensor/tensor.js'
import {
  type Contract,
  type ContractField,
  type FieldRole,
  type FieldValue,
  type PlainDtype,
  splitDtype,
} from '../contract.js'
import { parseContract } from '../parse.js'
import { resolveContract } from '../resolve.js'
import { readRow } from '../row-reader.js'
import { ColumnFacts, plainValue } from './column-facts.js'

/** The rows of a table and what it says of their columns. */
export interface DraftTable {
  readonly rows: readonly Readonly<Record<string, unknown>>[]
  /** Dtypes that the table's columns have; a column that is not in it has none. */
  readonly dtypes: ReadonlyMap<string, string>
}

export interface DraftOptions {
  readonly name: string
  readonly signature?: ModelSignature | undefined
  readonly table?: DraftTable | undefined
  /** Column of the table that is the truth. */
  readonly target?: string | undefined
  /** Column of the table that says whom a row is about. */
  readonly entity?: string | undefined
  /** true: the range that was seen becomes bounds. */
  readonly hasBounds?: boolean | undefined
}

/**
 * Drafts a contract.
 * @throws PenstockError ERR_ARGUMENT: neither a signature nor a table, or what a contract cannot say of them.
 */
export function draftContract(options: DraftOptions): Contract {
  const { name, signature, table, target, entity } = options
  if (signature === undefined && table === undefined)
    throw argumentError('a draft', 'made of a model, a table or both', undefined)
  for (const column of [target, entity]) {
    if (column !== undefined && table?.rows.some((row) => Object.hasOwn(row, column)) !== true)
      throw argumentError('target and entity', 'columns of the table', column)
  }
  const facts = table === undefined ? new Map<string, ColumnFacts>() : factsOf(table)
  const features = signature === undefined ? null : featureFields(signature, featureNames(signature, facts, options))
  const fields = [
    ...(features === null
      ? [...facts].map(([column, fact]) => columnField(column, fact, options))
      : features.map((field) => refined(field, facts.get(field.name), options))),
    ...(features === null ? [] : [target, entity].flatMap((column) => ownField(column, facts, options))),
    ...(signature === undefined ? [] : answerFields(signature, new Set(facts.keys()))),
  ]
  const draft = parseContract({ fields }, name)
  const example = table === undefined ? undefined : exampleOf(draft, table)
  return example === undefined ? draft : parseContract({ ...draft, example }, name)
}

// ── the model ───────────────────────────────────────────────────────────────────────────────────

/** The table's names for the columns of one wide input, where it has as many. */
function featureNames(
  { inputs }: ModelSignature,
  facts: ReadonlyMap<string, unknown>,
  options: DraftOptions,
): string[] | null {
  const names = [...facts.keys()].filter((column) => column !== options.target && column !== options.entity)
  return names.length === wideColumns(inputs) ? names : null
}

/** Columns of the only input, where it is a row of several; else 0. */
function wideColumns([input, ...others]: readonly TensorField[]): number {
  const [, width] = input?.shape ?? []
  const isWide = others.length === 0 && input?.shape.length === 2 && typeof width === 'number' && width > 1
  return isWide ? width : 0
}

function featureFields({ inputs, batching }: ModelSignature, names: readonly string[] | null): ContractField[] {
  if (batching === 'whole')
    throw argumentError(
      'the model',
      'one that takes rows, which a contract describes',
      'one that takes each request as a whole',
    )
  const width = wideColumns(inputs)
  const [only] = inputs
  if (width > 0 && only !== undefined)
    return Array.from({ length: width }, (_, index) => ({ name: names?.[index] ?? `f${index}`, dtype: only.dtype }))
  return inputs.map(inputField)
}

function inputField({ name, dtype, shape, default: byDefault }: TensorField): ContractField {
  const row = shape.slice(1)
  const dims = row.every((dim) => dim === 1) ? [] : row
  if (dims.slice(1).includes(null))
    throw argumentError(name, 'an input whose rows have one free dim at most, the first', formatShape(shape, false))
  const [value] = byDefault?.data ?? []
  const isOptional = byDefault !== undefined && byDefault.data.length === 1 && dims.length === 0
  const imputed = dtype === 'bool' ? Boolean(value) : value
  return {
    name,
    dtype,
    ...(dims.length === 0 ? {} : { shape: dims }),
    ...(isOptional && imputed !== undefined ? { required: false, impute: imputed } : {}),
  }
}

/** Columns that the model named become probabilities; everything else is a prediction. */
function answerFields({ inputs, outputs }: ModelSignature, columns: ReadonlySet<string>): ContractField[] {
  const taken = new Set([
    ...columns,
    ...inputs.map(({ name }) => name),
    ...Array.from({ length: wideColumns(inputs) }, (_, at) => `f${at}`),
  ])
  const own = (wanted: string): string => {
    let name = wanted
    for (let count = 2; taken.has(name); count++) name = `${wanted} ${count}`
    taken.add(name)
    return name
  }
  return outputs.flatMap((output): ContractField[] => {
    const { name, dtype, shape, classes } = output
    const row = shape.slice(1)
    if (classes !== undefined && dtypeInfo(dtype).kind === 'float' && row.length === 1)
      return classes.map((label, column) => ({
        name: own(`probability ${label}`),
        dtype,
        role: 'probability',
        class: label,
        from: { output: name, column },
      }))
    const dims = row.every((dim) => dim === 1) ? [] : row
    if (dims.slice(1).includes(null)) return []
    const field = own(name)
    return [
      {
        name: field,
        dtype,
        role: 'prediction',
        ...(field === name ? {} : { from: { output: name } }),
        ...(dims.length === 0 ? {} : { shape: dims }),
      },
    ]
  })
}

// ── the table ───────────────────────────────────────────────────────────────────────────────────

function factsOf({ rows }: DraftTable): Map<string, ColumnFacts> {
  const names = new Set(rows.flatMap((row) => Object.keys(row)))
  const facts = new Map([...names].map((name) => [name, new ColumnFacts()]))
  for (const row of rows) for (const [name, fact] of facts) fact.add(Object.hasOwn(row, name) ? row[name] : undefined)
  return facts
}

function columnField(name: string, facts: ColumnFacts, options: DraftOptions): ContractField {
  const dtype = dtypeOfColumn(name, facts, options.table)
  const role = roleOfColumn(name, dtype, options)
  const base = {
    name,
    dtype,
    ...(role === undefined ? {} : { role }),
    ...(facts.shape.length === 0 ? {} : { shape: facts.shape }),
  }
  return refined(base, facts, options)
}

function roleOfColumn(name: string, dtype: PlainDtype, { target, entity }: DraftOptions): FieldRole | undefined {
  if (name === target) return 'target'
  if (name === entity || dtype === 'uuid') return 'entity'
  return dtype === 'timestamp' || dtype === 'date' ? 'passthrough' : undefined
}

function ownField(
  name: string | undefined,
  facts: ReadonlyMap<string, ColumnFacts>,
  options: DraftOptions,
): ContractField[] {
  const found = name === undefined ? undefined : facts.get(name)
  return name === undefined || found === undefined ? [] : [columnField(name, found, options)]
}

function dtypeOfColumn(name: string, facts: ColumnFacts, table: DraftTable | undefined): PlainDtype {
  const { dtype } = facts
  const said = table?.dtypes.get(name)
  if (said !== undefined && dtype !== null) return said as PlainDtype
  if (dtype !== null) return dtype
  throw argumentError(
    `the column ${name}`,
    'numbers, texts, true and false, or lists of one shape',
    'a mixture, or nothing',
    'Leave it out',
  )
}

/** A field with what the column's values say: missing ones, few texts, the range that was seen. */
function refined(field: ContractField, facts: ColumnFacts | undefined, options: DraftOptions): ContractField {
  if (facts === undefined || facts.count === facts.missing) return field
  const { dtype } = splitDtype(field.dtype)
  const isInput = field.role !== 'target'
  const isNumber = dtype !== 'bool' && dtype !== 'string' && facts.min <= facts.max && field.impute === undefined
  const canBeMissing = field.impute === undefined && facts.missing > 0
  const texts = dtype === 'string' && field.role === undefined ? facts.texts : null
  const isBounded = options.hasBounds === true && isNumber && isInput && Number.isSafeInteger(Math.trunc(facts.max))
  return {
    ...field,
    ...(canBeMissing ? { dtype: `${dtype}?` as const, ...(isInput ? { required: false } : {}) } : {}),
    ...(texts === null ? {} : { values: texts }),
    ...(isBounded ? { min: facts.min, max: facts.max } : {}),
    ...(isNumber && !isBounded ? { description: `Seen: ${facts.min} to ${facts.max}` } : {}),
  }
}

/** The first row of those that have the most values, if it is valid. */
function exampleOf(draft: Contract, { rows }: DraftTable): Readonly<Record<string, FieldValue>> | undefined {
  const contract = resolveContract(draft)
  const names = contract.inputs.map(({ name }) => name)
  let best: Record<string, FieldValue> | undefined
  for (const row of rows) {
    const present = names.filter((name) => Object.hasOwn(row, name) && row[name] !== null && row[name] !== undefined)
    if (best !== undefined && present.length <= Object.keys(best).length) continue
    const example = Object.fromEntries(present.map((name) => [name, plainValue(row[name])]))
    if (readRow(contract, example).findings.length === 0) best = example
    if (present.length === names.length && best !== undefined) break
  }
  return best
}

/**
 * What changed between two versions of a contract, as callers feel it. Breaking: a row that was valid is refused, or goes,
 * or means something else; an answer lacks what was there, or has another type. Compatible: everything else that changes
 * what is taken or answered. What cannot be shown to be compatible (another pattern) counts as breaking.
 */
import type { Contract, ContractField } from '../contract.js'
import { pointer } from '../member-tree.js'
import { resolveContract, type ResolvedField } from '../resolve.js'
import { dtypeChange, type Level, roomChanges } from './widening.js'

export interface ContractChange {
  readonly level: Level
  /** '' where the whole contract is meant. */
  readonly field: string
  /** The member that changed; `field` where it came or went. */
  readonly member: string
  readonly before: unknown
  readonly after: unknown
  readonly message: string
}

/** Who uses the base. */
export interface ContractUse {
  readonly kind: 'pipeline' | 'model'
  readonly name: string
  /** e.g. `version 2, deployed`. */
  readonly detail: string
}

export interface ContractDiff {
  readonly changes: readonly ContractChange[]
  readonly breaking: number
  readonly compatible: number
  readonly documentation: number
  readonly uses: readonly ContractUse[]
}

export type FailOn = 'breaking' | 'any'

/**
 * Compares two contracts.
 * @param uses of the base: pipelines and models that a change may reach.
 */
export function diffContracts(base: Contract, head: Contract, uses: readonly ContractUse[] = []): ContractDiff {
  const changes = [
    ...inputChanges(base, head),
    ...outputChanges(base, head),
    ...extraChange(base, head),
    ...documentChanges(base, head),
  ]
  const count = (level: Level): number => changes.filter((change) => change.level === level).length
  return {
    changes,
    breaking: count('breaking'),
    compatible: count('compatible'),
    documentation: count('documentation'),
    uses,
  }
}

/** Whether a check that is to fail on such changes fails. */
export function failsOn({ changes, breaking }: ContractDiff, failOn: FailOn): boolean {
  return failOn === 'breaking' ? breaking > 0 : changes.length > 0
}

// ── rows ────────────────────────────────────────────────────────────────────────────────────────

function inputChanges(base: Contract, head: Contract): ContractChange[] {
  const [before, after] = [resolveContract(base), resolveContract(head)]
  const left = new Map(before.inputs.map((field) => [field.name, field]))
  const right = new Map(after.inputs.map((field) => [field.name, field]))
  const removed = [...left.values()]
    .filter(({ name }) => !right.has(name))
    .map((field) => removedInput(field, after.extra === 'reject'))
  const added = [...right.values()].filter(({ name }) => !left.has(name)).map(addedInput)
  const kept = [...right.values()].flatMap((field) => {
    const old = left.get(field.name)
    return old === undefined ? [] : inputFieldChanges(old, field)
  })
  return [...removed, ...added, ...kept, ...orderChange(before.inputs, after.inputs)]
}

function removedInput({ name, role }: ResolvedField, isRejected: boolean): ContractChange {
  const level = isRejected || role === 'feature' ? 'breaking' : 'compatible'
  const effect = isRejected ? 'rows that have it are refused' : 'what callers send of it is no longer read'
  return change(level, name, 'field', role, undefined, `${name} is no field any more: ${effect}`)
}

function addedInput({ name, role, isRequired }: ResolvedField): ContractChange {
  const message = isRequired
    ? `${name} is new and required: rows without it break a rule`
    : `${name} is new and may be left out`
  return change(isRequired ? 'breaking' : 'compatible', name, 'field', undefined, role, message)
}

function inputFieldChanges(before: ResolvedField, after: ResolvedField): ContractChange[] {
  const { name } = before
  const found: ContractChange[] = []
  const note = (level: Level, member: string, from: unknown, to: unknown, message: string): void => {
    found.push(change(level, name, member, from, to, `${name}: ${message}`))
  }
  if (before.dtype !== after.dtype) {
    const level = dtypeChange(before.dtype, after.dtype)
    note(
      level,
      'dtype',
      before.source.dtype,
      after.source.dtype,
      `${before.dtype} became ${after.dtype}, which takes ${level === 'compatible' ? 'every value that it took' : 'fewer values'}`,
    )
  }
  for (const one of [...nullChange(before, after), ...roomChanges(before, after)])
    note(one.level, one.member, one.before, one.after, one.message)
  const [from, to] = [pointer(before.path), pointer(after.path)]
  if (from !== to) note('breaking', 'path', from, to, `rows have it at ${to} and no longer at ${from}`)
  if (before.role !== after.role)
    note('breaking', 'role', before.role, after.role, `the role ${before.role} became ${after.role}`)
  if (before.isRequired !== after.isRequired)
    note(
      after.isRequired ? 'breaking' : 'compatible',
      'required',
      before.isRequired,
      after.isRequired,
      after.isRequired ? 'rows without it break a rule now' : 'may be left out now',
    )
  if (before.onInvalid !== after.onInvalid)
    note(
      after.onInvalid === 'reject' || after.onInvalid === 'drop' ? 'breaking' : 'compatible',
      'onInvalid',
      before.onInvalid,
      after.onInvalid,
      `invalid values: ${before.onInvalid} became ${after.onInvalid}`,
    )
  if (
    before.impute !== undefined &&
    after.impute !== undefined &&
    JSON.stringify(before.impute) !== JSON.stringify(after.impute)
  )
    note(
      'compatible',
      'impute',
      before.impute,
      after.impute,
      `missing values become ${JSON.stringify(after.impute)} instead of ${JSON.stringify(before.impute)}`,
    )
  return [...found, ...wordChanges(before.source, after.source)]
}

interface NullChange {
  readonly level: Level
  readonly member: string
  readonly before: unknown
  readonly after: unknown
  readonly message: string
}

/** null is taken where the dtype has a `?`, and where something is imputed for it. */
function nullChange(before: ResolvedField, after: ResolvedField): NullChange[] {
  const takes = ({ isNullable, impute }: ResolvedField): boolean => isNullable || impute !== undefined
  const [from, to] = [before.source.dtype, after.source.dtype]
  if (takes(before) && !takes(after))
    return [{ level: 'breaking', member: 'dtype', before: from, after: to, message: 'null is refused now' }]
  if (!takes(before) && takes(after))
    return [{ level: 'compatible', member: 'dtype', before: from, after: to, message: 'null is taken now' }]
  if (before.isNullable === after.isNullable) return []
  return [
    {
      level: 'compatible',
      member: 'dtype',
      before: from,
      after: to,
      message: after.isNullable ? 'null stays missing instead of being imputed' : 'null is imputed instead of missing',
    },
  ]
}

/** Features that fill one wide input do so in the contract's order. */
function orderChange(before: readonly ResolvedField[], after: readonly ResolvedField[]): ContractChange[] {
  const features = (fields: readonly ResolvedField[]): string[] =>
    fields.filter(({ role }) => role === 'feature').map(({ name }) => name)
  const [left, right] = [features(before), features(after)]
  const common = left.filter((name) => right.includes(name))
  const reordered = right.filter((name) => left.includes(name))
  if (common.every((name, index) => name === reordered[index])) return []
  const message =
    'the features have another order: where they fill the columns of one input, each goes to another column'
  return [change('breaking', '', 'fields', common, reordered, message)]
}

// ── answers ─────────────────────────────────────────────────────────────────────────────────────

function outputChanges(base: Contract, head: Contract): ContractChange[] {
  const left = new Map(resolveContract(base).outputs.map((field) => [field.name, field]))
  const right = new Map(resolveContract(head).outputs.map((field) => [field.name, field]))
  const removed = [...left.values()]
    .filter(({ name }) => !right.has(name))
    .map(({ name, role }) => change('breaking', name, 'field', role, undefined, `${name} is not answered any more`))
  const added = [...right.values()]
    .filter(({ name }) => !left.has(name))
    .map(({ name, role }) => change('compatible', name, 'field', undefined, role, `${name} is answered as well`))
  const kept = [...right.values()].flatMap((field) => {
    const old = left.get(field.name)
    return old === undefined ? [] : outputFieldChanges(old, field)
  })
  return [...removed, ...added, ...kept]
}

/** An answer is read the other way round: a wider dtype, or a null, is what its reader may not take. */
function outputFieldChanges(before: ResolvedField, after: ResolvedField): ContractChange[] {
  const { name } = before
  const found: ContractChange[] = []
  const note = (level: Level, member: string, from: unknown, to: unknown, message: string): void => {
    found.push(change(level, name, member, from, to, `${name}: ${message}`))
  }
  if (before.dtype !== after.dtype)
    note(
      dtypeChange(after.dtype, before.dtype),
      'dtype',
      before.dtype,
      after.dtype,
      `${before.dtype} became ${after.dtype}`,
    )
  if (before.isNullable !== after.isNullable)
    note(
      after.isNullable ? 'breaking' : 'compatible',
      'dtype',
      before.source.dtype,
      after.source.dtype,
      after.isNullable ? 'may be null now' : 'is never null now',
    )
  if (JSON.stringify(before.shape) !== JSON.stringify(after.shape))
    note(
      'breaking',
      'shape',
      before.shape,
      after.shape,
      `the shape ${JSON.stringify(before.shape)} became ${JSON.stringify(after.shape)}`,
    )
  for (const member of ['role', 'class', 'estimates', 'from'] as const) {
    const [from, to] = [before.source[member], after.source[member]]
    if (JSON.stringify(from) === JSON.stringify(to)) continue
    note(
      'breaking',
      member,
      from,
      to,
      `its ${member} changed from ${JSON.stringify(from) ?? 'none'} to ${JSON.stringify(to) ?? 'none'}: it means something else`,
    )
  }
  return [...found, ...wordChanges(before.source, after.source)]
}

// ── the document ────────────────────────────────────────────────────────────────────────────────

function extraChange({ extra: before = 'reject' }: Contract, { extra: after = 'reject' }: Contract): ContractChange[] {
  if (before === after) return []
  const isBreaking = after === 'reject'
  const message = `members that are no field: ${before} became ${after}${isBreaking ? ', and rows that have some are refused' : ''}`
  return [change(isBreaking ? 'breaking' : 'compatible', '', 'extra', before, after, message)]
}

function documentChanges(base: Contract, head: Contract): ContractChange[] {
  return (['name', 'description', 'contacts', 'example'] as const).flatMap((member) => {
    const [from, to] = [base[member], head[member]]
    return JSON.stringify(from) === JSON.stringify(to)
      ? []
      : [change('documentation', '', member, from, to, `the ${member} changed`)]
  })
}

function wordChanges(before: ContractField, after: ContractField): ContractChange[] {
  return (['description', 'unit'] as const).flatMap((member) => {
    const [from, to] = [before[member], after[member]]
    if (from === to) return []
    // Another unit is another value under the same number.
    const level = member === 'unit' && from !== undefined && to !== undefined ? 'breaking' : 'documentation'
    const message = `${before.name}: the ${member} changed from ${JSON.stringify(from) ?? 'none'} to ${JSON.stringify(to) ?? 'none'}`
    return [change(level, before.name, member, from, to, message)]
  })
}

function change(
  level: Level,
  field: string,
  member: string,
  before: unknown,
  after: unknown,
  message: string,
): ContractChange {
  return { level, field, member, before, after, message }
}

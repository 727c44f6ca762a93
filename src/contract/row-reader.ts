/** One row against a contract: a cell for each field that callers send, and what was found wrong on the way. */
import type { FieldValue, InvalidAction } from './contract.js'
import { isPlainObject, isTree, type MemberTree, pointer, valueAt } from './member-tree.js'
import { NearNames } from './near-names.js'
import type { ResolvedContract, ResolvedField } from './resolve.js'
import type { RuleName, StoredElement, Violation } from './values/element.js'
import { checkValue } from './values/value.js'

export interface Cell {
  /** null: missing. */
  readonly elements: readonly StoredElement[] | null
  /** The field's `impute` took the place of what came, or of what did not. */
  readonly isImputed: boolean
}

export interface RowFinding {
  /** '' when the row itself is meant. */
  readonly field: string
  /** Members and indexes from the row to what is meant. */
  readonly place: readonly (string | number)[]
  readonly rule: RuleName
  /** Expected … to be <expected>. */
  readonly expected: string
  readonly value: unknown
  readonly action: InvalidAction
  readonly wayOut: string
}

export interface RowRead {
  /** One per field of `contract.inputs`. */
  readonly cells: Cell[]
  readonly findings: RowFinding[]
  /** Members that are no field and are not refused. */
  readonly extra: readonly string[]
}

const missingCell: Cell = { elements: null, isImputed: false }

/** Reads a row. @param row untrusted. @param near that of the row's request. */
export function readRow(contract: ResolvedContract, row: unknown, near = new NearNames()): RowRead {
  const cells: Cell[] = []
  const findings: RowFinding[] = []
  if (typeof row !== 'object' || row === null || Array.isArray(row)) {
    const expected = 'an object with the fields as members'
    findings.push({ field: '', place: [], rule: 'object', expected, value: row, action: 'reject', wayOut: '' })
    return { cells: contract.inputs.map(() => missingCell), findings, extra: [] }
  }
  if (contract.tree !== null) return readNestedRow(contract, contract.tree, row, near)
  const record = row as Readonly<Record<string, unknown>>
  const names = new Set(contract.inputs.map(({ name }) => name))
  const extra = Object.keys(record).filter((name) => !names.has(name))
  for (const field of contract.inputs) {
    const value = Object.hasOwn(record, field.name) ? record[field.name] : undefined
    cells.push(readCell(field, value, extra, findings, near))
  }
  if (contract.extra !== 'reject') return { cells, findings, extra }
  for (const name of extra) findings.push(extraMember(contract, name, record[name], { near }))
  return { cells, findings, extra: [] }
}

/** The same where fields stand inside objects. An object that is absent or null lacks all its fields. */
function readNestedRow(
  contract: ResolvedContract,
  tree: MemberTree<ResolvedField>,
  row: object,
  near: NearNames,
): RowRead {
  const findings: RowFinding[] = []
  const extra: Place[] = []
  const unread = new Set<ResolvedField>()
  visitMembers(tree, row as Readonly<Record<string, unknown>>, [], { findings, extra, unread })
  const cells = contract.inputs.map((field) => {
    if (unread.has(field)) return missingCell
    const before = findings.length
    const siblings = extra.filter((place) => isBeside(place, field)).map((place) => place.at(-1) as string)
    const cell = readCell(field, valueAt(row, field.path), siblings, findings, near)
    for (let at = before; at < findings.length; at++) {
      const finding = findings[at] as RowFinding
      findings[at] = { ...finding, place: [...field.path, ...finding.place.slice(1)] }
    }
    return cell
  })
  if (contract.extra !== 'reject') return { cells, findings, extra: extra.map(nameOfPlace) }
  for (const place of extra)
    findings.push(extraMember(contract, nameOfPlace(place), valueAt(row, place), { place, near }))
  return { cells, findings, extra: [] }
}

type Place = readonly string[]

/** What is reported of a member: its name, or inside an object where it is. */
function nameOfPlace(place: Place): string {
  return place.length === 1 ? (place[0] as string) : pointer(place)
}

function isBeside(place: Place, { path }: ResolvedField): boolean {
  return place.length === path.length && place.slice(0, -1).every((step, at) => step === path[at])
}

interface Visit {
  readonly findings: RowFinding[]
  readonly extra: Place[]
  /** Fields of what should be an object and is none. */
  readonly unread: Set<ResolvedField>
}

/** Finds members that are no field, and values where an object should be. */
function visitMembers(
  tree: MemberTree<ResolvedField>,
  object: Readonly<Record<string, unknown>>,
  place: Place,
  visit: Visit,
): void {
  for (const name of Object.keys(object)) if (!tree.members.has(name)) visit.extra.push([...place, name])
  for (const [name, member] of tree.members) {
    const value = Object.hasOwn(object, name) ? object[name] : undefined
    if (!isTree(member) || value === undefined || value === null) continue
    const inner = [...place, name]
    if (isPlainObject(value)) {
      visitMembers(member, value, inner, visit)
      continue
    }
    const [expected, subject] = ['an object with the fields inside it as members', pointer(inner)]
    visit.findings.push({ field: subject, place: inner, rule: 'object', expected, value, action: 'reject', wayOut: '' })
    for (const field of fieldsOf(member)) visit.unread.add(field)
  }
}

function fieldsOf({ members }: MemberTree<ResolvedField>): ResolvedField[] {
  return [...members.values()].flatMap((member) => (isTree(member) ? fieldsOf(member) : [member]))
}

/**
 * Reads one value.
 * @param value undefined: the row has no such member. @param extra names of members that are no field, for the way out.
 * @param findings takes what is wrong with it.
 */
export function readCell(
  field: ResolvedField,
  value: unknown,
  extra: readonly string[],
  findings: RowFinding[],
  near = new NearNames(),
): Cell {
  const isMissing = value === null || (typeof value === 'number' && Number.isNaN(value) && field.kind === 'float')
  if (value === undefined || isMissing) {
    const violation = missingViolation(field, value, extra, near)
    if (violation === null) return missingOf(field)
    return invalidCell(field, violation, [], findings)
  }
  const { elements, violation, place } = checkValue(field, value, field.onInvalid)
  if (violation === null) return { elements, isImputed: false }
  if (elements === null) return invalidCell(field, violation, place, findings)
  findings.push(findingOf(field, violation, place, field.onInvalid))
  return { elements, isImputed: false }
}

/** What a missing value is where that is allowed: the imputed one where there must be one. */
function missingOf(field: ResolvedField): Cell {
  return field.isNullable || field.impute === undefined ? missingCell : imputedCell(field)
}

/** null: the value may be missing. `required` is about the member, `?` and `impute` are about its value. */
function missingViolation(
  field: ResolvedField,
  value: unknown,
  extra: readonly string[],
  near: NearNames,
): Violation | null {
  if (value === undefined) {
    if (!field.isRequired) return null
    const meant = near.closest(field.name, extra)
    const wayOut = meant === null ? '' : `The row has ${JSON.stringify(meant)}, which is no field`
    return { rule: 'required', expected: 'there', value, wayOut }
  }
  if (field.isNullable || field.impute !== undefined) return null
  return { rule: 'null', expected: 'a value', value, wayOut: `${field.name} is never missing: its dtype has no ?` }
}

/** A value that cannot be stored. */
function invalidCell(
  field: ResolvedField,
  violation: Violation,
  place: readonly number[],
  findings: RowFinding[],
): Cell {
  const action = actionOf(field)
  findings.push(findingOf(field, violation, place, action))
  return action === 'impute' ? imputedCell(field) : missingCell
}

/** A flagged value that cannot be stored is missing, where it may be; a clamped one is refused. */
function actionOf({ onInvalid, isNullable }: ResolvedField): InvalidAction {
  if (onInvalid === 'flag') return isNullable ? 'flag' : 'reject'
  return onInvalid === 'clamp' ? 'reject' : onInvalid
}

export function imputedCell(field: ResolvedField): Cell {
  return { elements: imputedElements(field, field.impute ?? null), isImputed: true }
}

/** parse.ts has found the value valid. */
function imputedElements(field: ResolvedField, impute: FieldValue): readonly StoredElement[] | null {
  return impute === null ? null : checkValue(field, impute, 'reject').elements
}

function findingOf(
  field: ResolvedField,
  { rule, expected, value, wayOut }: Violation,
  place: readonly number[],
  action: InvalidAction,
): RowFinding {
  return { field: field.name, place: [field.name, ...place], rule, expected, value, action, wayOut }
}

/** The second of two rows that share the value of a unique field. */
export function duplicateFinding(field: ResolvedField, value: unknown): RowFinding {
  const { onInvalid } = field
  const violation = { rule: 'unique', expected: 'the value of one row alone', value, wayOut: '' } as const
  return findingOf(field, violation, [], onInvalid === 'clamp' ? 'reject' : onInvalid)
}

/** A member that is no field, where that is refused. `place`: of it in the row, where it is none of the row's own. */
export function extraMember(
  contract: ResolvedContract,
  name: string,
  value: unknown,
  { place = [name], near = new NearNames() }: { readonly place?: readonly string[]; readonly near?: NearNames } = {},
): RowFinding {
  const meant = near.closest(
    name,
    contract.inputs.map((field) => (place.length === 1 ? (field.path[0] as string) : pointer(field.path))),
  )
  const isAnswered = contract.outputs.some((field) => field.name === name)
  const wayOut = isAnswered
    ? `${name} is a field of answers`
    : meant === null
      ? 'Leave it out, or let the contract ignore or log what is extra'
      : `Did you mean ${meant}?`
  return { field: name, place, rule: 'extra', expected: 'a field', value, action: 'reject', wayOut }
}

/** Whether one field takes every value that another takes: dtypes, bounds, accepted values, patterns, lengths, shapes. */
import type { PlainDtype } from '../contract.js'
import type { Bound, ResolvedField } from '../resolve.js'
import { integerRange } from '../values/ranges.js'

/** documentation: neither rows nor answers change. */
export type Level = 'breaking' | 'compatible' | 'documentation'

export interface RoomChange {
  readonly level: Level
  readonly member: string
  readonly before: unknown
  readonly after: unknown
  readonly message: string
}

const floatWidth: Readonly<Partial<Record<PlainDtype, number>>> = { float64: 3, float32: 2, bfloat16: 2, float16: 1 }

/** compatible: `after` takes every value that `before` takes. */
export function dtypeChange(before: PlainDtype, after: PlainDtype): Level {
  const [left, right] = [floatWidth[before], floatWidth[after]]
  if (right !== undefined) {
    if (left !== undefined) return right >= left ? 'compatible' : 'breaking'
    // float16 ends at 65504; the others take, rounded, whatever an integer is.
    return before.includes('int') && (right > 1 || before.endsWith('int8')) ? 'compatible' : 'breaking'
  }
  if (!before.includes('int') || !after.includes('int')) return 'breaking'
  const [from, to] = [integerRange(before), integerRange(after)]
  return to.min <= from.min && to.max >= from.max ? 'compatible' : 'breaking'
}

/** The rules that leave more or less room. */
export function roomChanges(before: ResolvedField, after: ResolvedField): RoomChange[] {
  return [
    ...boundChange(before, after, ['min', 'exclusiveMin'], 1),
    ...boundChange(before, after, ['max', 'exclusiveMax'], -1),
    ...valuesChange(before, after),
    ...patternChange(before, after),
    ...lengthChange('minLength', before.minLength, after.minLength, 1),
    ...lengthChange('maxLength', before.maxLength, after.maxLength, -1),
    ...uniqueChange(before, after),
    ...shapeChange(before, after),
  ]
}

/** @param sign 1: a greater bound is narrower; -1: a lesser one is. */
function boundChange(
  before: ResolvedField,
  after: ResolvedField,
  rules: readonly string[],
  sign: 1 | -1,
): RoomChange[] {
  const of = ({ bounds }: ResolvedField): Bound | undefined => bounds.find(({ rule }) => rules.includes(rule))
  const [from, to] = [of(before), of(after)]
  if (from?.rule === to?.rule && from?.value === to?.value) return []
  const isNarrower = to !== undefined && (from === undefined || compare(from, to) * sign > 0)
  const words = (bound: Bound | undefined): string => (bound === undefined ? 'none' : `${bound.rule} ${bound.value}`)
  const member = to?.rule ?? from?.rule ?? ''
  const message = `${words(from)} became ${words(to)}, which ${isNarrower ? 'refuses values that were taken' : 'takes more'}`
  return [{ level: isNarrower ? 'breaking' : 'compatible', member, before: jsonOf(from), after: jsonOf(to), message }]
}

/** Positive when `to` is the greater bound; of equal ones an exclusive one counts as beyond. */
function compare(from: Bound, to: Bound): number {
  if (to.value !== from.value) return to.value > from.value ? 1 : -1
  const step = ({ rule }: Bound): number => (rule === 'exclusiveMin' ? 1 : rule === 'exclusiveMax' ? -1 : 0)
  return step(to) - step(from)
}

function jsonOf(bound: Bound | undefined): unknown {
  return typeof bound?.value === 'bigint' ? String(bound.value) : bound?.value
}

function valuesChange({ values: before }: ResolvedField, { values: after }: ResolvedField): RoomChange[] {
  const [from, to] = [before, after].map(
    (set) => set && [...set].map((one) => (typeof one === 'bigint' ? String(one) : one)),
  )
  const removed = [...(before ?? [])].filter((value) => after !== null && !after.has(value))
  const added = [...(after ?? [])].filter((value) => before !== null && !before.has(value))
  const one = (level: Level, message: string): RoomChange[] => [
    { level, member: 'values', before: from, after: to, message },
  ]
  if (before === null && after !== null) return one('breaking', 'only a list of values is taken now')
  if (before !== null && after === null) return one('compatible', 'takes any value now')
  return [
    ...(removed.length > 0 ? one('breaking', `no longer takes ${removed.join(', ')}`) : []),
    ...(added.length > 0 ? one('compatible', `takes ${added.join(', ')} as well`) : []),
  ]
}

/** Whether one expression takes all that another takes is not looked into. */
function patternChange({ pattern: from }: ResolvedField, { pattern: to }: ResolvedField): RoomChange[] {
  if (from?.text === to?.text) return []
  const level = to === null ? 'compatible' : 'breaking'
  const message = to === null ? 'any text is taken now' : `must match ${to.text} now`
  return [{ level, member: 'pattern', before: from?.text, after: to?.text, message }]
}

function lengthChange(member: string, before: number, after: number, sign: 1 | -1): RoomChange[] {
  if (before === after) return []
  const isNarrower = (after - before) * sign > 0
  const json = (length: number): number | undefined => (Number.isFinite(length) ? length : undefined)
  const message = `${member} ${json(before) ?? 'none'} became ${json(after) ?? 'none'}`
  return [{ level: isNarrower ? 'breaking' : 'compatible', member, before: json(before), after: json(after), message }]
}

function uniqueChange({ isUnique: before }: ResolvedField, { isUnique: after }: ResolvedField): RoomChange[] {
  if (before === after) return []
  const message = after ? 'no two rows of a request may share it now' : 'rows of a request may share it now'
  return [{ level: after ? 'breaking' : 'compatible', member: 'unique', before, after, message }]
}

function shapeChange({ shape: before }: ResolvedField, { shape: after }: ResolvedField): RoomChange[] {
  const [from, to] = [JSON.stringify(before), JSON.stringify(after)]
  if (from === to) return []
  const isFreed = before.length === after.length && after.every((dim, axis) => dim === before[axis] || dim === null)
  const message = `the shape ${from} became ${to}`
  return [{ level: isFreed ? 'compatible' : 'breaking', member: 'shape', before, after, message }]
}

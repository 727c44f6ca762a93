/**
 * What the log of requests has of rows beside their tensors: whom a row is about and when it happened, a column each, and
 * what the contract says is to be logged of members that are no field.
 */
import { LOG_EXTRA_CHARACTERS_MAX, LOGGED_FIELDS_MAX } from '../../base/limits/contract-limits.js'
import { META_TEXT_CHARACTERS_MAX } from '../../base/limits/limits.js'
import type { ContractColumn } from '../columns.js'
import type { FieldRole } from '../contract.js'
import type { ResolvedContract, ResolvedField } from '../resolve.js'
import { dateText, timestampText } from '../values/calendar.js'

/** The key of a request's meta that has the members that are no field; the log calls its column `metadata.extra`. */
export const EXTRA_KEY = 'x-penstock-extra'

const loggedRoles: ReadonlySet<FieldRole> = new Set(['entity', 'timestamp'])

/** The fields that the log has a column of, in the contract's order: the first few that are single values. */
export function loggedFields({ inputs }: ResolvedContract): ResolvedField[] {
  return inputs
    .filter(({ role, shape, name }) => loggedRoles.has(role) && shape.length === 0 && name.length <= keyCharactersMax)
    .slice(0, LOGGED_FIELDS_MAX)
}

/** Keys of meta, and columns of keys, end there. */
const keyCharactersMax = 128

/** The keys that requests have by a contract. @param taken keys that mean something else: what splits route on. */
export function loggedKeysOf(contract: ResolvedContract, taken: readonly string[]): string[] {
  const names = loggedFields(contract).map(({ name }) => name)
  const keys = contract.extra === 'log' ? [...names, EXTRA_KEY] : names
  return keys.filter((key) => !taken.includes(key))
}

/** A text for each row, cut where the log would; missing values are empty. */
export function loggedTexts({ dtype, data, validity }: ContractColumn, rows: number): string[] {
  const texts = new Array<string>(rows)
  for (let row = 0; row < rows; row++)
    texts[row] = validity?.[row] === 0 ? '' : textOf(dtype, data[row]).slice(0, META_TEXT_CHARACTERS_MAX)
  return texts
}

function textOf(dtype: ContractColumn['dtype'], value: unknown): string {
  if (dtype === 'date') return dateText(Number(value))
  return dtype === 'timestamp' ? timestampText(BigInt(value as bigint)) : String(value)
}

/**
 * Members that are no field as one JSON object, as many as have room: names with the first value that came, short ones as
 * they are, others as what they are. '' where there are none.
 */
export function extraText(extra: ReadonlyMap<string, unknown>): string {
  let text = ''
  let count = 0
  for (const [name, value] of extra) {
    const member = `${JSON.stringify(name.slice(0, extraNameCharactersMax))}:${JSON.stringify(shortValue(value))}`
    // Room for the last member, which counts the others.
    if (text.length + member.length > LOG_EXTRA_CHARACTERS_MAX - 32) break
    text += `${count++ === 0 ? '' : ','}${member}`
  }
  if (extra.size === 0) return ''
  const rest = extra.size - count
  return `{${text}${rest === 0 ? '' : `${count === 0 ? '' : ','}"…":${rest}`}}`
}

const extraNameCharactersMax = 128
const extraValueCharactersMax = 64

function shortValue(value: unknown): string | number | boolean | null {
  if (value === null || value === undefined) return null
  if (typeof value === 'bigint') return String(value)
  if (typeof value === 'number') return Number.isFinite(value) ? value : null
  if (typeof value === 'boolean') return value
  if (typeof value === 'string')
    return value.length <= extraValueCharactersMax ? value : `${value.slice(0, extraValueCharactersMax)}…`
  return Array.isArray(value) ? `a list of ${value.length}` : 'an object'
}

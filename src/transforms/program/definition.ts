/** Definitions of transform programs, out of untrusted JSON: `[{"op": "impute", …}, …]`. */
import { argumentError } from '../../base/expect.js'
import { TRANSFORM_OPS_MAX } from '../../base/limits/transform-limits.js'
import { OpReader, type Place, unknownName } from '../draft/op-reader.js'
import { kindOf, opKind, opNames, type TransformOp } from '../ops/kinds.js'

export type { TransformOp }

export const transformPlace: Place = { where: 'ops', code: 'ERR_ARGUMENT' }

/**
 * Reads operations: members in their canonical order, absent ones left out. Constants to be fitted may be absent.
 * @param place how mistakes are reported, and with which code.
 * @throws PenstockError naming operation, member, rule and value.
 */
export function parseOps(value: unknown, place: Place = transformPlace): TransformOp[] {
  const { where, code } = place
  if (!Array.isArray(value)) throw argumentError(where, 'an array of operations', value, '', code)
  if (value.length < 1 || value.length > TRANSFORM_OPS_MAX)
    throw argumentError(where, `an array of 1..${TRANSFORM_OPS_MAX} operations`, `${value.length}`, '', code)
  return value.map((item, i) => parseOp(item, `${where}[${i}]`, place))
}

function parseOp(value: unknown, where: string, { code }: Place): TransformOp {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw argumentError(where, 'an object with a member op', value, '', code)
  const record = value as Record<string, unknown>
  const name = Object.hasOwn(record, 'op') ? record['op'] : undefined
  const kind = opKind(name)
  if (kind === undefined) throw unknownName(`${where}.op`, name, opNames, code)
  const reader = new OpReader(where, record, code)
  reader.expectKeys(kind.keys)
  return kind.parse(reader) as TransformOp
}

/** Whether a table has to tell constants of the operation first. */
export function isFitted(op: TransformOp): boolean {
  return kindOf(op).fit?.isFitted(op) ?? true
}

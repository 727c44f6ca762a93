/**
 * A contract with nothing left unsaid, as everything that is made of one reads it: defaults filled in, dtypes taken apart,
 * bounds as numbers, patterns compiled. Made from a contract that parse.ts has checked.
 */
import { dtypeInfo, isDtype } from '../tensor/dtype.js'
import {
  type Contract,
  type ContractField,
  type ExtraPolicy,
  type FieldRole,
  type FieldValue,
  type InvalidAction,
  isOutputRole,
  type PlainDtype,
  splitDtype,
} from './contract.js'
import { memberTree, type MemberTree, pointerSteps } from './member-tree.js'
import { compilePattern, isPattern, type Pattern } from './pattern.js'

export type ValueKind = 'float' | 'integer' | 'bool' | 'string' | 'timestamp' | 'date' | 'uuid'
export const BOUND_RULES = ['min', 'exclusiveMin', 'max', 'exclusiveMax'] as const
export type BoundRule = (typeof BOUND_RULES)[number]

export interface Bound {
  readonly rule: BoundRule
  /** A bigint beyond 2^53. */
  readonly value: number | bigint
}

export interface ResolvedField {
  readonly name: string
  /** Members from the row to its value; its name alone unless it stands inside objects. */
  readonly path: readonly string[]
  readonly dtype: PlainDtype
  readonly kind: ValueKind
  readonly isNullable: boolean
  readonly role: FieldRole
  /** Dims of one row's value; [] of a scalar. */
  readonly shape: readonly (number | null)[]
  readonly isRequired: boolean
  readonly isUnique: boolean
  readonly onInvalid: InvalidAction
  /** In the order in which they are checked. */
  readonly bounds: readonly Bound[]
  /** Integers within 2^53 as numbers, beyond as bigints. null: any. */
  readonly values: ReadonlySet<number | bigint | string> | null
  readonly pattern: Pattern | null
  readonly minLength: number
  readonly maxLength: number
  /** undefined: nothing stands for a missing value. */
  readonly impute: FieldValue | undefined
  readonly source: ContractField
}

export interface ResolvedContract {
  readonly contract: Contract
  readonly extra: ExtraPolicy
  /** What callers send, in the contract's order. */
  readonly inputs: readonly ResolvedField[]
  /** What answers have, in the contract's order. */
  readonly outputs: readonly ResolvedField[]
  /** null: no field stands inside an object. */
  readonly tree: MemberTree<ResolvedField> | null
}

/** @param contract one that parseContract returned. */
export function resolveContract(contract: Contract): ResolvedContract {
  const fields = contract.fields.map(resolveField)
  const inputs = fields.filter(({ role }) => !isOutputRole(role))
  return {
    contract,
    extra: contract.extra ?? 'reject',
    inputs,
    outputs: fields.filter(({ role }) => isOutputRole(role)),
    tree: memberTree(inputs),
  }
}

export function resolveField(field: ContractField): ResolvedField {
  const { dtype, isNullable } = splitDtype(field.dtype)
  const role = field.role ?? 'feature'
  const pattern = field.pattern === undefined ? null : compilePattern(field.pattern)
  return {
    name: field.name,
    path: (field.path === undefined ? null : pointerSteps(field.path)) ?? [field.name],
    dtype,
    kind: kindOfDtype(dtype),
    isNullable,
    role,
    shape: field.shape ?? [],
    isRequired: field.required ?? role !== 'target',
    isUnique: field.unique ?? false,
    onInvalid: field.onInvalid ?? 'reject',
    bounds: boundsOf(field),
    values: field.values === undefined ? null : new Set(field.values.map((value) => normalValue(dtype, value))),
    pattern: pattern !== null && isPattern(pattern) ? pattern : null,
    minLength: field.minLength ?? 0,
    maxLength: field.maxLength ?? Infinity,
    impute: field.impute,
    source: field,
  }
}

export function kindOfDtype(dtype: PlainDtype): ValueKind {
  return isDtype(dtype) ? dtypeInfo(dtype).kind : dtype
}

export function isWideInteger(dtype: PlainDtype): boolean {
  return dtype === 'int64' || dtype === 'uint64'
}

/** A bound, accepted value or element as it is compared: decimal strings of 64-bit integers are numbers or bigints. */
function normalValue(dtype: PlainDtype, value: number | string): number | bigint | string {
  return isWideInteger(dtype) && typeof value === 'string' ? narrowBigint(BigInt(value)) : value
}

/** A number within 2^53, so that equal integers are equal values. */
export function narrowBigint(value: bigint): number | bigint {
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : value
}

function boundsOf(field: ContractField): Bound[] {
  const { dtype } = splitDtype(field.dtype)
  return BOUND_RULES.flatMap((rule) => {
    const value = field[rule]
    return value === undefined ? [] : [{ rule, value: normalValue(dtype, value) as number | bigint }]
  })
}

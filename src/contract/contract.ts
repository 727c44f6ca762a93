/**
 * A contract as pure data: named, typed fields of the rows that callers send and of the answers that they get, exactly as
 * it is stored, sent and compared. Untrusted JSON becomes one in parse.ts; resolve.ts fills in what it leaves unsaid.
 * docs/reference/contracts.md has every member.
 */
import { argumentError } from '../base/expect.js'
import type { Dtype } from '../tensor/tensor.js'

/** Dtypes of columns that never enter a model. */
export const CALENDAR_DTYPES = ['timestamp', 'date', 'uuid'] as const
export type PlainDtype = Dtype | (typeof CALENDAR_DTYPES)[number]
/** `int64` has a value in each row; `int64?` may be null. */
export type FieldDtype = PlainDtype | `${PlainDtype}?`

/**
 * Callers send feature (goes into the model), entity (whom the row is about), timestamp (when it happened), passthrough
 * (neither) and target (the truth, where it is known already). Answers have prediction, probability and modelVersion.
 */
export const FIELD_ROLES = [
  'feature',
  'entity',
  'timestamp',
  'passthrough',
  'target',
  'prediction',
  'probability',
  'modelVersion',
] as const
export type FieldRole = (typeof FIELD_ROLES)[number]

/** What becomes of members of a row that are no field: `log` keeps them in the log and nowhere else. */
export const EXTRA_POLICIES = ['reject', 'ignore', 'log'] as const
export type ExtraPolicy = (typeof EXTRA_POLICIES)[number]

/** What becomes of a value that breaks a rule of its field. */
export const INVALID_ACTIONS = ['reject', 'flag', 'clamp', 'impute', 'drop'] as const
export type InvalidAction = (typeof INVALID_ACTIONS)[number]

/** A scalar as JSON carries it; 64-bit integers beyond 2^53 are decimal strings. */
export type FieldScalar = number | string | boolean
export type FieldValue = FieldScalar | null | readonly FieldValue[]

/** Where an answer's field is read from. */
export interface OutputPlace {
  /** A tensor of the pipeline's output, by name or 0-based position. */
  readonly output: string | number
  /** A column of it, by 0-based position or by the name of a class. Absent: the whole row. */
  readonly column?: number | string | undefined
}

export interface ContractField {
  /** Any text; no other field has it. */
  readonly name: string
  readonly dtype: FieldDtype
  /** Absent: feature. */
  readonly role?: FieldRole | undefined
  /** What a probability is the probability of. */
  readonly class?: string | number | undefined
  /** The target that a prediction or probability estimates, by name. Absent: the only one. */
  readonly estimates?: string | undefined
  /** Absent: the output that is called like the field. */
  readonly from?: OutputPlace | undefined
  /** Where rows of JSON have it inside nested objects: a JSON Pointer, `/customer/age`. Absent: a member of the row. */
  readonly path?: string | undefined
  /** Dims of one row's value, null for a free first one. Absent: a scalar. */
  readonly shape?: readonly (number | null)[] | undefined
  readonly min?: number | string | undefined
  readonly max?: number | string | undefined
  readonly exclusiveMin?: number | string | undefined
  readonly exclusiveMax?: number | string | undefined
  /** The accepted values. */
  readonly values?: readonly (number | string)[] | undefined
  /** A regular expression of RE2's class that is found somewhere in the text. */
  readonly pattern?: string | undefined
  /** Code points of a text; with a shape, elements of the first dim. */
  readonly minLength?: number | undefined
  readonly maxLength?: number | undefined
  /** Whether each row has the member; absent: true, and false of a target. What it may hold is the dtype's to say. */
  readonly required?: boolean | undefined
  /** true: no two rows of a request have the same value. */
  readonly unique?: boolean | undefined
  /** Absent: reject. */
  readonly onInvalid?: InvalidAction | undefined
  /** Takes the place of a missing value where the dtype has no `?`; with `onInvalid: impute` of an invalid one too. */
  readonly impute?: FieldValue | undefined
  readonly description?: string | undefined
  readonly unit?: string | undefined
}

/** A row as JSON has it: fields by their names, or inside objects. */
export interface ExampleRow {
  readonly [member: string]: FieldValue | ExampleRow
}

export interface Contract {
  /** ^[A-Za-z0-9-]+$ */
  readonly name: string
  readonly description?: string | undefined
  readonly contacts?: readonly string[] | undefined
  readonly fields: readonly ContractField[]
  /** Absent: reject. */
  readonly extra?: ExtraPolicy | undefined
  /** A valid row. */
  readonly example?: ExampleRow | undefined
}

/** Members of answers that stand beside the fields: what was found in the row, and the checks that it failed. */
export const PROBLEMS_MEMBER = '$problems'
export const CHECKS_MEMBER = '$checks'

const outputRoles: ReadonlySet<FieldRole> = new Set(['prediction', 'probability', 'modelVersion'])

/** Whether the field is one of answers; callers send all others. */
export function isOutputRole(role: FieldRole): boolean {
  return outputRoles.has(role)
}

export function inputFields(contract: Contract): ContractField[] {
  return contract.fields.filter(({ role = 'feature' }) => !isOutputRole(role))
}

export function outputFields(contract: Contract): ContractField[] {
  return contract.fields.filter(({ role = 'feature' }) => isOutputRole(role))
}

/** `int64?` → int64, nullable. */
export function splitDtype(dtype: FieldDtype): { readonly dtype: PlainDtype; readonly isNullable: boolean } {
  const isNullable = dtype.endsWith('?')
  return { dtype: (isNullable ? dtype.slice(0, -1) : dtype) as PlainDtype, isNullable }
}

/** `wine` or `wine@2`; without a version the newest. */
export interface ContractReference {
  readonly name: string
  /** null: the newest. */
  readonly version: number | null
}

const referencePattern = /^([A-Za-z0-9-]{1,128})(?:@(\d{1,16}))?$/

/** Takes `wine@2` apart; null when the text is no reference. */
export function matchContractReference(text: unknown): ContractReference | null {
  const [, name, digits] = (typeof text === 'string' && referencePattern.exec(text)) || []
  if (name === undefined) return null
  if (digits === undefined) return { name, version: null }
  const version = Number(digits)
  return version >= 1 && Number.isSafeInteger(version) ? { name, version } : null
}

/**
 * Takes a reference to a contract apart.
 * @throws PenstockError ERR_ARGUMENT when it is none.
 * @example parseContractReference('wine@2') // { name: 'wine', version: 2 }
 */
export function parseContractReference(text: string, where = 'a contract reference'): ContractReference {
  const found = matchContractReference(text)
  if (found !== null) return found
  const wayOut = 'Names are made of letters, digits and hyphens; versions count from 1, and contracts have no aliases'
  throw argumentError(where, 'a name or name@version', text, wayOut)
}

/** The one JSON text of a contract: keys sorted, absent members dropped. Equal texts are equal contracts. */
export function canonicalContract(contract: Contract): string {
  return JSON.stringify(contract, (_, value: unknown) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
    // fromEntries defines, so that a field of the example called __proto__ stays one.
    return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
  })
}

/** Whether both say the same, whatever the order of their keys. The order of fields counts. */
export function contractsEqual(a: Contract, b: Contract): boolean {
  return canonicalContract(a) === canonicalContract(b)
}

/**
 * What the addon exports for contracts, 1:1. Types only; `native.ts` re-exports them.
 * Codes of rules, outcomes and faults are those of src/base/generated/boundary.ts; the rules themselves are defined in
 * native/contract/. `takeRows` is what requests call; the others copy all that was found into objects, for tests.
 */
import type {
  BodyFaultCode,
  ContractRuleCode,
  ExtraFieldsCode,
  OnInvalidCode,
  RowMemberCode,
} from '../src/base/generated/boundary.js'
import type { PipelineHandle, PlanHandle, PortHandle } from './native-handles.js'

export type RowSpecHandle = object & { readonly __rowSpec: unique symbol }
export type RowsFormHandle = object & { readonly __rowsForm: unique symbol }

/** A value of the contract, of the field's dtype. 64-bit integers beyond 2^53 are bigints. */
export type ContractLiteral = number | bigint | boolean | string

export interface RowFieldSpec {
  /** 1 to CONTRACT_NAME_BYTES_MAX bytes of UTF-8; once in a spec. */
  readonly name: string
  /** ONNX TensorProto code: float16, float32, float64, an integer, bool or string. */
  readonly dtype: number
  /** Whether null (NaN in columns) is a value. Default: false. */
  readonly isNullable?: boolean
  /** Whether every row has the field. Default: true. */
  readonly isRequired?: boolean
  /** The shape of one row, each dim 1 or more. Default: a scalar. Values come nested or flat, row-major. */
  readonly dims?: readonly number[]
  /** Numbers only. What is stored is compared: a bound of a float32 is rounded to float32 as well. */
  readonly min?: ContractLiteral | null
  readonly isMinExclusive?: boolean
  readonly max?: ContractLiteral | null
  readonly isMaxExclusive?: boolean
  /** Default, or empty: all values. */
  readonly accepted?: readonly ContractLiteral[]
  /** Strings only, in Unicode code points. */
  readonly minLength?: number | null
  readonly maxLength?: number | null
  /** Among the rows of a request; numbers and strings of one value a row. */
  readonly isUnique?: boolean
  /** Default: OnInvalid.reject. */
  readonly onInvalid?: OnInvalidCode
  /** With OnInvalid.impute only. It need not meet the other rules. */
  readonly impute?: ContractLiteral | null
}

export interface RowSpecOptions {
  readonly fields: readonly RowFieldSpec[]
  /** Default: ExtraFields.reject. */
  readonly extra?: ExtraFieldsCode
}

export interface RowLimits {
  readonly rowsMax?: number
  /** Bytes of all columns; the texts of a body take no more than the body once more. */
  readonly bytesMax?: number
}

export interface RowProblem {
  /** Its number in the request, as that came. */
  readonly row: number
  /** -1: a field that the contract does not have; `text` is its name. */
  readonly field: number
  /** Among the values of the row, row-major; -1: all that it has of the field. */
  readonly element: number
  readonly rule: ContractRuleCode
  readonly outcome: OnInvalidCode
  /** The value as JSON, at most CONTRACT_TEXT_BYTES_MAX bytes of it; '' where there is none. */
  readonly text: string
  readonly isCut: boolean
}

export interface RowProblems {
  /** CONTRACT_PROBLEMS_MAX at most, in the order of the rows. */
  readonly first: RowProblem[]
  readonly count: number
}

/** Row-major [rows, values of a row]. A missing value is NaN, 0 or '' with a clear validity bit. */
export interface RowColumn {
  /** Elements of the dtype; of strings their UTF-8. */
  readonly values: ArrayBuffer
  /** Strings: uint32, one more than there are elements, none without rows; null for other dtypes. */
  readonly offsets: ArrayBuffer | null
  /** Bit i % 8 of byte i / 8: 1 = element i is there. Null: none is missing. */
  readonly validity: ArrayBuffer | null
  readonly missing: number
}

export interface RowsRead {
  /** BodyFault.none, or why there are no rows. */
  readonly fault: BodyFaultCode
  /** The offset in the body at which a fault was seen; for a fault of columns, the field. */
  readonly at: number
  readonly rows: number
  readonly columns: RowColumn[]
  /** A byte per row, 1 = flagged; null: none is. */
  readonly flags: ArrayBuffer | null
  /** Rows of the request that were left out, ascending; none where the request is rejected. */
  readonly dropped: Uint32Array
  /** The request is to be refused if there are any. */
  readonly rejected: RowProblems
  /** What was flagged, clamped, imputed or dropped. */
  readonly mended: RowProblems
  /** How often, at field * 5 + OnInvalid. */
  readonly counts: Float64Array
  /** Names of fields that the contract does not have, once each; with ExtraFields.log only. */
  readonly extraNames: string[]
  readonly extraCount: number
}

/** A column as it came. Numbers may come in any numeric dtype; they are narrowed by value. */
export interface GivenColumn {
  readonly dtype: number
  /** rows * values elements; of bools a byte each, of strings their UTF-8. */
  readonly values: ArrayBufferView
  /** Strings: uint32 from 0, one more than there are elements. */
  readonly offsets?: Uint32Array
  /** As in RowColumn. */
  readonly validity?: Uint8Array | null
}

/** What a pipeline takes and answers by the names of a contract. Fields are those of the spec, by position. */
export interface RowsFormSpec {
  /**
   * Together they fill every element of every input, once. `start`: the first of the input's row. Of a plan with columns
   * (bindColumns) `input` is a column of the program in front of it, in their order.
   */
  readonly features: readonly { readonly field: number; readonly input: number; readonly start: number }[]
  readonly members: readonly RowMemberSpec[]
  /** By field: read as float64 to be compared as it was sent, and a float32 from then on. */
  readonly isNarrowed: readonly boolean[]
  /** Fields of single values that the log has a column of, by the names of its keys. */
  readonly keys: readonly { readonly field: number; readonly name: string }[]
}

/** A member of the answer's object, in its order. */
export interface RowMemberSpec {
  readonly kind: RowMemberCode
  /** `"name":`, from the second on with a comma before it. */
  readonly head: string
  /** RowMember.echo: a field without dims. */
  readonly field: number
  /** RowMember.output: its position in the plan's answer, or in what its program gives; of the dtype and without free dims. */
  readonly source: number
  /** An element of its row; -1: the whole row. */
  readonly column: number
  /** The whole row is one value and no list. */
  readonly isScalar: boolean
  readonly dtype: number
  /** RowMember.text: the JSON. */
  readonly text: string
}

export interface NativeContracts {
  /** Compiles the fields of a contract. @throws RangeError in a sentence when one is wrong. */
  makeRowSpec(spec: RowSpecOptions): RowSpecHandle
  /** Reads one JSON object, or a list of objects, and checks it. @param body UTF-8; lent for the call. */
  readRows(spec: RowSpecHandle, body: Uint8Array, limits?: RowLimits): RowsRead
  /**
   * The columns of rows that keep every rule and have no other member.
   * @param body UTF-8; lent for the call.
   * @param isLines objects one behind the other, instead of one object or a list of them.
   * @param bytesMax of all columns; the texts of a body take no more than the body once more.
   * @returns null: something was found, or there are no rows. Else uint32 words: the number of rows, then ROW_WORDS a field
   *   (where its values begin, their bytes, where the offsets of a text column begin, where the validity bits of a column
   *   that lacks some do; 0: there are none), and behind them what they say, at multiples of 8.
   */
  takeRows(
    spec: RowSpecHandle,
    body: Uint8Array,
    isLines: boolean,
    rowsMax: number,
    bytesMax: number,
  ): ArrayBuffer | null
  /** Prepares rows of the spec for the plan. @throws RangeError in a sentence when it does not fit the plan. */
  makeRowsForm(spec: RowSpecHandle, plan: PlanHandle, form: RowsFormSpec): RowsFormHandle
  /**
   * As `submitJson`, for one JSON object or a list of them. 0: not read here (something was found in the rows, the body is
   * large, the pipeline has another plan than the form).
   */
  submitRows(
    port: PortHandle,
    pipeline: PipelineHandle,
    form: RowsFormHandle,
    body: ArrayBuffer | Uint8Array,
    meta: Uint8Array | null,
  ): number
  /**
   * Checks columns that came typed.
   * @param columns one a field, in the spec's order, null where it is absent; lent for the call and not changed.
   * @throws RangeError when a column's dtype or size does not fit the field.
   */
  checkColumns(
    spec: RowSpecHandle,
    columns: readonly (GivenColumn | null)[],
    rows: number,
    limits?: RowLimits,
  ): RowsRead
}

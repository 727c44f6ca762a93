/**
 * A transform program that runs in this isolate: columns in, columns out, and the rows that failed. For tests, the command
 * line and whatever runs outside of batches; a request's columns go to the same program without passing JavaScript.
 */
import { addon, type NativeColumn, type NativeRowError, type TransformHandle } from '../../../bindings/native.js'
import { RowErrorKind } from '../../base/generated/boundary.js'
import type { PenstockError } from '../../base/errors.js'
import { argumentError, describeValue } from '../../base/expect.js'
import { allocateData, viewData } from '../../tensor/dtype.js'
import { type ColumnType, describeType, elementsOf, type TransformColumn } from '../draft/column.js'
import { unknownName } from '../draft/op-reader.js'
import type { TransformProgram } from './compile.js'

export interface RowFailure {
  readonly row: number
  readonly op: number
  readonly opName: string
  readonly column: string
  readonly kind: keyof typeof RowErrorKind
  /** null: it is missing. */
  readonly value: number | bigint | string | null
  /** A sentence without the row: `Expected type to be one of "red", "white" but received "rosé"`. */
  readonly message: string
}

export interface TransformResult {
  readonly rows: number
  readonly columns: Readonly<Record<string, TransformColumn>>
  /** By row; of many the first TRANSFORM_ROW_ERRORS_MAX. */
  readonly failures: readonly RowFailure[]
  readonly failureCount: number
  /** A bit a row, the lowest first: 1 where it failed and its values mean nothing. null: none did. */
  readonly failedRows: Uint8Array | null
}

export class Transform {
  readonly program: TransformProgram
  /** For the addon. */
  readonly handle: TransformHandle

  /** @param blockRows rows that pass all operations together; 0: as many as fit the cache. Results do not depend on it. */
  constructor(program: TransformProgram, blockRows = 0) {
    this.program = program
    this.handle = addon.makeTransform({ ...program.spec, blockRows })
  }

  /**
   * @param columns those of program.inputs, by name; others are passed over. Lent for the call; a column that no operation
   * changed is itself in the result.
   * @param rows needed where there are no inputs.
   * @throws PenstockError ERR_ARGUMENT, ERR_DTYPE, ERR_SHAPE: a column is not there or not of its type.
   */
  run(columns: Readonly<Record<string, TransformColumn>>, rows = rowsOf(this.program, columns)): TransformResult {
    const { inputs, outputs, spec } = this.program
    const given = inputs.map((type) => expectColumn(columns, type, rows))
    const native = given.map((column, i) => nativeColumn(column, inputs[i] as ColumnType))
    const result = addon.runTransform(this.handle, rows, native)
    const named = outputs.map((type): [string, TransformColumn] => {
      const shape = [rows, ...type.shape]
      const made = result.columns[type.output]
      if (made === null || made === undefined) {
        const input = given[spec.outputs[type.output] as number] as TransformColumn
        return [type.name, { ...input, shape }]
      }
      const data = type.dtype === 'string' ? new Uint8Array(made.data) : viewData(type.dtype, made.data)
      const offsets = made.offsets === null ? null : new Int32Array(made.offsets)
      const validity = made.validity === null ? null : new Uint8Array(made.validity)
      return [type.name, { dtype: type.dtype, shape, data, offsets, validity }]
    })
    return {
      rows,
      columns: Object.fromEntries(named),
      failures: result.errors.map((error) => describeFailure(this.program, error)),
      failureCount: result.errorCount,
      failedRows: result.failedRows === null ? null : new Uint8Array(result.failedRows),
    }
  }
}

const kindByCode = new Map<number, keyof typeof RowErrorKind>(
  Object.entries(RowErrorKind).map(([name, code]) => [code, name as keyof typeof RowErrorKind]),
)

function describeFailure(program: TransformProgram, error: NativeRowError): RowFailure {
  const { column, rule } = program.labels[error.column] ?? { column: '', rule: 'a value' }
  const kind = kindByCode.get(error.kind) ?? 'missing'
  const message =
    kind === 'missing'
      ? `Expected ${column} to have a value but it is missing`
      : `Expected ${column} to be ${rule} but received ${describeValue(error.value)}`
  const { row, op, value } = error
  return { row, op, opName: program.opNames[op] ?? '', column, kind, value, message }
}

function rowsOf(program: TransformProgram, columns: Readonly<Record<string, TransformColumn>>): number {
  const [first] = program.inputs
  return first === undefined ? 0 : (find(columns, first.name).shape[0] ?? 0)
}

function find(columns: Readonly<Record<string, TransformColumn>>, name: string): TransformColumn {
  const column = Object.hasOwn(columns, name) ? columns[name] : undefined
  if (column === undefined) throw missingColumn(name, columns)
  return column
}

function missingColumn(name: string, columns: Readonly<Record<string, TransformColumn>>): PenstockError {
  const known = Object.keys(columns)
  return unknownName('each input of the transform', name, known, 'ERR_ARGUMENT')
}

function expectColumn(
  columns: Readonly<Record<string, TransformColumn>>,
  type: ColumnType,
  rows: number,
): TransformColumn {
  const column = find(columns, type.name)
  const { dtype, shape, validity } = column
  if (dtype !== type.dtype) throw argumentError(`the column ${type.name}`, describeType(type), dtype, '', 'ERR_DTYPE')
  const isFit = shape[0] === rows && elementsOf(shape.slice(1)) === elementsOf(type.shape)
  if (!isFit)
    throw argumentError(
      `the column ${type.name}`,
      `of shape [${[rows, ...type.shape].join(', ')}]`,
      `[${shape.join(', ')}]`,
      '',
      'ERR_SHAPE',
    )
  if (validity !== null && !type.isNullable)
    throw argumentError(
      `the column ${type.name}`,
      `${describeType(type)}, with a value in each row`,
      'one with validity',
      'Make the input nullable',
    )
  return column
}

/** A column without rows has memory of no address: it is replaced, so that the addon sees one of the right alignment. */
function nativeColumn({ data, validity, offsets }: TransformColumn, { dtype }: ColumnType): NativeColumn {
  if (data.length > 0 || dtype === 'string') return { data, validity, offsets }
  return { data: allocateData(dtype, 0), validity, offsets }
}

/**
 * A program while it is compiled: the columns that there are, by name and in their order, and the instructions so far.
 * Operations take columns out, emit instructions and put the results back; each result is a new value, none is changed.
 */
import type { NativeInstructionSpec } from '../../../bindings/native-transforms.js'
import { TransformOpcode, TRANSFORM_ROW_BYTES_MAX, TRANSFORM_VALUES_MAX } from '../../base/generated/boundary.js'
import { PenstockError } from '../../base/errors.js'
import { argumentError } from '../../base/expect.js'
import { TRANSFORM_COLUMNS_MAX } from '../../base/limits/transform-limits.js'
import { dtypeInfo } from '../../tensor/dtype.js'
import type { Dtype } from '../../tensor/tensor.js'
import { type ColumnType, describeType, elementsOf, isFloat } from './column.js'
import type { ColumnsOp } from './operation.js'
import { type Place, unknownName } from './op-reader.js'

/** A value of the program: what a column is at one point of it. */
export interface Slot {
  readonly value: number
  readonly dtype: Dtype
  readonly isNullable: boolean
  readonly shape: readonly number[]
}

export type SlotType = Omit<Slot, 'value'>
type Constants = Pick<NativeInstructionSpec, 'numbers' | 'table' | 'texts' | 'keys'> & {
  readonly integers?: readonly number[] | BigInt64Array
}

/** What a failure of a row is reported with. */
export interface FailureLabel {
  readonly column: string
  /** What the value should be: `one of "red", "white"`. */
  readonly rule: string
}

export class ProgramDraft {
  readonly values: SlotType[] = []
  readonly instructions: NativeInstructionSpec[] = []
  readonly labels: FailureLabel[] = []
  #columns = new Map<string, Slot>()
  #opIndex = 0
  #opName = ''

  constructor(
    inputs: readonly ColumnType[],
    private readonly place: Place,
  ) {
    for (const { name, dtype, isNullable, shape } of inputs)
      this.#columns.set(name, this.#newSlot({ dtype, isNullable, shape }))
  }

  /** The operation that compiles from now on. */
  enter(index: number, name: string): void {
    this.#opIndex = index
    this.#opName = name
  }

  get opName(): string {
    return this.#opName
  }

  get columns(): ReadonlyMap<string, Slot> {
    return this.#columns
  }

  /** @param key the member that is wrong, e.g. `columns[1]`. */
  error(key: string, rule: string, value: unknown, wayOut = ''): PenstockError {
    return argumentError(`${this.#where()}.${key} (${this.#opName})`, rule, value, wayOut, this.place.code)
  }

  /** A column of another type than the operation takes. @param rule e.g. `a column of numbers`. */
  typeError(key: string, name: string, rule: string, slot: SlotType, wayOut = ''): PenstockError {
    const sentence = `Expected ${this.#where()}.${key} (${this.#opName}), the column ${JSON.stringify(name)}, to be ${rule} but received ${describeType(slot)}`
    return new PenstockError(this.place.code, wayOut === '' ? sentence : `${sentence}. ${wayOut}`)
  }

  /** Constants that a table has to tell first. */
  notFitted(key: string): PenstockError {
    return this.error(key, 'there', undefined, 'Fit it over a table with `penstock transform fit`, or write it')
  }

  column(name: string, key: string): Slot {
    const slot = this.#columns.get(name)
    if (slot === undefined)
      throw unknownName(`${this.#where()}.${key} (${this.#opName})`, name, [...this.#columns.keys()], this.place.code)
    return slot
  }

  /** Puts a column in the place of the one of its name, or behind all. */
  set(name: string, slot: Slot): void {
    this.#columns.set(name, slot)
    if (this.#columns.size > TRANSFORM_COLUMNS_MAX)
      throw this.error('columns', `at most ${TRANSFORM_COLUMNS_MAX} columns`, this.#columns.size)
  }

  remove(name: string): void {
    this.#columns.delete(name)
  }

  /** All columns anew, in this order. */
  replaceAll(columns: Iterable<readonly [string, Slot]>): void {
    this.#columns = new Map(columns)
  }

  /** Maps the columns of an operation one by one. */
  mapColumns(op: ColumnsOp, map: (slot: Slot, name: string, index: number) => Slot): void {
    const results = op.columns.map((name, i) => map(this.column(name, `columns[${i}]`), name, i))
    results.forEach((slot, i) => this.set(op.as?.[i] ?? (op.columns[i] as string), slot))
  }

  /** Emits an instruction with one result. @param told of the rows that it may fail. */
  emit(opcode: number, inputs: readonly Slot[], type: SlotType, constants: Constants = {}, told?: FailureLabel): Slot {
    return this.emitAll(opcode, inputs, [type], constants, told)[0] as Slot
  }

  emitAll(
    opcode: number,
    inputs: readonly Slot[],
    types: readonly SlotType[],
    { integers, ...constants }: Constants = {},
    told: FailureLabel = { column: '', rule: '' },
  ): Slot[] {
    const outputs = types.map((type) => this.#newSlot(type))
    this.labels.push(told)
    this.instructions.push({
      opcode,
      op: this.#opIndex,
      column: this.labels.length - 1,
      inputs: inputs.map(({ value }) => value),
      outputs: outputs.map(({ value }) => value),
      ...constants,
      ...(integers === undefined ? {} : { integers: bigints(integers) }),
    })
    return outputs
  }

  /**
   * The column in another dtype; itself when it has that already. Missing values become NaN in floats, stay missing where
   * `isNullable`, and fail their rows else.
   */
  cast(slot: Slot, dtype: Dtype, name: string, isNullable = false): Slot {
    const hasBits = isNullable && !isFloat(dtype) && slot.shape.length === 0
    if (slot.dtype === dtype && slot.isNullable === hasBits) return slot
    // Narrower floats go to integers by way of float32, and texts to numbers by way of the widest of their kind.
    const between = castBetween(slot.dtype, dtype)
    const source = between === null ? slot : this.cast(slot, between, name, isNullable)
    const rule = source.dtype === 'string' ? 'a number' : `a value of ${dtype}`
    return this.emit(
      TransformOpcode.cast,
      [source],
      { dtype, isNullable: hasBits, shape: slot.shape },
      {},
      { column: name, rule },
    )
  }

  /** A column of float32 or float64: integers and bools become float64, as in numpy. */
  real(slot: Slot, name: string, key: string): Slot {
    if (slot.dtype === 'float32' || slot.dtype === 'float64') return slot
    const { kind } = dtypeInfo(slot.dtype)
    if (kind === 'integer' || kind === 'bool') return this.cast(slot, 'float64', name)
    const wayOut = kind === 'float' ? 'Cast it to float32 before' : 'Cast it to float64 before, or encode it'
    throw this.typeError(key, name, 'a column of numbers', slot, wayOut)
  }

  #where(): string {
    return `${this.place.where}[${this.#opIndex}]`
  }

  #newSlot(type: SlotType): Slot {
    const bytes = elementsOf(type.shape) * Math.max(dtypeInfo(type.dtype).sizeBytes, 1)
    if (bytes > TRANSFORM_ROW_BYTES_MAX)
      throw this.error('shape', `a row of at most ${TRANSFORM_ROW_BYTES_MAX} bytes`, bytes)
    if (this.values.length >= TRANSFORM_VALUES_MAX)
      throw this.error('op', `within ${TRANSFORM_VALUES_MAX} columns of a program, all steps counted`, this.#opName)
    const { dtype, isNullable, shape } = type
    this.values.push({ dtype, isNullable, shape })
    return { value: this.values.length - 1, dtype, isNullable, shape }
  }
}

function castBetween(from: Dtype, to: Dtype): Dtype | null {
  if (from === 'string' && to !== 'string') {
    const widest = isFloat(to) ? 'float64' : 'int64'
    return to === widest ? null : widest
  }
  return (from === 'float16' || from === 'bfloat16') && !isFloat(to) ? 'float32' : null
}

function bigints(integers: readonly number[] | BigInt64Array): BigInt64Array {
  return integers instanceof BigInt64Array ? integers : BigInt64Array.from(integers, (value) => BigInt(value))
}

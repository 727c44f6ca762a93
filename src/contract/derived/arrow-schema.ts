/**
 * The Arrow schema of rows and of answers: what a Parquet file or an Arrow body of this contract has as columns. Lists have
 * `tensor_type` in their metadata, as tables of results have it, so that rows of several dims nest again.
 */
import type { DataType } from 'apache-arrow'
import { DateDay, Field, FixedSizeList, List, Schema, TimestampMicrosecond, Utf8 } from 'apache-arrow'
import { arrowType, tensorMetadata } from '../../formats/arrow/column-types.js'
import type { Dtype } from '../../tensor/tensor.js'
import type { PlainDtype } from '../contract.js'
import type { ResolvedContract, ResolvedField } from '../resolve.js'
import { acceptsNull } from './json-schema.js'

/** @param reference of the contract, which the schema's metadata tell; e.g. `wine@2`. */
export function arrowRowSchema(contract: ResolvedContract, reference: string): Schema {
  const fields = contract.inputs.map((field) => arrowField(field, acceptsNull(field) || !field.isRequired))
  return new Schema(fields, new Map([['contract', reference]]))
}

export function arrowAnswerSchema(contract: ResolvedContract, reference: string): Schema {
  const fields = contract.outputs.map((field) => arrowField(field, field.isNullable))
  return new Schema(fields, new Map([['contract', reference]]))
}

function arrowField(field: ResolvedField, isNullable: boolean): Field {
  const { name, dtype, role, shape, source } = field
  const metadata = new Map<string, string>(
    shape.length === 0
      ? []
      : tensorMetadata(
          shape.map((dim) => dim ?? -1),
          dtype as Dtype,
        ),
  )
  if (dtype === 'bfloat16' && shape.length === 0) metadata.set('dtype', dtype)
  metadata.set('role', role)
  if (source.unit !== undefined) metadata.set('unit', source.unit)
  if (source.description !== undefined) metadata.set('description', source.description)
  return new Field(name, columnType(field), isNullable, metadata)
}

/** A list of all elements where their number is known; nested below a free first dim. */
function columnType({ dtype, shape }: ResolvedField): DataType {
  const element = elementType(dtype)
  const [first, ...rest] = shape
  if (first === undefined) return element
  if (first === null) {
    const inner = rest.reduceRight<DataType>((type, dim) => listOf(type, dim), element)
    return listOf(inner, null)
  }
  return listOf(
    element,
    (shape as number[]).reduce((product, dim) => product * dim, 1),
  )
}

function listOf(type: DataType, size: number | null): DataType {
  const item = new Field('item', type, false)
  return size === null ? new List(item) : new FixedSizeList(size, item)
}

function elementType(dtype: PlainDtype): DataType {
  if (dtype === 'timestamp') return new TimestampMicrosecond('UTC')
  if (dtype === 'date') return new DateDay()
  return dtype === 'uuid' ? new Utf8() : arrowType(dtype)
}

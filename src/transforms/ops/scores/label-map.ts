/**
 * `label-map`: a number or text becomes its label, a text or a number: `labels` is a list by place from 0, or an object by
 * value. A value without a label fails its row, or becomes `other`; a missing one stays missing where the column tells it
 * by validity, and fails its row as NaN.
 */
import { CategoryCode, TransformOpcode } from '../../../base/generated/boundary.js'
import { TRANSFORM_CATEGORIES_MAX } from '../../../base/limits/transform-limits.js'
import { dtypeInfo } from '../../../tensor/dtype.js'
import type { NumericDtype } from '../../../tensor/tensor.js'
import { elementBytes, isFloat } from '../../draft/column.js'
import type { ProgramDraft, Slot } from '../../draft/draft.js'
import type { OpKind } from '../../draft/op-kind.js'
import type { ColumnsOp } from '../../draft/operation.js'
import type { JsonCell, OpReader } from '../../draft/op-reader.js'
import { lookUp } from '../columns/categories.js'

type Label = string | number

export interface LabelMapOp extends ColumnsOp {
  readonly op: 'label-map'
  /** All texts, or all numbers. */
  readonly labels: readonly Label[] | Readonly<Record<string, Label>>
  /** In place of a value without a label. */
  readonly other?: Label
}

export const labelMapKind: OpKind<LabelMapOp> = {
  op: 'label-map',
  keys: ['columns', 'as', 'labels', 'other'],
  parse: (reader) => {
    const named = reader.columns()
    const labels = readLabels(reader)
    const all = Object.values<Label>(labels)
    if (!reader.has('other')) return { op: 'label-map', ...named, labels }
    const other = readLabel(reader, 'other', reader.get('other'))
    if (typeof other !== typeof all[0]) throw reader.error('other', `a ${typeof all[0]}, as the labels are`, other)
    return { op: 'label-map', ...named, labels, other }
  },
  compile: (op, draft) => {
    const labels = Object.values<Label>(op.labels)
    const table = op.other === undefined ? labels : [...labels, op.other]
    draft.mapColumns(op, (slot, name) => {
      const unknown = op.other === undefined ? CategoryCode.fails : labels.length
      const missing = slot.isNullable ? CategoryCode.none : CategoryCode.fails
      const codes = lookUp(draft, slot, name, 'labels', valuesOf(draft, op, slot), { unknown, missing })
      return gather(draft, codes, table, slot.isNullable)
    })
  },
}

function readLabels(reader: OpReader): Label[] | Record<string, Label> {
  if (Array.isArray(reader.get('labels'))) {
    const list = reader.list('labels', 1, TRANSFORM_CATEGORIES_MAX)
    return sameKind(
      reader,
      list.map((label, i) => readLabel(reader, `labels[${i}]`, label)),
    )
  }
  const entries = Object.entries(reader.object('labels'))
  if (entries.length < 1 || entries.length > TRANSFORM_CATEGORIES_MAX)
    throw reader.error('labels', `an object of 1..${TRANSFORM_CATEGORIES_MAX} members`, `${entries.length} members`)
  const labels = sameKind(
    reader,
    entries.map(([value, label]) => readLabel(reader, `labels.${value}`, label)),
  )
  return Object.fromEntries(entries.map(([value], i) => [value, labels[i] as Label]))
}

function readLabel(reader: OpReader, key: string, value: unknown): Label {
  return typeof value === 'number' ? reader.number(key, value) : reader.text(key, value)
}

function sameKind(reader: OpReader, labels: Label[]): Label[] {
  const other = labels.find((label) => typeof label !== typeof labels[0])
  if (other !== undefined) throw reader.error('labels', 'all texts or all numbers', other)
  return labels
}

/** The values that have labels, as cells of the column. */
function valuesOf(draft: ProgramDraft, { labels }: LabelMapOp, { dtype }: Slot): JsonCell[] {
  const { kind } = dtypeInfo(dtype)
  if (Array.isArray(labels))
    return labels.map((_, place) => (kind === 'bool' ? place === 1 : kind === 'string' ? String(place) : place))
  return Object.keys(labels).map((text) => {
    if (kind === 'string') return text
    if (kind === 'bool' && (text === 'true' || text === 'false')) return text === 'true'
    const number = Number(text)
    const isNumber = text.trim() !== '' && Number.isFinite(number)
    if (kind === 'integer' && isNumber) return Number.isSafeInteger(number) ? number : text
    if (kind === 'float' && isNumber) return number
    const rule = kind === 'bool' ? 'true and false' : 'numbers'
    throw draft.error('labels', `keyed by ${rule}, as the column is ${dtype}`, text)
  })
}

/** Texts, or numbers: int64 where all are integers, else float64. */
function gather(draft: ProgramDraft, codes: Slot, table: readonly Label[], isNullable: boolean): Slot {
  const { shape } = codes
  if (typeof table[0] === 'string')
    return draft.emit(
      TransformOpcode.gather,
      [codes],
      { dtype: 'string', isNullable, shape },
      { texts: table as string[] },
    )
  const dtype: NumericDtype = table.every((label) => Number.isSafeInteger(label)) ? 'int64' : 'float64'
  const type = { dtype, isNullable: isNullable && !isFloat(dtype), shape }
  return draft.emit(TransformOpcode.gather, [codes], type, { table: elementBytes(dtype, table as number[]) })
}

/**
 * `hash`: to one of `buckets` numbers, from 0. MurmurHash3 (x86, 32 bits) of a text's UTF-8 bytes, or of an integer as
 * int64, its lowest byte first; modulo buckets. As sklearn.utils.murmurhash3_32(bytes, seed, positive=True) % buckets. A
 * missing value stays missing.
 */
import { TransformOpcode } from '../../../base/generated/boundary.js'
import { dtypeInfo } from '../../../tensor/dtype.js'
import type { OpKind } from '../../draft/op-kind.js'
import type { ColumnsOp } from '../../draft/operation.js'

const bucketsMax = 2 ** 32
const seedMax = 2 ** 32 - 1

export interface HashOp extends ColumnsOp {
  readonly op: 'hash'
  readonly buckets: number
  /** 0 when left out. */
  readonly seed?: number
}

export const hashKind: OpKind<HashOp> = {
  op: 'hash',
  keys: ['columns', 'as', 'buckets', 'seed'],
  parse: (reader) => ({
    op: 'hash',
    ...reader.columns(),
    buckets: reader.integer('buckets', 1, bucketsMax),
    ...(reader.has('seed') ? { seed: reader.integer('seed', 0, seedMax) } : {}),
  }),
  compile: (op, draft) =>
    draft.mapColumns(op, (slot, name, i) => {
      const { kind } = dtypeInfo(slot.dtype)
      if (kind === 'float')
        throw draft.typeError(`columns[${i}]`, name, 'a column of texts or integers', slot, 'Bucketise it, or cast it')
      const source = kind === 'string' ? slot : draft.cast(slot, 'int64', name, slot.isNullable)
      const type = { ...source, dtype: 'int64' } as const
      return draft.emit(TransformOpcode.hash, [source], type, { integers: [op.seed ?? 0, op.buckets] })
    }),
}

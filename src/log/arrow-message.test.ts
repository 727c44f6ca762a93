/** What we write by hand, read by Apache Arrow. */
import { tableFromIPC } from 'apache-arrow'
import { describe, expect, it } from 'vitest'
import { encodeRecordBatchMessage, encodeSchemaMessage, type ArrowField, type ArrowType } from './arrow-message.js'

const int = (bits: 8 | 16 | 32 | 64, isSigned: boolean): ArrowType => ({ kind: 'int', bits, isSigned })
const field = (name: string, type: ArrowType, isNullable = false): ArrowField => ({ name, type, isNullable })

describe('messages of an Arrow stream', () => {
  it('a schema says every type, nullability and metadata as it was given', () => {
    const fields: ArrowField[] = [
      field('time', { kind: 'timestamp-ms' }),
      ...([8, 16, 32, 64] as const).flatMap((bits) => [
        field(`i${bits}`, int(bits, true)),
        field(`u${bits}`, int(bits, false)),
      ]),
      ...([16, 32, 64] as const).map((bits) => field(`f${bits}`, { kind: 'float', bits })),
      field('flag', { kind: 'bool' }),
      field('text', { kind: 'utf8' }, true),
      { ...field('list', { kind: 'list', child: { kind: 'utf8' } }), metadata: { tensor_type: '{"a":"ä"}' } },
      field('fixed', { kind: 'fixed-list', child: { kind: 'float', bits: 32 }, size: 29 }, true),
    ]
    const { schema } = tableFromIPC(encodeSchemaMessage(fields, { penstock: '{"x":1}', other: '' }))
    expect(schema.fields.map(({ name, type, nullable }) => `${name} ${String(type)} ${nullable}`)).toEqual([
      'time Timestamp<MILLISECOND> false',
      'i8 Int8 false',
      'u8 Uint8 false',
      'i16 Int16 false',
      'u16 Uint16 false',
      'i32 Int32 false',
      'u32 Uint32 false',
      'i64 Int64 false',
      'u64 Uint64 false',
      'f16 Float16 false',
      'f32 Float32 false',
      'f64 Float64 false',
      'flag Bool false',
      'text Utf8 true',
      'list List<Utf8> false',
      'fixed FixedSizeList[29]<Float32> true',
    ])
    expect(Object.fromEntries(schema.metadata)).toEqual({ penstock: '{"x":1}', other: '' })
    expect(schema.fields[14]?.metadata.get('tensor_type')).toBe('{"a":"ä"}')
    expect(schema.fields[15]?.type.children[0]?.nullable).toBe(false)
  })

  it('record batches behind it are read as they were written, nulls included', () => {
    const schema = encodeSchemaMessage(
      [field('n', int(32, true)), field('pair', { kind: 'fixed-list', child: int(8, false), size: 2 }, true)],
      {},
    )
    const batch = (from: number): Uint8Array =>
      encodeRecordBatchMessage(
        3,
        [
          { length: 3, nullCount: 0 },
          { length: 3, nullCount: 1 },
          { length: 6, nullCount: 0 },
        ],
        [
          new Uint8Array(0),
          new Uint8Array(Int32Array.of(from, from + 1, from + 2).buffer),
          Uint8Array.of(0b101),
          new Uint8Array(0),
          Uint8Array.of(1, 2, 0, 0, 5, 6),
        ],
      )
    const table = tableFromIPC(Buffer.concat([schema, batch(1), batch(10)]))
    expect(table.numRows).toBe(6)
    expect([...(table.getChild('n') ?? [])]).toEqual([1, 2, 3, 10, 11, 12])
    expect([...(table.getChild('pair') ?? [])].map((pair) => (pair === null ? null : [...(pair as number[])]))).toEqual(
      [[1, 2], null, [5, 6], [1, 2], null, [5, 6]],
    )
  })

  it('messages are a whole number of eight bytes, so that bodies are aligned', () => {
    for (const name of ['a', 'ab', 'abc', 'abcdefgh']) {
      expect(encodeSchemaMessage([field(name, { kind: 'bool' })], {}).byteLength % 8).toBe(0)
      const message = encodeRecordBatchMessage(
        1,
        [{ length: 1, nullCount: 0 }],
        [new Uint8Array(0), new Uint8Array(name.length)],
      )
      expect(message.byteLength % 8).toBe(0)
    }
  })
})

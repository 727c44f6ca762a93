/**
 * Hostile Arrow: whatever the bytes, the reader answers soon, with columns that lie in the body or with a documented
 * code. Sound bodies are damaged in every way that makes them lie: cut off, bytes flipped, every 32-bit word of the
 * metadata set to the values that overflow, and sizes multiplied. A read past the end would be a RangeError here, which
 * is not a documented code.
 */
import { readdirSync, readFileSync } from 'node:fs'
import {
  type Data,
  Dictionary,
  makeData,
  RecordBatch,
  Schema,
  Field,
  FixedSizeList,
  Float32,
  List,
  Struct,
  Table,
  tableToIPC,
  Utf8,
  vectorFromArray,
  Int32,
} from 'apache-arrow'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isPenstockError } from '../../base/errors.js'
import type { TensorField } from '../../tensor/tensor.js'
import { arrowExtras } from '../arrow/arrow-extras.js'
import { arrowTensor } from '../arrow/arrow-inputs.js'
import { cellPrinter } from '../cell-text.js'
import { Allowance } from './columns.js'
import { readArrow } from './read-arrow.js'

const seed = 20261121
const documented = new Set([
  'ERR_BODY',
  'ERR_DTYPE',
  'ERR_SHAPE',
  'ERR_TOO_MANY_ROWS',
  'ERR_ARGUMENT',
  'ERR_VALUE_RANGE',
])
const field: TensorField = { name: 'x', dtype: 'float32', shape: [null, 3] }

/** Three kinds of columns with offsets, children and bits, in two batches. */
function soundTable(): Table {
  const schema = new Schema([
    new Field(
      'x',
      new FixedSizeList(3, new Field('item', new Float32(), false)),
      false,
      new Map([['tensor_type', '{"shape":[3]}']]),
    ),
    new Field('note', new Utf8(), true),
    new Field('tags', new List(new Field('item', new Int32(), true)), true),
  ])
  const batch = (rows: number): RecordBatch => {
    const child = makeData({
      type: new Float32(),
      length: rows * 3,
      nullCount: 0,
      data: new Float32Array(rows * 3).fill(1.5),
    })
    const x = makeData({ type: schema.fields[0]?.type as FixedSizeList, length: rows, nullCount: 0, child })
    const note = vectorFromArray(
      Array.from({ length: rows }, (_, row) => (row % 2 === 0 ? null : `row ${row}`)),
      new Utf8(),
    ).data[0]
    const tags = vectorFromArray(
      Array.from({ length: rows }, (_, row) => Array.from({ length: row }, (_, tag) => tag)),
      schema.fields[2]?.type as List,
    ).data[0]
    const type = new Struct(schema.fields)
    return new RecordBatch(schema, makeData({ type, length: rows, nullCount: 0, children: [x, note, tags] as never }))
  }
  return new Table(schema, [batch(4), batch(2)])
}
const sound = { file: tableToIPC(soundTable(), 'file'), stream: tableToIPC(soundTable(), 'stream') }

/** As other writers write: views, dictionaries, packed buffers, lists of all kinds (test/tables). */
const folder = new URL('../../../test/tables/', import.meta.url)
const foreign = readdirSync(folder)
  .filter((name) => name.endsWith('.arrow'))
  .map((name) => new Uint8Array(readFileSync(new URL(name, folder))))
const encodings = [
  'polars-text',
  'dictionary-delta',
  'dictionary-nested',
  'list-view-shared',
  'run-ends',
  'extra-map',
  'nulls-nested',
  'pandas-feather',
].map((name) => new Uint8Array(readFileSync(new URL(`${name}.arrow`, folder))))

/** Reads all that a request reads; throws what is no documented refusal. */
function readAll(bytes: Uint8Array): boolean {
  try {
    const body = readArrow(bytes, 1000, new Allowance(2 ** 22))
    const index = body.fields.findIndex(({ name }) => name === 'x')
    if (index >= 0 && body.rows > 0) arrowTensor(body, index, field, false)
    const others = body.fields.flatMap((_, at) => (at === index ? [] : [at]))
    if (body.rows === 0) return true
    for (const { field: extra, data } of arrowExtras(body, others)) {
      const print = cellPrinter(extra, data)
      for (let row = 0; row < data.length; row++) print(row)
    }
    return true
  } catch (error) {
    if (isPenstockError(error) && documented.has(error.code)) return false
    throw error
  }
}

describe('hostile Arrow', () => {
  it('sound bodies: are read', () => {
    expect([readAll(sound.file), readAll(sound.stream)]).toEqual([true, true])
  })

  it('cut off anywhere: is refused, unless whole messages are left of a stream', () => {
    for (let length = 0; length < sound.file.length; length++)
      expect(readAll(sound.file.slice(0, length)), String(length)).toBe(false)
    for (let length = 0; length < sound.stream.length; length++) readAll(sound.stream.slice(0, length))
  })

  it('every 32-bit word set to what overflows: is refused or read, soon', () => {
    const values = [0, -1, 0x7fffffff, 0x10000]
    for (const bytes of [sound.file, sound.stream]) {
      for (let at = 0; at + 4 <= bytes.length; at += 4) {
        for (const value of values) {
          const damaged = bytes.slice()
          new DataView(damaged.buffer).setInt32(at, value, true)
          const begun = performance.now()
          readAll(damaged)
          expect(performance.now() - begun, `word ${at} = ${value}`).toBeLessThan(1000)
        }
      }
    }
  })

  it.each(encodings.map((bytes, index) => [index, bytes] as const))(
    'encoding %i, every 32-bit word set to what overflows: is refused or read, soon',
    (_, bytes) => {
      for (let at = 0; at + 4 <= bytes.length; at += 4) {
        for (const value of [-1, 0x7fffffff, 0x10000]) {
          const damaged = bytes.slice()
          new DataView(damaged.buffer).setInt32(at, value, true)
          const begun = performance.now()
          readAll(damaged)
          expect(performance.now() - begun, `word ${at} = ${value}`).toBeLessThan(1000)
        }
      }
    },
  )

  it('bytes flipped at random, several at a time', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(sound.file, sound.stream, ...foreign),
        fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 8 }),
        (bytes, flips) => {
          const damaged = bytes.slice()
          for (const [at, value] of flips) damaged[at % damaged.length] = value
          readAll(damaged)
        },
      ),
      { seed, numRuns: 20_000 },
    )
  })

  it('arbitrary bytes, with and without the marks of the format', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('', 'ARROW1\0\0', '\xff\xff\xff\xff'),
        fc.uint8Array({ maxLength: 200 }),
        (start, rest) => {
          expect(readAll(Buffer.concat([Buffer.from(start, 'latin1'), rest]))).toBe(false)
        },
      ),
      { seed, numRuns: 1000 },
    )
  })

  it('what unpacks to more than is allowed: is refused before it exists', () => {
    const texts = vectorFromArray(['x'.repeat(2 ** 20)], new Dictionary(new Utf8(), new Int32()))
      .data[0] as Data<Dictionary>
    const rows = 100_000
    const data = makeData({
      type: texts.type,
      length: rows,
      data: new Int32Array(rows),
      dictionary: texts.dictionary,
    } as never)
    const table = new Table(new Schema([new Field('note', texts.type, false)]), [
      new RecordBatch(
        new Schema([new Field('note', texts.type, false)]),
        makeData({
          type: new Struct([new Field('note', texts.type, false)]),
          length: rows,
          nullCount: 0,
          children: [data],
        }) as never,
      ),
    ])
    const begun = performance.now()
    // A hundred gigabytes out of a megabyte.
    expect(() => readArrow(tableToIPC(table, 'stream'), rows)).toThrow(/unpacked/)
    expect(performance.now() - begun).toBeLessThan(1000)
  })

  it('rows beyond the limit: are refused before a column is looked at', () => {
    expect(() => readArrow(sound.stream, 5)).toThrow(expect.objectContaining({ code: 'ERR_TOO_MANY_ROWS' }))
  })
})

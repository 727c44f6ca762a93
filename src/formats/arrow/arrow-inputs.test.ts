/** Arrow columns become the tensors of the inputs, or are refused with a code and the way out. */
import {
  type DataType,
  Field,
  FixedSizeList,
  Float32,
  Float64,
  Int32,
  Int64,
  List,
  makeBuilder,
  makeData,
  Null,
  RecordBatch,
  Schema,
  Struct,
  Table,
  tableToIPC,
  Uint8,
  Utf8,
  Bool,
} from 'apache-arrow'
import { describe, expect, it } from 'vitest'
import type { Tensor, TensorField } from '../../tensor/tensor.js'
import { arrowTensor } from './arrow-inputs.js'
import { readArrow } from '../ipc/read-arrow.js'

const column = (type: DataType, ...batches: readonly (readonly unknown[])[]): Uint8Array =>
  bodyOf(new Field('x', type, true), batches)

function bodyOf(
  field: Field,
  batches: readonly (readonly unknown[])[],
  form: 'file' | 'stream' = 'stream',
): Uint8Array {
  const schema = new Schema([field])
  const made = batches.map((values) => {
    const builder = makeBuilder({ type: field.type, nullValues: [null] })
    for (const value of values) builder.append(value)
    const data = builder.finish().flush()
    return new RecordBatch(
      schema,
      makeData({ type: new Struct(schema.fields), length: values.length, nullCount: 0, children: [data] }),
    )
  })
  return tableToIPC(new Table(schema, made), form)
}
const list = (item: DataType, size?: number): DataType => {
  const field = new Field('item', item, true)
  return size === undefined ? new List(field) : new FixedSizeList(size, field)
}
/** A column of arrow.fixed_shape_tensor. */
const tensorField = (declared: string, size: number): Field =>
  new Field(
    'x',
    list(new Float32(), size),
    true,
    new Map([
      ['ARROW:extension:name', 'arrow.fixed_shape_tensor'],
      ['ARROW:extension:metadata', declared],
    ]),
  )
const x = (dtype: TensorField['dtype'], ...rest: (number | null)[]): TensorField => ({
  name: 'x',
  dtype,
  shape: [null, ...rest],
})
const read = (bytes: Uint8Array, field: TensorField, isNonBatching = false): Tensor =>
  arrowTensor(readArrow(bytes, 1000), 0, field, isNonBatching)

describe('arrow inputs', () => {
  it('one batch of the dtype: is a view of the body, whatever lists are around it', () => {
    for (const type of [list(new Float32(), 2), list(new Float32())]) {
      const bytes = column(type, [
        [1, 2],
        [3, 4],
      ])
      const { shape, data } = read(bytes, x('float32', 2))
      expect([shape, Array.from(data as Float32Array)]).toEqual([
        [2, 2],
        [1, 2, 3, 4],
      ])
      expect((data as Float32Array).buffer).toBe(bytes.buffer)
    }
  })

  it.each<[string, Uint8Array, TensorField, number[], unknown[]]>([
    [
      'several batches in order',
      column(
        list(new Float32(), 2),
        [[1, 2]],
        [
          [3, 4],
          [5, 6],
        ],
      ),
      x('float32', 2),
      [3, 2],
      [1, 2, 3, 4, 5, 6],
    ],
    ['scalars for [n, 1]', column(new Float32(), [1, 2]), x('float32', 1), [2, 1], [1, 2]],
    ['scalars for [n]', column(new Int64(), [1n, -2n]), x('int64'), [2], [1n, -2n]],
    ['lists of one for [n]', column(list(new Int32(), 1), [[7]]), x('int32'), [1], [7]],
    [
      'double lists for a float32 model',
      column(list(new Float64()), [[0.1, 2]]),
      x('float32', 2),
      [1, 2],
      [Math.fround(0.1), 2],
    ],
    ['int64, as pandas has them, for int32', column(new Int64(), [1n, 2n]), x('int32'), [2], [1, 2]],
    ['integers for floats', column(list(new Int32(), 2), [[1, 2]]), x('float32', 2), [1, 2], [1, 2]],
    ['float32 for a float64 model', column(new Float32(), [0.5]), x('float64'), [1], [0.5]],
    ['bools', column(new Bool(), [true, false, true]), x('bool'), [3], [1, 0, 1]],
    [
      'bools for numbers, over two batches',
      column(new Bool(), [true], [false, true]),
      x('float32', 1),
      [3, 1],
      [1, 0, 1],
    ],
    ['texts', column(new Utf8(), ['a', ''], ['ü']), x('string'), [3], ['a', '', 'ü']],
    ['whole floats for integers', column(new Float64(), [1, -0, 2 ** 40]), x('int64'), [3], [1n, 0n, 2n ** 40n]],
    ['whole floats for int32', column(list(new Float64(), 2), [[1, 2]]), x('int32', 2), [1, 2], [1, 2]],
    ['1 and 0 for bools', column(list(new Int64()), [[1n, 0n]]), x('bool', 2), [1, 2], [1, 0]],
    ['1.0 and 0.0 for bools', column(new Float32(), [1, 0]), x('bool'), [2], [1, 0]],
    ['doubles for float16', column(new Float64(), [1, 0.1, -2]), x('float16'), [3], [0x3c00, 0x2e66, 0xc000]],
    ['integers for bfloat16', column(new Int32(), [1, -2]), x('bfloat16'), [2], [0x3f80, 0xc000]],
    ['bools for float16', column(new Bool(), [true, false]), x('float16'), [2], [0x3c00, 0]],
    ['nulls as NaN', column(new Float32(), [1, null]), x('float32', 1), [2, 1], [1, NaN]],
    ['nulls of integers as NaN', column(new Int64(), [1n, null]), x('float32', 1), [2, 1], [1, NaN]],
    ['nulls as NaN of float16', column(new Float32(), [null, 1]), x('float16'), [2], [0x7e00, 0x3c00]],
    [
      'nulls in lists',
      column(list(new Float32(), 2), [[1, null]], [[null, 4]]),
      x('float32', 2),
      [2, 2],
      [1, NaN, NaN, 4],
    ],
    ['lists that are null', column(list(new Float32()), [null, [1, 2]]), x('float32', 2), [2, 2], [NaN, NaN, 1, 2]],
    ['columns of nulls', column(new Null(), [null, null]), x('float64', 2), [2, 2], [NaN, NaN, NaN, NaN]],
    ['texts that are null', column(new Utf8(), ['a', null]), x('string', 1), [2, 1], ['a', '']],
    ['columns of nulls for texts', column(new Null(), [null]), x('string'), [1], ['']],
    ['no rows', column(list(new Float32(), 3), []), x('float32', 3), [0, 3], []],
    ['no rows of numbers', column(new Float32(), []), x('float32'), [0], []],
    ['no rows of lists', column(list(new Float32()), []), x('float32', 2), [0, 2], []],
    ['no rows of a free width', column(list(new Float32()), []), x('float32', null), [0, 0], []],
    [
      'no rows of lists that give their dims',
      bodyOf(new Field('x', list(new Float32()), true, new Map([['tensor_type', '{"shape":[2,3]}']])), [[]]),
      x('float32', 2, 3),
      [0, 2, 3],
      [],
    ],
    ['lists without elements', column(list(new Float32()), [[], []]), x('float32', null), [2, 0], []],
    ['flat rows of a shape without elements', column(list(new Float32()), [[], []]), x('float32', 0, 4), [2, 0, 4], []],
    [
      'a tensor whose permutation is its own inverse',
      bodyOf(tensorField('{"shape":[2,3],"permutation":[1,0]}', 6), [[[0, 1, 2, 3, 4, 5]]]),
      x('float32', 3, 2),
      [1, 3, 2],
      [0, 3, 1, 4, 2, 5],
    ],
    [
      'a tensor whose axes move round, distinguished by their dims',
      bodyOf(tensorField('{"shape":[1,2,3],"permutation":[2,0,1]}', 6), [[[0, 1, 2, 3, 4, 5]]]),
      x('float32', 3, 1, 2),
      [1, 3, 1, 2],
      [0, 3, 1, 4, 2, 5],
    ],
    [
      'nested lists',
      column(list(list(new Float32(), 2), 2), [
        [
          [1, 2],
          [3, 4],
        ],
      ]),
      x('float32', 2, 2),
      [1, 2, 2],
      [1, 2, 3, 4],
    ],
    [
      'flat lists for more dims',
      column(list(new Float32(), 4), [[1, 2, 3, 4]]),
      x('float32', 2, 2),
      [1, 2, 2],
      [1, 2, 3, 4],
    ],
    [
      'flat lists for a free dim',
      column(list(new Float32()), [[1, 2, 3, 4]]),
      x('float32', null, 2),
      [1, 2, 2],
      [1, 2, 3, 4],
    ],
    [
      'tensor_type leaves two free dims',
      bodyOf(
        new Field('x', list(new Uint8(), 6), true, new Map([['tensor_type', '{"shape":[2,3]}']])),
        [[[1, 2, 3, 4, 5, 6]]],
        'file',
      ),
      x('uint8', null, null),
      [1, 2, 3],
      [1, 2, 3, 4, 5, 6],
    ],
  ])('takes %s', (_, bytes, field, shape, values) => {
    const tensor = read(bytes, field)
    expect([tensor.dtype, tensor.shape, Array.from(tensor.data as never)]).toEqual([field.dtype, shape, values])
  })

  it('a row of its own: is the whole tensor of models without a row axis', () => {
    const field: TensorField = { name: 'x', dtype: 'float32', shape: [2, 2] }
    expect(read(column(list(new Float32(), 4), [[1, 2, 3, 4]]), field, true).shape).toEqual([2, 2])
    expect(() =>
      read(
        column(list(new Float32(), 4), [
          [1, 2, 3, 4],
          [1, 2, 3, 4],
        ]),
        field,
        true,
      ),
    ).toThrow(/one row.*but received 2/)
  })

  it.each<[string, Uint8Array, TensorField, string, RegExp]>([
    [
      'nulls for integers',
      column(new Int64(), [1n, null]),
      x('int64', 1),
      'ERR_ARGUMENT',
      /null\) in row 1.*int64 has no number.*Fill it in/,
    ],
    [
      'nulls in lists of bools',
      column(list(new Bool(), 2), [[true, true]], [[true, null]]),
      x('bool', 2),
      'ERR_ARGUMENT',
      /null\) in row 1/,
    ],
    ['columns of nulls for integers', column(new Null(), [null]), x('int32'), 'ERR_ARGUMENT', /row 0/],
    [
      'lists of different lengths',
      column(list(new Float32()), [[1, 2], [3]]),
      x('float32', 2),
      'ERR_SHAPE',
      /2 elements, as the first has, but list 1 has 1/,
    ],
    [
      'batches of different lengths',
      column(list(new Float32()), [[1, 2]], [[3]]),
      x('float32', null),
      'ERR_SHAPE',
      /dims \[2\] but a later batch has \[1\]/,
    ],
    ['the wrong width', column(list(new Float32(), 3), [[1, 2, 3]]), x('float32', 2), 'ERR_SHAPE', /shape \[n, 2\]/],
    ['empty lists', column(list(new Float32()), [[]]), x('float32', 2), 'ERR_SHAPE', /shape \[n, 2\]/],
    [
      'a fraction for integers',
      column(new Float64(), [1, 0.5]),
      x('int64'),
      'ERR_VALUE_RANGE',
      /element 1 of x to fit int64 but received 0.5 in row 1/,
    ],
    ['NaN for integers', column(new Float64(), [NaN]), x('int32'), 'ERR_VALUE_RANGE', /NaN/],
    ['2 for bools', column(new Int32(), [2]), x('bool'), 'ERR_VALUE_RANGE', /fit bool but received 2/],
    [
      'numbers beyond float16',
      column(new Float64(), [65520]),
      x('float16'),
      'ERR_VALUE_RANGE',
      /fit float16 but received 65520/,
    ],
    ['an int64 beyond int32', column(new Int64(), [2n ** 53n + 1n]), x('int32'), 'ERR_VALUE_RANGE', /9007199254740993/],
    [
      'other dims of lists',
      column(list(list(new Float32(), 3), 2), [
        [
          [1, 2, 3],
          [4, 5, 6],
        ],
      ]),
      x('float32', 3, 2),
      'ERR_SHAPE',
      /\[n, 3, 2\] \(dim 1 is 3\) but received \[1, 2, 3\]/,
    ],
    [
      'other dims of a tensor type',
      bodyOf(tensorField('{"shape":[2,3]}', 6), [[[1, 2, 3, 4, 5, 6]]]),
      x('float32', 3, 2),
      'ERR_SHAPE',
      /received \[1, 2, 3\]/,
    ],
    [
      'other dims that tensor_type declares',
      bodyOf(new Field('x', list(new Float32(), 6), true, new Map([['tensor_type', '{"shape":[2,3]}']])), [
        [[1, 2, 3, 4, 5, 6]],
      ]),
      x('float32', 3, 2),
      'ERR_SHAPE',
      /received \[1, 2, 3\]/,
    ],
    [
      'a tensor type of other elements',
      bodyOf(tensorField('{"shape":[2,4]}', 6), [[[1, 2, 3, 4, 5, 6]]]),
      x('float32', 6),
      'ERR_SHAPE',
      /dims \[2, 4\], as its arrow.fixed_shape_tensor tells/,
    ],
    [
      'a tensor type that means nothing',
      bodyOf(tensorField('{"shape":[2,3],"permutation":[1,1]}', 6), [[[1, 2, 3, 4, 5, 6]]]),
      x('float32', 6),
      'ERR_SHAPE',
      /permutation of its axes/,
    ],
    [
      'axes that move round and are of one size',
      bodyOf(tensorField('{"shape":[2,2,2],"permutation":[1,2,0]}', 8), [[[1, 2, 3, 4, 5, 6, 7, 8]]]),
      x('float32', 2, 2, 2),
      'ERR_SHAPE',
      /permutation \[1, 2, 0\].*ascontiguousarray/,
    ],
    ['texts for floats', column(new Utf8(), ['1']), x('float32'), 'ERR_DTYPE', /received string/],
    [
      'an integer out of range',
      column(new Int32(), [256]),
      x('uint8'),
      'ERR_VALUE_RANGE',
      /element 0 of x to fit uint8 but received 256/,
    ],
    ['a double beyond float32', column(new Float64(), [1e39]), x('float32'), 'ERR_VALUE_RANGE', /fit float32/],
    ['an int64 beyond uint64', column(new Int64(), [-1n]), x('uint64'), 'ERR_VALUE_RANGE', /-1/],
    [
      'a struct',
      column(new Struct([new Field('a', new Int32())]), [{ a: 1 }]),
      x('float32'),
      'ERR_DTYPE',
      /received struct/,
    ],
  ])('refuses %s', (_, bytes, field, code, message) => {
    expect(() => read(bytes, field)).toThrow(
      expect.objectContaining({ code, message: expect.stringMatching(message) as string }),
    )
  })

  it('keeps NaN and infinities, which are values of floats', () => {
    expect(Array.from(read(column(new Float64(), [NaN, Infinity]), x('float32')).data as Float32Array)).toEqual([
      NaN,
      Infinity,
    ])
  })
})

/** Bodies in other shapes than the two plain ones are read as what they are, or refused by name with the way out. */
import { describe, expect, it } from 'vitest'
import { isPenstockError, type PenstockError } from '../../base/errors.js'
import type { Dtype, TensorField } from '../../tensor/tensor.js'
import { type JsonBodyKind, parseInferBody } from './infer-request.js'
import type { ColumnsBody, RecordsBody, Signature } from './signature.js'

const field = (name: string, dtype: Dtype, ...shape: (number | null)[]): TensorField => ({ name, dtype, shape })
const of = (...inputs: TensorField[]): Signature => ({
  name: 'p',
  inputs,
  isNonBatching: false,
  rowsMax: 100,
  steps: [],
})
const parse = (body: unknown, signature: Signature, kind?: JsonBodyKind): ColumnsBody | RecordsBody =>
  parseInferBody(Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)), signature, kind)
const refusal = (body: unknown, signature: Signature, kind?: JsonBodyKind): PenstockError => {
  try {
    parse(body, signature, kind)
  } catch (error) {
    if (isPenstockError(error)) return error
    throw error
  }
  throw new Error('was accepted')
}
const x3 = of(field('x', 'float32', null, 3))
const people = of(field('age', 'float32', null, 1), field('sex', 'string', null, 1), field('count', 'int64', null))
const shared = (values: number[]): unknown => ({
  dtype: 'float32',
  shape: [values.length / 3, 3],
  data: new Float32Array(values),
})

describe('one column per feature', () => {
  it('records: by the order of the first, whatever that of the others', () => {
    const { form, request } = parse('[{"a":1,"b":2,"c":3},{"c":6,"a":4,"b":5}]', x3)
    expect(form).toBe('records')
    expect(request.inputs['x']).toEqual(shared([1, 2, 3, 4, 5, 6]))
  })

  it('columns, bare or wrapped, and one bare record: the same tensor', () => {
    const columns = { a: [1, 4], b: [2, 5], c: [3, 6] }
    expect(parse(columns, x3)).toMatchObject({
      form: 'columns',
      request: { inputs: { x: shared([1, 2, 3, 4, 5, 6]) } },
    })
    const wrapped = parse({ inputs: columns, deadlineMs: 50 }, x3)
    expect(wrapped.request).toEqual({ inputs: { x: shared([1, 2, 3, 4, 5, 6]) }, deadlineMs: 50 })
    const one = parse('{"a":1,"b":2.50,"c":3}', x3)
    expect(one).toMatchObject({ form: 'records', echoes: ['{"a":1,"b":2.50,"c":3}'] })
    expect(one.request.inputs['x']).toEqual(shared([1, 2.5, 3]))
    expect(parse({ f2: 3, f0: 1, f1: 2 }, x3).request.inputs['x']).toEqual(shared([1, 2, 3]))
  })

  it('many rows: as a list of lists', () => {
    const rows = Array.from({ length: 90 }, (_, row) => [row, row + 0.5, -row])
    const records = rows.map(([a, b, c]) => ({ a, b, c }))
    expect(parse(records, x3).request.inputs['x']).toEqual(parse({ x: rows }, x3).request.inputs['x'])
  })

  it('every dtype: as a list of lists', () => {
    for (const dtype of ['float64', 'float16', 'int8', 'int64', 'uint64', 'bool'] as const) {
      const signature = of(field('x', dtype, null, 2))
      const list = parse('{"x":[[1,0],[1,1]]}', signature).request.inputs['x']
      expect(parse('[{"a":1,"b":0},{"b":1,"a":1}]', signature).request.inputs['x']).toEqual(list)
      expect(parse('{"a":[1,1],"b":[0,1]}', signature).request.inputs['x']).toEqual(list)
    }
    const wide = parse('[{"a":9007199254740993,"b":1}]', of(field('x', 'int64', null, 2))).request.inputs['x']
    expect(wide?.data).toEqual(new BigInt64Array([9007199254740993n, 1n]))
  })

  it('columns that the pipeline routes on are no features', () => {
    const steps = [{ type: 'key-split', default: 'a', key: 'region', options: { eu: 'b' } }] as const
    const { request } = parse('[{"a":1,"region":"eu","b":2,"c":3}]', { ...x3, steps })
    expect(request).toEqual({ inputs: { x: shared([1, 2, 3]) }, meta: { region: ['eu'] } })
  })

  it('refuses another number of columns, new ones, uneven ones and wrong cells', () => {
    expect(refusal([{ a: 1, b: 2 }], x3).message).toMatch(
      /one column for each of its 3 features.* received 2: "a", "b"/,
    )
    expect(refusal([{ a: 1, b: 2, c: 3, id: 7 }], x3).message).toMatch(/received 4: .* Leave out the columns/)
    expect(refusal({ a: [1], b: [2] }, x3).message).toMatch(/its 3 features/)
    expect(refusal({ a: 1, b: 2 }, x3).message).toMatch(/its 3 features/)
    expect(
      refusal(
        [
          { a: 1, b: 2, c: 3 },
          { a: 1, b: 2, d: 3 },
        ],
        x3,
      ).message,
    ).toMatch(/record 1 to have the columns of record 0.*"d"/)
    expect(refusal({ a: [1], b: [2, 3], c: [4] }, x3)).toMatchObject({ code: 'ERR_SHAPE' })
    expect(refusal({ a: [1], b: [2, 3], c: [4] }, x3).message).toMatch(/"b" has 2 and "a" 1/)
    const wrong = refusal(
      [
        { a: 1, b: 2, c: 3 },
        { a: 'x', b: true, c: 3 },
      ],
      x3,
    )
    expect(wrong.message).toMatch(/"a" of record 1 to be a number \(float32\) but received "x".*"b" of record 1/)
    expect(wrong.errors?.map((one) => one.field)).toEqual(['a', 'b'])
    expect(refusal([{ a: [1], b: 2, c: 3 }], x3).code).toBe('ERR_SHAPE')
  })

  it('the input by its name is never taken for a feature', () => {
    expect(parse([{ x: [1, 2, 3], a: 1, b: 2 }], x3).request.inputs['x']).toEqual(shared([1, 2, 3]))
    expect(parse([{ a: 1, x: [1, 2, 3], b: 2 }], x3).request.inputs['x']).toEqual(shared([1, 2, 3]))
    expect(refusal({ x: [[1, 2, 3]], a: [1], b: [2] }, x3).code).toBe('ERR_UNKNOWN_INPUT')
  })
})

describe('one bare record', () => {
  it('is the list of it', () => {
    const body = '{"age":30,"sex":"male","count":9007199254740993,"note":1.50}'
    const one = parse(body, people)
    expect(one).toEqual(parse(`[${body}]`, people))
    expect(one).toMatchObject({ form: 'records', echoes: [body] })
    expect(parse('{"inputs":{"age":30,"sex":"male","count":1},"priority":"background"}', people)).toMatchObject({
      form: 'records',
      request: { priority: 'background', inputs: { age: { shape: [1, 1] } } },
    })
  })

  it('may have rows of lists beside bare values', () => {
    const one = parse('{"x":[1,2,3],"colour":"red"}', x3)
    expect(one).toMatchObject({ form: 'records' })
    expect(one.request.inputs['x']).toEqual(shared([1, 2, 3]))
    expect(parse('{"age":[30],"sex":"male","count":1}', people).form).toBe('records')
  })

  it('is columns where an input has more than a row', () => {
    expect(refusal('{"x":[[1,2,3]],"id":7}', x3)).toMatchObject({ code: 'ERR_UNKNOWN_INPUT' })
    expect(refusal('{"age":[30,31],"sex":["m","f"],"count":1}', people).message).toMatch(/count to be a nested array/)
    expect(refusal('{"x":7}', x3).message).toMatch(/x to be a nested array.* received 7/)
    expect(refusal('{"age":30,"sex":"male","count":1,"deadlineMs":5}', people).message).toMatch(/beside "inputs"/)
  })
})

describe('forms of other clients', () => {
  const records = [
    { age: 1.5, sex: 'm', count: 1 },
    { age: 2, sex: 'f', count: 2 },
  ]
  const wanted = parse(records, people).request
  const split = {
    columns: ['age', 'sex', 'count', 'id'],
    index: [5, 6],
    data: [
      [1.5, 'm', 1, 'a'],
      [2, 'f', 2, 'b'],
    ],
  }

  it('split, table, dataframe_split, dataframe_records and instances: as records', () => {
    const table = { schema: { fields: [], pandas_version: '1.4.0' }, data: records }
    for (const body of [
      split,
      table,
      { dataframe_split: split },
      { dataframe_records: records },
      { instances: records },
    ]) {
      const read = parse(body, people)
      expect(read.form).toBe('records')
      expect(read.request).toEqual(wanted)
    }
    const { columns, data } = split
    const read = parse({ data, columns }, people, 'split')
    expect(read).toMatchObject({
      request: wanted,
      echoes: ['{"age":1.5,"sex":"m","count":1,"id":"a"}', '{"age":2,"sex":"f","count":2,"id":"b"}'],
    })
  })

  it('split with a column for each feature', () => {
    const features = { columns: ['f0', 'f2', 'f1'], data: [[1, 3, 2]] }
    expect(parse({ dataframe_split: features }, x3).request.inputs['x']).toEqual(shared([1, 2, 3]))
  })

  it('instances and inputs of values: the one input', () => {
    for (const name of ['instances', 'inputs'])
      expect(
        parse(
          {
            [name]: [
              [1, 2, 3],
              [4, 5, 6],
            ],
          },
          x3,
        ),
      ).toEqual(
        parse(
          {
            x: [
              [1, 2, 3],
              [4, 5, 6],
            ],
          },
          x3,
        ),
      )
    expect(refusal({ instances: [[1, 2, 3]] }, people).message).toMatch(/"instances" to name the 3 inputs/)
  })

  it('an input of such a name is that input', () => {
    const odd = of(field('columns', 'float32', null, 1), field('data', 'float32', null, 1))
    expect(parse({ columns: [[1]], data: [[2]] }, odd).request.inputs['data']?.data).toEqual(new Float32Array([2]))
    const instances = of(field('instances', 'float32', null, 2))
    expect(parse({ instances: [[1, 2]] }, instances).request.inputs['instances']?.shape).toEqual([1, 2])
  })

  it.each<[string, unknown]>([
    ['records', []],
    ['columns', { age: [], sex: [], count: [] }],
    ['the split form', { columns: ['sex', 'age', 'count'], data: [] }],
    ['wrapped records', { dataframe_records: [] }],
    ['a wrapped split form', { dataframe_split: { columns: ['age', 'sex', 'count'], index: [], data: [] } }],
  ])('%s may have no rows', (_, body) => {
    expect(parse(body, people).request.inputs).toEqual({
      age: { dtype: 'float32', shape: [0, 1], data: new Float32Array(0) },
      sex: { dtype: 'string', shape: [0, 1], data: [] },
      count: { dtype: 'int64', shape: [0], data: new BigInt64Array(0) },
    })
  })

  it('columns of features may have no rows', () => {
    const none = { dtype: 'float32', shape: [0, 3], data: new Float32Array(0) }
    for (const body of [[], { a: [], b: [], c: [] }, { columns: ['a', 'b', 'c'], data: [] }])
      expect(parse(body, x3).request.inputs).toEqual({ x: none })
  })

  it('options stand beside a wrapper', () => {
    expect(parse({ dataframe_split: split, deadlineMs: 9 }, people).request).toEqual({ ...wanted, deadlineMs: 9 })
  })

  it.each<[string, unknown, RegExp, JsonBodyKind?]>([
    ['Open Inference', { inputs: [{ name: 'x', datatype: 'FP32', shape: [1], data: [1] }] }, /\/v2\/models\/p\/infer/],
    ['another member', { dataframe_split: split, params: {} }, /no other members but received "params"/],
    ['a member of split', { dataframe_split: { ...split, dtypes: [] } }, /received also the member "dtypes"/],
    ['no columns', { dataframe_split: { data: [] } }, /no "columns" or no "data"/],
    ['columns of two levels', { dataframe_split: { ...split, columns: [['a', 'b']] } }, /Flatten the columns/],
    ['a column twice', { columns: ['a', 'a'], data: [[1, 2]] }, /"a" twice/],
    [
      'short rows',
      { columns: ['age', 'sex'], data: [[1, 'm'], [1]] },
      /a cell for each of the 2 columns.* row 1 has 1/,
    ],
    ['rows that are none', { columns: ['age'], data: [1] }, /row 0 of "data" to be an array/],
    ['no rows and a column too few', { columns: ['age'], data: [] }, /the columns to have the input count/],
    ['pandas by column', { age: { 0: 1 }, sex: { 0: 'm' }, count: { 0: 1 } }, /orient="records"/],
    ['records as split', [{ a: 1 }], /an object/, 'split'],
  ])('refuses %s', (_, body, message, kind) => {
    expect(refusal(body, people, kind).message).toMatch(message)
  })

  it('lines: a record each, whatever ends them', () => {
    const lines = records.map((record) => JSON.stringify(record))
    for (const text of [lines.join('\n'), `${lines.join('\r\n')}\r\n`, `\n${lines.join('\n\n')}`])
      expect(parse(text, people, 'lines')).toMatchObject({ form: 'records', request: wanted, echoes: lines })
    expect(refusal(`${lines[0]}\n7`, people, 'lines').message).toMatch(/record 1 to be an object/)
    expect(refusal(`${lines[0]}\n{"age":`, people, 'lines').code).toBe('ERR_BODY')
  })
})

describe('all mistakes at once', () => {
  it('one for each field, with the code of the first', () => {
    const body = { agee: [1], sex: [[1], [2]], count: [1.5], extra: [1] }
    const error = refusal(body, people)
    expect(error.code).toBe(error.errors?.[0]?.code)
    expect(error.errors).toEqual([
      { field: 'sex', code: 'ERR_ARGUMENT', message: 'Expected sex[0][0] to be a string but received 1' },
      { field: 'count', code: 'ERR_VALUE_RANGE', message: expect.stringContaining('an integer') as string },
      { field: 'agee', code: 'ERR_UNKNOWN_INPUT', message: expect.stringContaining('Did you mean age?') as string },
      {
        field: 'extra',
        code: 'ERR_UNKNOWN_INPUT',
        message: expect.stringContaining('It has age, sex, count') as string,
      },
    ])
    expect(error.message).toMatch(/^4 mistakes: Expected sex\[0\]\[0\].*; Expected .*; .*agee.*; .*extra/)
  })

  it('options and inputs together', () => {
    const error = refusal({ inputs: { x: [[1]] }, deadlineMs: 0, priority: 'now', meta: [] }, x3)
    expect(error.errors?.map((one) => one.field)).toEqual(['x', 'deadlineMs', 'priority', 'meta'])
  })

  it('records: each input once, by its record', () => {
    const error = refusal(
      [
        { age: 1, sex: 'm', count: 1 },
        { age: 'old', sex: 2, count: null },
      ],
      people,
    )
    expect(error.errors?.map(({ field: name, message }) => [name, /\[1\]/.test(message)])).toEqual([
      ['age', true],
      ['sex', true],
      ['count', true],
    ])
    expect(refusal([{ age: 1, sexe: 'm' }], people).errors?.map((one) => one.code)).toEqual([
      'ERR_MISSING_INPUT',
      'ERR_MISSING_INPUT',
    ])
  })

  it('twenty at most, the rest counted; one alone stands for itself', () => {
    const many = Object.fromEntries(Array.from({ length: 30 }, (_, index) => [`unknown ${index}`, [1]]))
    const error = refusal(many, people)
    expect(error.errors).toHaveLength(20)
    expect(error.message).toMatch(/^33 mistakes: .* And 13 more$/)
    const one = refusal({ x: [[1, 2]] }, x3)
    expect(one.errors).toEqual([{ field: 'x', code: 'ERR_SHAPE', message: one.message }])
  })

  it('text that is no JSON ends the reading', () => {
    expect(refusal('{"age":[true],"sex":', people)).toMatchObject({ code: 'ERR_BODY' })
    expect(refusal('{"age":[true],"sex":["a"],"count":[1]} x', people)).toMatchObject({ code: 'ERR_BODY' })
  })
})

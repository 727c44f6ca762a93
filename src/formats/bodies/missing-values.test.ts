/** A missing value is NaN, '' or a refusal by the dtype alone: in every form of body alike. */
import { Float32, Table, tableToIPC, vectorFromArray } from 'apache-arrow'
import { describe, expect, it } from 'vitest'
import { isPenstockError } from '../../base/errors.js'
import { float16Value, bfloat16Value } from '../../tensor/float16.js'
import type { Dtype, Tensor } from '../../tensor/tensor.js'
import { type ArrowRequest, parseArrowBody } from './arrow-request.js'
import { type JsonBodyKind, parseInferBody } from './infer-request.js'
import { parseCsvBody } from './file-bodies.js'
import type { ParsedRequest, Signature } from './signature.js'

const dtypes: readonly Dtype[] = [
  'float32',
  'float64',
  'float16',
  'bfloat16',
  'int8',
  'uint8',
  'int16',
  'uint16',
  'int32',
  'uint32',
  'int64',
  'uint64',
  'bool',
  'string',
]
/** Two rows of which the second has no value, in every form; `1` stands for the value of the first. */
const forms: readonly { what: string; body: string; kind?: JsonBodyKind; shape?: (number | null)[] }[] = [
  { what: 'nested columns', body: '{"x":[[1],[null]]}' },
  { what: 'flat columns', body: '{"x":[1,null]}' },
  { what: 'wrapped columns', body: '{"inputs":{"x":[[1],[null]]}}' },
  { what: 'records', body: '[{"x":1},{"x":null}]' },
  { what: 'records of lists', body: '[{"x":[1]},{"x":[null]}]' },
  { what: 'records of which one lacks the field', body: '[{"x":1},{"other":2}]' },
  { what: 'lines', body: '{"x":1}\n{"x":null}\n', kind: 'lines' },
  { what: 'split', body: '{"columns":["x"],"index":[0,1],"data":[[1],[null]]}', kind: 'split' },
  { what: 'dataframe_split', body: '{"dataframe_split":{"data":[[1],[null]],"columns":["x"]}}' },
  { what: 'dataframe_records', body: '{"dataframe_records":[{"x":1},{"x":null}]}' },
  { what: 'instances of records', body: '{"instances":[{"x":1},{"x":null}]}' },
  { what: 'instances of values', body: '{"instances":[[1],[null]]}' },
  { what: 'features in records', body: '[{"a":1,"b":null}]', shape: [null, 2] },
  { what: 'features in records of which one lacks a column', body: '[{"a":1,"b":1},{"a":1}]', shape: [null, 2] },
  { what: 'features in columns', body: '{"a":[1],"b":[null]}', shape: [null, 2] },
  { what: 'features of one record', body: '{"a":1,"b":null}', shape: [null, 2] },
]

function read(dtype: Dtype, { body, kind, shape = [null, 1] }: (typeof forms)[number]): Tensor | string {
  const text = dtype === 'string' ? body.replace(/(?<=[[:,])1(?=[\],}])/g, '"1"') : body
  const signature = { name: 'p', inputs: [{ name: 'x', dtype, shape }], isNonBatching: false, rowsMax: 100, steps: [] }
  try {
    return parseInferBody(Buffer.from(text), signature, kind).request.inputs['x'] as Tensor
  } catch (error) {
    if (isPenstockError(error)) return `${error.code}: ${error.message}`
    throw error
  }
}

function lastOf({ dtype, data }: Tensor): unknown {
  const last = data[data.length - 1] as number
  if (dtype === 'float16') return float16Value(last)
  return dtype === 'bfloat16' ? bfloat16Value(last) : last
}

describe.each(forms)('a missing value in $what', (form) => {
  it.each(dtypes)('%s', (dtype) => {
    // A table of texts has no features: such a model takes lists.
    if (dtype === 'string' && form.shape !== undefined) return expect(read(dtype, form)).toMatch(/^ERR_/)
    const tensor = read(dtype, form)
    if (dtype === 'string') return expect((tensor as Tensor).data).toEqual(['1', ''])
    if (dtype.includes('float')) {
      expect(lastOf(tensor as Tensor)).toBe(NaN)
      return expect((tensor as Tensor).data[0]).not.toBe(NaN)
    }
    expect(tensor).toMatch(/^ERR_(ARGUMENT|MISSING_INPUT): /)
    expect(tensor).toMatch(/\b1\b|"b"|b\[0\]/)
  })
})

describe('missing values', () => {
  const two = (body: string): Tensor | string => read('float32', { what: '', body, shape: [null, 2] })

  it('of one element of a row are NaN there alone', () => {
    expect((two('{"x":[[1,null],[null,4]]}') as Tensor).data).toEqual(new Float32Array([1, NaN, NaN, 4]))
    expect((two('[{"x":[1,null]},{"x":[3,4]}]') as Tensor).data).toEqual(new Float32Array([1, NaN, 3, 4]))
  })

  it('are no whole rows of more than one element', () => {
    const missing = (row: number): string =>
      `ERR_SHAPE: Expected x[${row}] to be a row, an array of the shape [2], but received null. A whole row cannot be missing`
    for (const body of ['{"x":[null]}', '{"x":[null,[1,2]]}', '{"x":[null,null,null]}', '{"inputs":{"x":[null]}}'])
      expect(two(body)).toContain(missing(0))
    for (const body of ['[{"x":null}]', '[{"x":null},{"x":[1,2]}]', '[{"x":null},{"x":null}]', '[{"x":null},{"x":1}]'])
      expect(two(body)).toContain(missing(0))
    expect(two('{"x":[[1,2],null]}')).toContain(missing(1))
    expect(two('[{"x":[1,2]},{"x":null}]')).toContain(missing(1))
    // A flat row, and flat rows, that begin with a missing value.
    for (const body of ['{"x":[null,2]}', '[{"x":[null,2]}]'])
      expect(two(body)).toMatchObject({ shape: [1, 2], data: Float32Array.of(NaN, 2) })
    expect(two('{"x":[null,2,3,4]}')).toMatchObject({ shape: [2, 2], data: Float32Array.of(NaN, 2, 3, 4) })
    // Two records of a number each are no record of two numbers.
    expect(two('[{"x":1},{"x":2}]')).toMatch(/^ERR_SHAPE: Expected x\[0\] to be a row, .* but received 1$/)
    expect(two('[{"x":[1,2]},{"y":1}]')).toMatch(/^ERR_MISSING_INPUT: Expected record 1 to have the input x/)
  })

  it('of the only field are a missing input where no record has it, with the nearest name', () => {
    const one = (body: string): Tensor | string => read('float32', { what: '', body, shape: [null, 1] })
    expect(one('[{"y":1},{"y":2}]')).toMatch(/^ERR_MISSING_INPUT: Expected each record to have the input x/)
    expect(one('[{"y":1}]')).toMatch(/Expected record 0 to have the input x of pipeline p but received none\. Send/)
    expect(one('[{"X":1}]')).toMatch(/received none\. Is it "X"\? Then call it x/)
    expect(one('{}')).toMatch(/^ERR_MISSING_INPUT: Expected the body to have the input x/)
  })

  it('are null only: words for them are refused with the way out', () => {
    for (const word of ['"NaN"', '"nan"', '""', '"None"', '"NA"', '"<NA>"'])
      expect(two(`{"x":[[1,${word}]]}`)).toMatch(/^ERR_ARGUMENT: .*Send null for a missing value/)
    expect(two('{"x":[[1,NaN]]}')).toMatch(/^ERR_BODY: .*Send null for a missing value of a float input/)
    expect(two('{"x":[[1,-Infinity]]}')).toMatch(/^ERR_BODY: .*binary/)
    expect(two('{"x":[[1,nul]]}')).toMatch(/^ERR_BODY/)
  })
})

describe('an input that no row has', () => {
  const of = (dtype: Dtype, shape: (number | null)[], isNonBatching = false): Signature => ({
    name: 'p',
    inputs: [
      { name: 'age', dtype, shape },
      { name: 'fare', dtype: 'float32', shape: isNonBatching ? [1] : [null, 1] },
    ],
    isNonBatching,
    rowsMax: 100,
    steps: [{ type: 'key-split', key: 'ages', default: 'm', routes: {} }] as never,
  })
  const arrow = (columns: Record<string, number[]>): ArrowRequest =>
    parseArrowBody(
      tableToIPC(
        new Table(
          Object.fromEntries(
            Object.entries(columns).map(([name, values]) => [name, vectorFromArray(values, new Float32())]),
          ),
        ),
        'stream',
      ),
      signature,
    )
  let signature: Signature
  const bodies = (other: string): [string, () => Promise<ParsedRequest> | ParsedRequest][] => {
    const json = (text: string, kind?: JsonBodyKind) => () => parseInferBody(Buffer.from(text), signature, kind).request
    const row = `{"${other}":1}`
    return [
      ['records', json(`[${row},${row}]`)],
      ['lines', json(`${row}\n${row}`, 'lines')],
      ['split', json(`{"columns":["${other}"],"data":[[1],[1]]}`, 'split')],
      ['instances', json(`{"instances":[${row},${row}]}`)],
      ['dataframe_records', json(`{"dataframe_records":[${row},${row}]}`)],
      ['one record in an array', json(`[${row}]`)],
      ['one bare record', json(row)],
      ['Arrow', () => arrow({ [other]: [1, 1] }).request],
      ['CSV', async () => (await parseCsvBody(Buffer.from(`${other}\n1\n1\n`), signature)).request],
      ['no rows, split', json(`{"columns":["${other}"],"data":[]}`, 'split')],
      ['no rows, Arrow', () => arrow({ [other]: [] }).request],
    ]
  }

  it.each(dtypes.flatMap((dtype) => [[dtype, [null]] as const, [dtype, [null, 1]] as const]))(
    '%s %j: missing in each, or refused, in every form',
    async (dtype, shape) => {
      signature = of(dtype, [...shape])
      const hasMissing = dtype === 'string' || dtype.includes('float')
      for (const [form, read] of bodies('fare')) {
        const outcome = await Promise.resolve()
          .then(read)
          .catch((error: unknown) => error)
        if (!hasMissing) {
          expect(outcome, form).toMatchObject({
            code: 'ERR_MISSING_INPUT',
            message: expect.stringMatching(
              new RegExp(
                `have the input age of pipeline p, for ${dtype} has no missing value, but .*none\\. Send \\{"age"`,
              ),
            ) as string,
          })
          continue
        }
        const age = (outcome as ParsedRequest).inputs['age'] as Tensor
        const rows = form.startsWith('no rows') ? 0 : form.startsWith('one') ? 1 : 2
        expect(age, form).toMatchObject({ dtype, shape: [rows, ...shape.slice(1)] })
        expect(age.data, form).toHaveLength(rows)
        if (rows > 0) expect(lastOf(age), form).toBe(dtype === 'string' ? '' : NaN)
        expect(Object.keys((outcome as ParsedRequest).inputs), form).toEqual(['age', 'fare'])
      }
    },
  )

  it('is an error where a row of it is more than one value, or the models have no row axis', async () => {
    for (const wide of [of('float32', [null, 2]), of('float32', [null, null]), of('float32', [1], true)]) {
      signature = wide
      for (const [form, read] of bodies('fare').filter(([name]) => name !== 'one bare record' && !/^no/.test(name)))
        await expect(Promise.resolve().then(read), form).rejects.toMatchObject({ code: /ERR_(MISSING_INPUT|SHAPE)/ })
    }
  })

  it('is an error beside no other input, in every form', async () => {
    signature = of('float32', [null, 1])
    for (const [form, read] of bodies('weight'))
      await expect(Promise.resolve().then(read), form).rejects.toMatchObject({
        code: expect.stringMatching(/^ERR_(MISSING|UNKNOWN)_INPUT$/) as string,
      })
  })

  it('is an error beside a column that is called nearly like it, but not beside a routing key that is', async () => {
    signature = of('float32', [null, 1])
    const near = /Is it "aeg"\? Then call it age/
    const one = '{"fare":1,"aeg":2}'
    const read = (text: string): ParsedRequest => parseInferBody(Buffer.from(text), signature).request
    for (const text of [`[${one}]`, one, `[{"fare":2},${one}]`, '{"columns":["fare","aeg"],"data":[]}'])
      expect(() => parseInferBody(Buffer.from(text), signature, text.includes('columns') ? 'split' : 'json')).toThrow(near) // prettier-ignore
    expect(() => arrow({ fare: [1], aeg: [2] })).toThrow(near)
    await expect(parseCsvBody(Buffer.from('fare,aeg\n1,2\n'), signature)).rejects.toThrow(near)
    expect(read('[{"fare":1,"ages":"x"}]').inputs['age']?.data).toEqual(new Float32Array([NaN]))
    expect(arrow({ fare: [1], ages: [2] }).request.inputs['age']?.data).toEqual(new Float32Array([NaN]))
  })

  it('misspelt in some records is reported by record; a column beside it in others is none of that', () => {
    signature = of('float32', [null, 1])
    const read = (text: string): ParsedRequest => parseInferBody(Buffer.from(text), signature).request
    const full = '{"fare":1,"age":3}'
    expect(() => read(`[${full},{"fare":1},{"fare":1,"Age":3}]`)).toThrow(/record 2 .*Is it "Age"/)
    expect(read(`[{"fare":1,"age":3,"page":1},{"fare":1,"page":3}]`).inputs['age']?.data).toEqual(
      new Float32Array([3, NaN]),
    )
  })

  it('stays an error in columns: tensors are explicit', () => {
    signature = of('float32', [null, 1])
    for (const text of ['{"fare":[1]}', '{"inputs":{"fare":[[1]]}}'])
      expect(() => parseInferBody(Buffer.from(text), signature)).toThrow(/the body to have the input age/)
  })
})

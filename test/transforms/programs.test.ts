/**
 * Transform programs as an interface: what definitions are refused and with which words, types before anything runs, rows
 * that fail, and random programs over random rows, fused and one operation after the other. Semantics: program-goldens.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { addon, type NativeTransformSpec } from '../../bindings/native.js'
import { cellsOf, columnOf, type ColumnType, type TransformColumn } from '../../src/transforms/draft/column.js'
import { compileOps } from '../../src/transforms/program/compile.js'
import { parseOps } from '../../src/transforms/program/definition.js'
import { Transform } from '../../src/transforms/program/transform.js'
import { resize } from '../../src/transforms/index.js'
import { rowOf } from './testing/rows.js'

const types: ColumnType[] = [
  { name: 'type', dtype: 'string', isNullable: true, shape: [] },
  { name: 'alcohol', dtype: 'float32', isNullable: false, shape: [] },
  { name: 'age', dtype: 'int64', isNullable: true, shape: [] },
  { name: 'image', dtype: 'uint8', isNullable: false, shape: [4, 5, 3] },
  { name: 'scores', dtype: 'float32', isNullable: false, shape: [3] },
]
const compile = (...ops: object[]) => compileOps(parseOps(ops), types)
const shown = (...ops: object[]) =>
  compile(...ops).outputs.map(
    ({ name, dtype, isNullable, shape }) => `${name} ${dtype}${isNullable ? '?' : ''} [${shape.join()}]`,
  )

describe('transform programs: definitions', () => {
  it.each<[unknown, RegExp]>([
    [{}, /^Expected ops to be an array of operations but received an object$/],
    [[], /^Expected ops to be an array of 1\.\.256 operations/],
    [[null], /^Expected ops\[0\] to be an object with a member op but received null/],
    [[{ op: 'imputte' }], /^Expected ops\[0\]\.op to be one of .*"imputte"\. Did you mean impute\?$/],
    [
      [{ op: 'clip', columns: ['a'], lo: 1 }],
      /^Expected each key of ops\[0\] to be one of op, columns, as, low, high but received "lo"\. Did you mean low\?$/,
    ],
    [
      [{ op: 'log1p', columns: [] }],
      /^Expected ops\[0\]\.columns to be an array of 1\.\.4096 elements but received "0 elements"/,
    ],
    [
      [{ op: 'log1p', columns: ['a', 'a'] }],
      /^Expected ops\[0\]\.columns\[1\] to be a name that stands there once but received "a"/,
    ],
    [
      [{ op: 'log1p', columns: ['a'], as: ['b', 'c'] }],
      /^Expected ops\[0\]\.as to be an array of 1 elements but received "2 elements"/,
    ],
    [
      [{ op: 'impute', columns: ['a'], strategy: 'means' }],
      /ops\[0\]\.strategy to be one of mean, median, most-frequent, constant but received "means"\. Did you mean mean\?/,
    ],
    [[{ op: 'impute', columns: ['a'], strategy: 'constant' }], /ops\[0\]\.values to be one value a column/],
    [
      [{ op: 'impute', columns: ['a'], strategy: 'mean', values: [null] }],
      /ops\[0\]\.values\[0\] to be a value but received null/,
    ],
    [
      [{ op: 'one-hot', columns: ['a'], categories: [['x', 'x']] }],
      /ops\[0\]\.categories\[0\]\[1\] to be a value that stands there once but received "x"/,
    ],
    [
      [{ op: 'one-hot', columns: ['a'], categories: [['x', {}]] }],
      /ops\[0\]\.categories\[0\]\[1\] to be a number, a text, true, false or null but received an object/,
    ],
    [
      [{ op: 'ordinal', columns: ['a'], unknownValue: 1 }],
      /ops\[0\]\.unknownValue to be absent unless unknown is use-value but received 1/,
    ],
    [[{ op: 'standard-scale', columns: ['a'], mean: [1] }], /ops\[0\]\.scale to be an array but received undefined/],
    [
      [{ op: 'min-max', columns: ['a'], range: [1, 1] }],
      /ops\[0\]\.range to be two numbers of which the first is less/,
    ],
    [[{ op: 'clip', columns: ['a'] }], /ops\[0\]\.low to be there, or high/],
    [[{ op: 'clip', columns: ['a'], low: NaN }], /ops\[0\]\.low to be a number but received NaN/],
    [
      [{ op: 'bucketise', columns: ['a'], edges: [[1, 0]] }],
      /ops\[0\]\.edges\[0\]\[1\] to be at least the edge before it, 1 but received 0/,
    ],
    [[{ op: 'bucketise', columns: ['a'] }], /ops\[0\]\.edges to be there, or bins to fit them/],
    [
      [{ op: 'hash', columns: ['a'], buckets: 0 }],
      /ops\[0\]\.buckets to be an integer in 1\.\.4294967296 but received 0/,
    ],
    [[{ op: 'cast', columns: ['a'], dtype: 'float' }], /ops\[0\]\.dtype to be one of .*"float"/],
    [
      [{ op: 'label-map', columns: ['a'], labels: ['x', 1] }],
      /ops\[0\]\.labels to be all texts or all numbers but received 1/,
    ],
    [
      [{ op: 'label-map', columns: ['a'], labels: ['x'], other: 1 }],
      /ops\[0\]\.other to be a string, as the labels are but received 1/,
    ],
    [[{ op: 'transpose', columns: ['a'], axes: [0, 0] }], /ops\[0\]\.axes to be each axis once but received "0, 0"/],
    [[{ op: 'rename', names: {} }], /ops\[0\]\.names to be an object with a member/],
    [[{ op: 'log1p', columns: ['x'.repeat(1025)] }], /ops\[0\]\.columns\[0\] to be a text of at most 1024 characters/],
  ])('refuses %j', (ops, message) => {
    expect(() => parseOps(ops)).toThrow(
      expect.objectContaining({ code: 'ERR_ARGUMENT', message: expect.stringMatching(message) as string }),
    )
  })

  it('tells mistakes from where the definition stands, with the code that is wanted', () => {
    expect(() => parseOps([{ op: 'x' }], { where: 'steps[2].ops', code: 'ERR_PIPELINE_INVALID' })).toThrow(
      expect.objectContaining({
        code: 'ERR_PIPELINE_INVALID',
        message: expect.stringMatching(/^Expected steps\[2\]\.ops\[0\]\.op /) as string,
      }),
    )
  })

  it('reads what it wrote', () => {
    const ops = parseOps([
      { categories: [['a', null]], columns: ['x'], op: 'one-hot' },
      { op: 'pad', columns: ['i'], value: false, widths: [[1, 2]] },
    ])
    expect(JSON.stringify(ops)).toBe(
      '[{"op":"one-hot","columns":["x"],"categories":[["a",null]],"unknown":"error"},{"op":"pad","columns":["i"],"widths":[[1,2]],"value":false}]',
    )
    expect(parseOps(JSON.parse(JSON.stringify(ops)))).toEqual(ops)
  })

  it('no JSON makes it fail otherwise', () => {
    const member = fc.constantFrom(
      'op',
      'columns',
      'as',
      'low',
      'values',
      'strategy',
      'categories',
      'edges',
      'labels',
      'k',
      'shape',
      '__proto__',
    )
    const value = fc.oneof(
      fc.constantFrom('impute', 'one-hot', 'clip', 'label-map', 'top-k', 'reshape', 'mean'),
      fc.jsonValue(),
      fc.array(fc.string()),
    )
    fc.assert(
      fc.property(fc.array(fc.dictionary(member, value)), (ops) => {
        try {
          parseOps(ops)
        } catch (error) {
          expect(error).toMatchObject({ code: 'ERR_ARGUMENT' })
        }
      }),
      { numRuns: 500 },
    )
  })
})

describe('transform programs: types', () => {
  it('every column has its type before anything runs', () => {
    expect(
      shown(
        { op: 'one-hot', columns: ['type'], categories: [['red', 'white']], unknown: 'other', dtype: 'float32' },
        { op: 'cast', columns: ['age'], as: ['years'], dtype: 'float32' },
        { op: 'clip', columns: ['age'], low: 0 },
        { op: 'transpose', columns: ['image'], axes: [2, 0, 1] },
        { op: 'top-k', column: 'scores', k: 2, as: ['best', 'classes'] },
        { op: 'label-map', columns: ['classes'], labels: ['a', 'b', 'c'] },
        { op: 'concat', columns: ['type', 'years', 'alcohol'], as: 'features' },
        { op: 'rename', names: { image: 'pixels' } },
      ),
    ).toEqual([
      'age int64? []',
      'pixels uint8 [3,4,5]',
      'best float32 [2]',
      'classes string [2]',
      'features float32 [5]',
    ])
    expect(shown({ op: 'keep', columns: ['scores', 'age'] }, { op: 'drop', columns: ['age'] })).toEqual([
      'scores float32 [3]',
    ])
    expect(
      shown({ op: 'split', column: 'scores', as: ['a', 'b'], sizes: [1, 2] }, { op: 'keep', columns: ['b', 'a'] }),
    ).toEqual(['b float32 [2]', 'a float32 []'])
  })

  it.each<[object, RegExp]>([
    [
      { op: 'log1p', columns: ['alcohl'] },
      /^Expected ops\[0\]\.columns\[0\] \(log1p\) to be one of type, alcohol, age, image, scores but received "alcohl"\. Did you mean alcohol\?$/,
    ],
    [
      { op: 'log1p', columns: ['type'] },
      /^Expected ops\[0\]\.columns\[0\] \(log1p\), the column "type", to be a column of numbers but received string\?\. Cast it to float64 before, or encode it$/,
    ],
    [
      { op: 'impute', columns: ['alcohol'], strategy: 'mean' },
      /ops\[0\]\.values \(impute\) to be there but received undefined\. Fit it over a table with `penstock transform fit`/,
    ],
    [
      { op: 'impute', columns: ['age'], strategy: 'mean', values: [3.5] },
      /ops\[0\]\.values\[0\] \(impute\) to be an integer of int64, as the column "age" is int64 but received 3\.5\. Cast the column to float64 before/,
    ],
    [
      { op: 'impute', columns: ['type'], strategy: 'constant', values: [1] },
      /to be a text, as the column "type" is string but received 1/,
    ],
    [
      { op: 'one-hot', columns: ['age'], categories: [['red']] },
      /ops\[0\]\.categories\[0\]\[0\] \(one-hot\) to be an integer of int64, as the column "age" is int64 but received "red"/,
    ],
    [
      { op: 'one-hot', columns: ['scores'], categories: [[1]] },
      /the column "scores", to be one value a row but received float32 \[3\]/,
    ],
    [
      { op: 'one-hot', columns: ['type'], categories: [['red']], drop: 'first' },
      /to be more than the one that is dropped/,
    ],
    [
      {
        op: 'ordinal',
        columns: ['type'],
        categories: [['a']],
        dtype: 'int8',
        unknown: 'use-value',
        unknownValue: -1000,
      },
      /ops\[0\]\.unknownValue \(ordinal\) to be an integer of int8, which the result is but received -1000/,
    ],
    [
      { op: 'standard-scale', columns: ['alcohol'], mean: [0], scale: [0] },
      /ops\[0\]\.scale\[0\] \(standard-scale\) to be a number that is not 0/,
    ],
    [
      { op: 'standard-scale', columns: ['scores'], mean: [[0, 1]], scale: [1] },
      /ops\[0\]\.mean\[0\] \(standard-scale\) to be a number, or 3 numbers/,
    ],
    [{ op: 'clip', columns: ['age'], low: 0.5 }, /to be an integer, as the column is int64 but received 0\.5/],
    [
      { op: 'clip', columns: ['alcohol'], low: 2, high: 1 },
      /ops\[0\]\.low \(clip\) to be at most high, 1 but received 2/,
    ],
    [{ op: 'hash', columns: ['alcohol'], buckets: 9 }, /to be a column of texts or integers but received float32/],
    [
      { op: 'cast', columns: ['alcohol'], dtype: 'string' },
      /to be a column of texts, as they are cast to but received float32/,
    ],
    [
      { op: 'concat', columns: ['alcohol', 'age'], as: 'x' },
      /the column "age", to be float32, as the first column is but received int64\?\. Give the result's dtype/,
    ],
    [
      { op: 'concat', columns: ['alcohol', 'type'], as: 'x', dtype: 'float32' },
      /the column "type", to be a column of numbers but received string\?\. Encode it before/,
    ],
    [
      { op: 'split', column: 'scores', as: ['a', 'b'] },
      /ops\[0\]\.as \(split\) to be 3 elements in all, as many as a row has but received 2/,
    ],
    [{ op: 'reshape', columns: ['image'], shape: [7] }, /to be of 7 elements a row but received uint8 \[4, 5, 3\]/],
    [
      { op: 'resize', columns: ['image'], height: 2, width: 2, layout: 'nhwc' },
      /to be images of float32 but received uint8 \[4, 5, 3\]\. Cast it before/,
    ],
    [
      { op: 'crop', columns: ['image'], height: 9, width: 2, layout: 'nhwc' },
      /ops\[0\]\.height \(crop\) to be at most 4, what the image has from there but received 9/,
    ],
    [{ op: 'softmax', columns: ['alcohol'] }, /to be scores, rows of one dim but received float32/],
    [{ op: 'top-k', column: 'scores', k: 4, as: ['v', 'i'] }, /ops\[0\]\.k \(top-k\) to be at most 3/],
    [
      { op: 'label-map', columns: ['age'], labels: { red: 'x' } },
      /ops\[0\]\.labels \(label-map\) to be keyed by numbers, as the column is int64 but received "red"/,
    ],
    [
      { op: 'mean-pool', columns: ['image'], mask: 'scores' },
      /the column "scores", to be integers or bools with rows of \[4\]/,
    ],
    [
      { op: 'rename', names: { age: 'type' } },
      /ops\[0\]\.names \(rename\) to be names that differ from those of all other columns but received "type"/,
    ],
    [{ op: 'drop', columns: ['type', 'alcohol', 'age', 'image', 'scores'] }, /to be fewer than all columns/],
    [{ op: 'pad', columns: ['scores'], widths: [[2 ** 30, 2 ** 30]] }, /to be a row of at most 268435456 bytes/],
  ])('refuses %j', (op, message) => {
    expect(() => compile(op)).toThrow(
      expect.objectContaining({ code: 'ERR_ARGUMENT', message: expect.stringMatching(message) as string }),
    )
  })

  it('a nullable float and a nullable tensor are refused', () => {
    const wrong: ColumnType = { name: 'x', dtype: 'float32', isNullable: true, shape: [] }
    expect(() => compileOps([], [wrong])).toThrow(
      /Expected inputs\[0\] to be nullable only as integers, bools or texts of one element but received "float32\?"/,
    )
    expect(() => compileOps([], [{ ...wrong, dtype: 'int8', shape: [2] }])).toThrow(/inputs\[0\]/)
  })
})

describe('transform programs: rows', () => {
  const rows = {
    type: columnOf('string', ['red', null, 'rosé', 'white']),
    alcohol: columnOf('float32', [9.5, NaN, 11, 12]),
    age: columnOf('int64', [3, 4, null, 2n ** 40n]),
    image: {
      ...columnOf(
        'uint8',
        Array.from({ length: 240 }, (_, i) => i % 256),
      ),
      shape: [4, 4, 5, 3],
    },
    scores: { ...columnOf('float32', [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]), shape: [4, 3] },
  }

  it('rows that fail are reported with operation, column and value, and leave the others alone', () => {
    const program = compile(
      { op: 'ordinal', columns: ['type'], categories: [['red', 'white']], dtype: 'int32' },
      { op: 'cast', columns: ['age'], dtype: 'int16' },
      { op: 'bucketise', columns: ['alcohol'], edges: [[10, 11.5]] },
    )
    const { columns, failures, failureCount, failedRows } = new Transform(program).run(rows)
    expect(failures.map(({ row, op, opName, column, kind, value }) => [row, op, opName, column, kind, value])).toEqual([
      [1, 0, 'ordinal', 'type', 'missing', null],
      [1, 2, 'bucketise', 'alcohol', 'missing', null],
      [2, 0, 'ordinal', 'type', 'unknownCategory', 'rosé'],
      [2, 1, 'cast', 'age', 'missing', null],
      [3, 1, 'cast', 'age', 'outOfRange', 2n ** 40n],
    ])
    expect(failures.map(({ message }) => message)).toEqual([
      'Expected type to have a value but it is missing',
      'Expected alcohol to have a value but it is missing',
      'Expected type to be one of "red", "white" but received "rosé"',
      'Expected age to have a value but it is missing',
      'Expected age to be a value of int16 but received 1099511627776n',
    ])
    expect(failureCount).toBe(5)
    expect([...(failedRows as Uint8Array)]).toEqual([0b1110])
    expect(cellsOf(columns['type'] as TransformColumn)[0]).toBe(0)
    expect(cellsOf(columns['alcohol'] as TransformColumn)).toEqual([0n, 0n, 1n, 2n])
  })

  it('a column that no operation changed is itself; one under a second name is another', () => {
    const program = compile(
      { op: 'rename', names: { age: 'years' } },
      { op: 'reshape', columns: ['scores'], as: ['copy'], shape: [3, 1] },
    )
    const { columns } = new Transform(program).run(rows)
    expect(columns['years']?.data).toBe(rows.age.data)
    expect(columns['copy']?.shape).toEqual([4, 3, 1])
    expect(columns['copy']?.data).toEqual(rows.scores.data)
    expect(columns['copy']?.data).not.toBe(rows.scores.data)
  })

  it.each(['nhwc', 'nchw'] as const)('resize: %s images as penstock/transforms resizes them', (layout) => {
    const dims = layout === 'nhwc' ? [3, 4, 2] : [2, 3, 4]
    const images = {
      ...columnOf(
        'float32',
        Array.from({ length: 48 }, (_, i) => (i * 7) % 11),
      ),
      shape: [2, ...dims],
    }
    for (const mode of ['linear', 'nearest'] as const) {
      const ops = parseOps([{ op: 'resize', columns: ['i'], height: 5, width: 3, layout, mode }])
      const program = compileOps(ops, [{ name: 'i', dtype: 'float32', isNullable: false, shape: dims }])
      const { columns } = new Transform(program).run({ i: images })
      const expected = resize(images, { height: 5, width: 3, layout, mode })
      expect([columns['i']?.shape, columns['i']?.data]).toEqual([expected.shape, expected.data])
    }
  })

  it('missing values keep their bits through what passes them on', () => {
    const program = compile(
      { op: 'hash', columns: ['type'], buckets: 7 },
      { op: 'cast', columns: ['age'], as: ['years'], dtype: 'float64' },
      { op: 'cast', columns: ['alcohol'], dtype: 'int8', missing: 'keep' },
      { op: 'label-map', columns: ['alcohol'], labels: { 9: 'low', 11: 'high', 12: 'high' } },
    )
    const { columns, failures } = new Transform(program).run(rows)
    expect(failures).toEqual([])
    expect(cellsOf(columns['type'] as TransformColumn)[1]).toBeNull()
    expect(cellsOf(columns['years'] as TransformColumn)).toEqual([3, 4, NaN, 2 ** 40])
    expect(cellsOf(columns['alcohol'] as TransformColumn)).toEqual(['low', null, 'high', 'high'])
  })

  it.each<[Record<string, TransformColumn>, string, RegExp]>([
    [
      { ...rows, alcohol: columnOf('float64', [1, 2, 3, 4]) },
      'ERR_DTYPE',
      /Expected the column alcohol to be float32 but received "float64"/,
    ],
    [
      { ...rows, alcohol: columnOf('float32', [1]) },
      'ERR_SHAPE',
      /Expected the column alcohol to be of shape \[4\] but received "\[1\]"/,
    ],
    [
      { type: rows.type },
      'ERR_ARGUMENT',
      /Expected each input of the transform to be one of type but received "alcohol"/,
    ],
    [
      { ...rows, image: { ...rows.image, validity: Uint8Array.of(1) } },
      'ERR_ARGUMENT',
      /image to be uint8 \[4, 5, 3\], with a value in each row/,
    ],
  ])('refuses columns of other types %#', (columns, code, message) => {
    const transform = new Transform(compile({ op: 'drop', columns: ['age'] }))
    expect(() => transform.run(columns)).toThrow(
      expect.objectContaining({ code, message: expect.stringMatching(message) as string }),
    )
  })

  it('the addon takes no spec and no column that is not sound', () => {
    const { spec } = compile({ op: 'log1p', columns: ['alcohol'] })
    const changed = (change: Partial<NativeTransformSpec>) => () => addon.makeTransform({ ...spec, ...change })
    expect(changed({ outputs: [900] })).toThrow(/an output that nothing writes/)
    expect(changed({ inputCount: 9 })).toThrow(RangeError)
    expect(changed({ instructions: [{ ...spec.instructions[0]!, opcode: 99 }] })).toThrow(/an unknown opcode/)
    const handle = addon.makeTransform({ ...compile({ op: 'keep', columns: ['type'] }).spec })
    const text = { data: new Uint8Array(2), validity: null, offsets: Int32Array.of(0, 3) }
    const others = types.slice(1).map(({ dtype, shape }) => ({
      data: new (dtype === 'int64' ? BigInt64Array : dtype === 'uint8' ? Uint8Array : Float32Array)(
        shape.reduce((a, b) => a * b, 1),
      ),
      validity: null,
      offsets: null,
    }))
    expect(() => addon.runTransform(handle, 1, [text, ...others])).toThrow(/offsets that ascend within the bytes/)
    expect(() => addon.runTransform(handle, 1, [{ ...text, offsets: Int32Array.of(2, 1) }, ...others])).toThrow(
      /offsets that ascend/,
    )
    expect(() => addon.runTransform(handle, 2, [{ ...text, offsets: Int32Array.of(0, 0, 0) }, ...others])).toThrow(
      /Expected a column of 8 aligned bytes/,
    )
    expect(() => addon.runTransform({} as never, 1, [])).toThrow(expect.objectContaining({ code: 'ERR_HANDLE' }))
  })
})

describe('transform programs: any program over any rows', () => {
  const op = fc.oneof(
    fc.constant({ op: 'impute', columns: ['a', 'b'], strategy: 'constant', values: [0.25, 3] }),
    fc.constant({ op: 'standard-scale', columns: ['a', 'b'], mean: [0.1, 5], scale: [3, 0.7] }),
    fc.constant({ op: 'min-max', columns: ['b'], min: [-2], max: [9], clip: true }),
    fc.constant({ op: 'clip', columns: ['a'], low: -1, high: 4 }),
    fc.constant({ op: 'log1p', columns: ['b'] }),
    fc.constant({ op: 'sigmoid', columns: ['a', 'b'] }),
    fc.constant({ op: 'round', columns: ['b'], decimals: 2 }),
    fc.constant({ op: 'bucketise', columns: ['a'], as: ['bucket'], edges: [[-1, 0, 0.5]], missing: 'last' }),
    fc.constant({ op: 'one-hot', columns: ['t'], as: ['hot'], categories: [['x', null]], unknown: 'other' }),
    fc.constant({ op: 'ordinal', columns: ['t'], as: ['place'], categories: [['x', 'y']] }),
    fc.constant({ op: 'hash', columns: ['n', 't'], as: ['hn', 'ht'], buckets: 11 }),
    fc.constant({ op: 'label-map', columns: ['n'], as: ['label'], labels: ['zero', 'one'], other: 'more' }),
    fc.constant({ op: 'cast', columns: ['n'], as: ['small'], dtype: 'int8' }),
    fc.constant({ op: 'cast', columns: ['t'], as: ['number'], dtype: 'float64' }),
  )
  const row = fc.record({
    a: fc.float(),
    b: fc.double(),
    n: fc.option(fc.bigInt({ min: -200n, max: 200n })),
    t: fc.option(fc.constantFrom('x', 'y', '', '12', 'ü'.repeat(40))),
  })
  const inputs: ColumnType[] = [
    { name: 'a', dtype: 'float32', isNullable: false, shape: [] },
    { name: 'b', dtype: 'float64', isNullable: false, shape: [] },
    { name: 'n', dtype: 'int64', isNullable: true, shape: [] },
    { name: 't', dtype: 'string', isNullable: true, shape: [] },
  ]

  it('fused, one after the other and row by row: the same bits and the same failures', () => {
    const seed = Number(process.env['PENSTOCK_TEST_SEED'] ?? Date.now() % 2 ** 31)
    const property = fc.property(
      fc.array(op, { minLength: 1, maxLength: 12 }),
      fc.array(row, { maxLength: 70 }),
      (ops, rows) => {
        const program = compileOps(
          parseOps([...ops, { op: 'concat', columns: ['a', 'b'], as: 'x', dtype: 'float32' }]),
          inputs,
        )
        const columns = {
          a: columnOf(
            'float32',
            rows.map(({ a }) => a),
          ),
          b: columnOf(
            'float64',
            rows.map(({ b }) => b),
          ),
          n: columnOf(
            'int64',
            rows.map(({ n }) => n),
          ),
          t: columnOf(
            'string',
            rows.map(({ t }) => t),
          ),
        }
        const fused = new Transform(program)
        const expected = fused.run(columns)
        for (const blockRows of [rows.length + 1, 1, 5])
          expect(new Transform(program, blockRows).run(columns)).toEqual(expected)
        rows.forEach((_, i) => {
          const { columns: own, failures } = fused.run(rowOf(columns, i))
          expect(own).toEqual(rowOf(expected.columns, i))
          expect(failures).toEqual(
            expected.failures.filter((failure) => failure.row === i).map((failure) => ({ ...failure, row: 0 })),
          )
        })
      },
    )
    // The seed stands in the report of a failure; PENSTOCK_TEST_SEED repeats it.
    fc.assert(property, { seed, numRuns: 60 })
  })
})

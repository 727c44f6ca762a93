/** CSV is read by the dtypes of its inputs, whatever its cells look like, and in whatever pieces it comes. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Dtype, TensorField } from '../../tensor/tensor.js'
import { toNested } from '../../tensor/print.js'
import { csvTable, csvTables } from './csv-table.js'
import { parseList } from './lists.js'
import { CsvReader, type CsvSignature, type CsvTable } from './read-csv.js'
import { csvRows, csvRowsOf } from './rows.js'

const seed = 20261129
const field = (name: string, dtype: Dtype, ...dims: (number | null)[]): TensorField => ({
  name,
  dtype,
  shape: [null, ...dims],
})
const by = (...inputs: TensorField[]): CsvSignature => ({ inputs, isNonBatching: false, textKeys: [], hashKeys: [] })
function read(text: string, signature: CsvSignature): CsvTable {
  const [header = [], ...rows] = csvRowsOf(Buffer.from(text))
  return new CsvReader(header, signature).read(rows, 2)
}
/** The elements of the only input. */
const elements = (text: string, dtype: Dtype, ...dims: (number | null)[]): unknown => {
  const { tensor } = read(text, by(field('x', dtype, ...dims))).inputs[0] as CsvTable['inputs'][number]
  return tensor.dtype.includes('float16') ? Array.from(tensor.data as Uint16Array) : toNested(tensor)
}

async function* pieces(text: string, size: number): AsyncGenerator<Buffer> {
  const bytes = Buffer.from(text)
  for (let at = 0; at < bytes.length; at += size) yield await Promise.resolve(bytes.subarray(at, at + size))
}
async function rowsOf(text: string, size = 1e6, bytesMax = 1e6): Promise<string[][]> {
  const rows: string[][] = []
  for await (const row of csvRows(pieces(text, size), bytesMax)) rows.push(row)
  return rows
}

describe('rows of CSV', () => {
  it('any cells, any separator and line end, in pieces of any size: are what was written', async () => {
    const cell = fc.oneof(
      fc.string({ unit: 'grapheme' }),
      fc.string({ unit: fc.constantFrom('"', ',', ';', '\t', '\n', '\r', 'a', ' ') }),
    )
    const quoted = (text: string, isForced: boolean): string =>
      isForced || /[",;\t\r\n]/.test(text) || text === '' ? `"${text.replaceAll('"', '""')}"` : text
    await fc.assert(
      fc.asyncProperty(
        fc
          .integer({ min: 1, max: 4 })
          .chain((width) =>
            fc.array(fc.array(cell, { minLength: width, maxLength: width }), { minLength: 1, maxLength: 5 }),
          ),
        fc.constantFrom(',', ';', '\t'),
        fc.constantFrom('\n', '\r\n', '\r'),
        fc.boolean(),
        fc.boolean(),
        fc.integer({ min: 1, max: 60 }),
        async (cells, separator, lineEnd, isForced, hasMark, size) => {
          // The header shows the separator: it has no other one outside of quotes.
          const header = cells[0]?.map((_, index) => `c${index}`) as string[]
          const lines = [header, ...cells].map((row, index) =>
            row.map((text) => (index === 0 ? text : quoted(text, isForced))).join(separator),
          )
          const text = (hasMark ? '\ufeff' : '') + lines.join(lineEnd)
          expect(await rowsOf(text, size)).toEqual([header, ...cells])
        },
      ),
      { seed, numRuns: 500 },
    )
  })

  it('empty lines are passed over; a lone empty cell in quotes is a row', async () => {
    expect(await rowsOf('a\n\n""\r\n\r\n1\n')).toEqual([['a'], [''], ['1']])
  })

  it('a separator inside the quotes of the header is none', async () => {
    expect(await rowsOf('"a,b";c\n1;2\n')).toEqual([
      ['a,b', 'c'],
      ['1', '2'],
    ])
  })

  it.each<[string, string | Buffer, RegExp]>([
    ['quotes that do not end', 'a\n"b\n', /quoted cell to end but the one in row 2 does not/],
    ['text behind quotes', 'a\n"b"c\n', /received "c\\n" in row 2/],
    ['a row beyond the limit', `a\n"${'x'.repeat(3000)}`, /row 2 to end within 1000 bytes/],
    ['bytes that are no UTF-8', Buffer.from([0x61, 0x0a, 0xe9, 0x0a]), /in UTF-8/],
  ])('refuses %s', async (_, text, message) => {
    const chunks = (async function* () {
      yield await Promise.resolve(Buffer.from(text))
    })()
    const all = async (): Promise<void> => {
      for await (const row of csvRows(chunks, 1000)) expect(row).toBeDefined()
    }
    await expect(all()).rejects.toThrow(expect.objectContaining({ code: 'ERR_BODY', message: expect.stringMatching(message) as string })) // prettier-ignore
  })
})

describe('cells by the dtype', () => {
  it.each<[string, Dtype, unknown]>([
    ['x\n10115\n1e5\ntrue\n"[1]"\n nan \n""\n', 'string', ['10115', '1e5', 'true', '[1]', ' nan ', '']],
    ['x\n+1\n.5\n5.\n 2 \n1E3\n-inf\nInfinity\n', 'float32', [1, 0.5, 5, 2, 1000, -Infinity, Infinity]],
    ['x\n1\n0.1\n16777217\n', 'float32', [1, Math.fround(0.1), 16777216]],
    ['x,y\n,1\nnan,1\nNA,1\nnull,1\nNone,1\n<NA>,1\n', 'float64', [NaN, NaN, NaN, NaN, NaN, NaN]],
    [
      'x\n9007199254740993\n-9223372036854775808\n+5\n2.0\n1e3\n',
      'int64',
      [9007199254740993n, -(2n ** 63n), 5n, 2n, 1000n],
    ],
    ['x\n18446744073709551615\n', 'uint64', [2n ** 64n - 1n]],
    ['x\n-128\n127.0\n', 'int8', [-128, 127]],
    ['x\nTrue\nFALSE\n1\n0\ntrue\n0.0\n', 'bool', [true, false, true, false, true, false]],
    ['x\n1\n-0.1\nnan\n', 'float16', [0x3c00, 0xae66, 0x7e00]],
    ['x\n1\n-2\n', 'bfloat16', [0x3f80, 0xc000]],
  ])('%j as %s', (text, dtype, values) => {
    expect(elements(text, dtype)).toEqual(values)
    const column = (values as unknown[]).map((value) => [value])
    // One element a row may be called [n] or [n, 1].
    if (!dtype.includes('float16'))
      expect((elements(text, dtype, 1) as unknown[]).map((value) => [value])).toEqual(column)
  })

  it('lists, nested ones, missing ones, and one column per element', () => {
    expect(
      elements('x\n"[1, nan, .5]"\n[4;5;6]\n'.replaceAll(';5;6', ',5,6').replace('[4,5,6]', '"[4,5,6]"'), 'float32', 3),
    ).toEqual([
      [1, NaN, 0.5],
      [4, 5, 6],
    ])
    expect(elements('x;y\n[[1, 2], [3, 4]];0\n;0\n', 'float32', 2, 2)).toEqual([
      [
        [1, 2],
        [3, 4],
      ],
      [
        [NaN, NaN],
        [NaN, NaN],
      ],
    ])
    expect(elements('x[0],x[1]\n9007199254740993,2\n3,4\n', 'int64', 2)).toEqual([
      [9007199254740993n, 2n],
      [3n, 4n],
    ])
    expect(elements('x;y\n["a", "b, c", null];0\n', 'string', 3)).toEqual([['a', 'b, c', '']])
  })

  it('one column per feature, whatever the names, and routing keys beside them', () => {
    const signature = { ...by(field('x', 'float32', 3)), textKeys: ['colour'] }
    const { inputs, extras } = read('age,colour,fare,weight\n1,01,,3\n4,red,5,6\n', signature)
    expect(inputs.map(({ name, tensor }) => [name, toNested(tensor)])).toEqual([
      [
        'x',
        [
          [1, NaN, 3],
          [4, 5, 6],
        ],
      ],
    ])
    expect(extras).toEqual([{ name: 'colour', kind: 'text', values: ['01', 'red'] }])
    expect(
      read('f10,f2,f1,f3,f4,f5,f6,f7,f8,f9\n10,2,1,3,4,5,6,7,8,9\n', by(field('x', 'int32', 10))).inputs[0]?.tensor
        .data,
    ).toEqual(Int32Array.from({ length: 10 }, (_, index) => index + 1))
  })

  it('columns that no model reads are texts as they stand; those that a split draws by are numbers where all are', () => {
    const signature = { ...by(field('x', 'float32')), hashKeys: ['u', 'session'] }
    expect(read('x,id,when,u,session\n1,007,1e5,0.5,a\n2,true,,0.25,7\n', signature).extras).toEqual([
      { name: 'id', kind: 'text', values: ['007', 'true'] },
      { name: 'when', kind: 'text', values: ['1e5', null] },
      { name: 'u', kind: 'number', values: Float64Array.of(0.5, 0.25) },
      { name: 'session', kind: 'text', values: ['a', '7'] },
    ])
  })

  it.each<[string, Dtype, string, RegExp]>([
    ['x\n1\nabc\n', 'float32', 'ERR_DTYPE', /column x to have a number \(float32\).*"abc" in row 3/],
    ['x;y\n1,5;2\n', 'float32', 'ERR_DTYPE', /"1,5" in row 2.*Write a point, not a comma/],
    ['x\n0x10\n', 'float64', 'ERR_DTYPE', /row 2/],
    ['x\n1e39\n', 'float32', 'ERR_VALUE_RANGE', /fit float32 but received 1e39 in row 2/],
    ['x\n65520\n', 'float16', 'ERR_VALUE_RANGE', /fit float16/],
    ['x\n0.5\n', 'int64', 'ERR_VALUE_RANGE', /fit int64 but received 0.5 in row 2/],
    ['x\n256\n', 'uint8', 'ERR_VALUE_RANGE', /256/],
    ['x\n18446744073709551616\n', 'uint64', 'ERR_VALUE_RANGE', /18446744073709551616/],
    ['x,y\n1,1\n,1\n', 'int64', 'ERR_ARGUMENT', /empty cell in row 3, and int64 has no number.*Fill it in/],
    ['x,y\nnan,1\n', 'bool', 'ERR_ARGUMENT', /row 2, and bool/],
    ['x\nyes\n', 'bool', 'ERR_DTYPE', /true, false, 1 or 0/],
    ['x\n2\n', 'bool', 'ERR_DTYPE', /"2" in row 2/],
    ['x\n"[1,2]"\n"[1]"\n', 'float32', 'ERR_SHAPE', /dims \[2\] but received \[1\] in row 3/],
    ['x\n"[1,"\n', 'float32', 'ERR_BODY', /lists such as \[1, 2.5\].*row 2/],
    ['x,y\n1\n', 'float32', 'ERR_BODY', /2 cells in each row, as the header has, but row 2 has 1/],
    ['x,x\n1,2\n', 'float32', 'ERR_BODY', /"x" twice/],
    ['x[0],x[2]\n1,2\n', 'float32', 'ERR_BODY', /"x" twice, or its elements out of order/],
  ])('%j as %s: is refused with column and row', (text, dtype, code, message) => {
    const act = (): unknown => read(text, by(field('x', dtype, null)))
    expect(act).toThrow(expect.objectContaining({ code, message: expect.stringMatching(message) as string }))
  })

  it('columns that are not as many as the features: are refused with what is there', () => {
    const act = (): unknown => read('a,b\n1,2\n', by(field('x', 'float32', 3)))
    expect(act).toThrow(expect.objectContaining({ code: 'ERR_MISSING_INPUT', message: expect.stringMatching(/3 features.*"a", "b"/) as string })) // prettier-ignore
  })
})

describe('lists in cells', () => {
  it('any nesting: has the dims and the texts of its elements', () => {
    const nested = fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 4 }).chain((dims) => {
      const count = dims.reduce((product, dim) => product * dim, 1)
      return fc.tuple(fc.constant(dims), fc.array(fc.double({ noNaN: true }), { minLength: count, maxLength: count }))
    })
    const print = (dims: readonly number[], texts: string[]): string =>
      dims.length === 0
        ? (texts.shift() as string)
        : `[${Array.from({ length: dims[0] as number }, () => print(dims.slice(1), texts)).join(', ')}]`
    fc.assert(
      fc.property(nested, ([dims, values]) => {
        const texts = values.map(String)
        expect(parseList(print(dims, [...texts]), false, { column: 'x', row: 2 })).toEqual({ dims, elements: texts })
      }),
      { seed, numRuns: 300 },
    )
  })

  it.each([
    '[',
    '[1',
    '1]',
    '[1,]',
    '[,1]',
    '[1 2]',
    '[1][2]',
    '[1,[2]]',
    '[[1],2]',
    '[[1],[2,3]]',
    '["a"]',
    '[]]',
    'x[1]',
  ])('%j is none', (text) => {
    expect(() => parseList(text, false, { column: 'x', row: 2 })).toThrow(/row 2/)
  })

  it('arbitrary text: is a list, or refused with a code', () => {
    const texts = fc.string({ unit: fc.constantFrom('[', ']', ',', '"', '\\', '1', ' ', 'a') })
    fc.assert(
      fc.property(texts, fc.boolean(), (text, isOfTexts) => {
        try {
          const { dims, elements: found } = parseList(text, isOfTexts, { column: 'x', row: 2 })
          expect(found.length).toBe(dims.reduce((product, dim) => product * dim, 1))
        } catch (error) {
          expect(error).toMatchObject({ code: expect.stringMatching(/^ERR_(BODY|SHAPE)$/) as string })
        }
      }),
      { seed, numRuns: 3000 },
    )
  })
})

describe('tables of CSV', () => {
  it('parts of a file: have the rows in order, and say their number in the file when one is wrong', async () => {
    const text = `x,note\n${Array.from({ length: 10 }, (_, row) => `${row === 7 ? 'seven' : row},n${row}`).join('\n')}`
    const signature = by(field('x', 'float32'))
    const sizes: number[] = []
    const all = async (): Promise<void> => {
      for await (const table of csvTables(pieces(text, 7), signature, { rowsMax: 3, bytesMax: 1000 }))
        sizes.push(table.numRows)
    }
    await expect(all()).rejects.toThrow(/"seven" in row 9/)
    expect(sizes).toEqual([3, 3])
  })

  it('a header alone: is one table without rows; nothing at all is refused', async () => {
    const tables: number[][] = []
    const signature = by(field('x', 'float32', 2), field('t', 'string'))
    for await (const table of csvTables(pieces('x[0],x[1],t,id\n', 100), signature, { rowsMax: 3, bytesMax: 1000 }))
      tables.push([table.numRows, table.numCols])
    expect(tables).toEqual([[0, 3]])
    expect(() => csvTable(Buffer.from(''), signature)).toThrow(/header/)
  })
})

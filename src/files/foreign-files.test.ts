/**
 * Files as pyarrow, pandas and polars write them (test/tables) become bodies of the infer endpoint that say the same,
 * however few rows a body has. A file without rows is one body without rows.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { arrowExtras } from '../formats/arrow/arrow-extras.js'
import { tableOf } from '../formats/arrow/column-types.js'
import { readArrow } from '../formats/ipc/read-arrow.js'
import { writeRecords } from '../formats/write-records.js'
import { arrowTensor } from '../formats/arrow/arrow-inputs.js'
import { readChunks } from './read-chunks.js'

const folder = new URL('../../test/tables/', import.meta.url).pathname
const load = (name: string): Record<string, Record<string, readonly unknown[]>> =>
  JSON.parse(readFileSync(join(folder, name), 'utf8')) as Record<string, Record<string, readonly unknown[]>>
const expected = { arrow: load('expected.json'), parquet: load('expected-parquet.json') }

interface Column {
  readonly fields: readonly string[]
  readonly records: Record<string, unknown>[]
}

async function throughBodies(path: string, format: 'arrow' | 'parquet', rowsMax: number): Promise<Column> {
  const records: Record<string, unknown>[] = []
  let fields: readonly string[] = []
  for await (const { body, rows } of readChunks(path, format, { rowsMax, bytesMax: 2 ** 20 })) {
    const read = readArrow(body, 1000)
    expect([read.rows, rows <= rowsMax]).toEqual([rows, true])
    fields = read.fields.map(({ name }) => name)
    const text = writeRecords(tableOf(arrowExtras(read, [...read.fields.keys()])))
    records.push(...(JSON.parse(text.replaceAll(/:(\d{16,})/g, ':"$1"')) as Record<string, unknown>[]))
  }
  return { fields, records }
}

describe('files of other writers', () => {
  const cases = (['arrow', 'parquet'] as const).flatMap((format) =>
    Object.entries(expected[format]).map(([name, columns]) => [`${name}.${format}`, format, columns] as const),
  )
  it.each(cases)('%s: says in bodies of 1, 2 and all rows what its writer said', async (file, format, columns) => {
    for (const rowsMax of [1, 2, 1000]) {
      const { fields, records } = await throughBodies(join(folder, file), format, rowsMax)
      expect(fields).toEqual(expect.arrayContaining(Object.keys(columns)))
      for (const [name, values] of Object.entries(columns)) {
        expect(records.length, name).toBe(values.length)
        // A tensor is echoed as its memory lies.
        if (!file.startsWith('tensor')) expect(records.map((record) => record[name])).toEqual(values)
      }
    }
  })

  it('a permuted tensor in Parquet: keeps its axes', async () => {
    const chunks = readChunks(join(folder, 'tensor-permuted.parquet'), 'parquet', { rowsMax: 10, bytesMax: 2 ** 20 })
    for await (const { body } of chunks) {
      const { data, shape } = arrowTensor(
        readArrow(body, 10),
        0,
        { name: 'x', dtype: 'float32', shape: [null, 3, 2] },
        false,
      )
      const values = expected.parquet['tensor-permuted']?.['x'] as readonly unknown[]
      expect([shape, Array.from(data as Float32Array)]).toEqual([[2, 3, 2], values.flat(2)])
    }
  })
})

describe('damaged Arrow files', () => {
  let scratch = ''
  beforeAll(() => {
    scratch = mkdtempSync(join(tmpdir(), 'foreign-files-'))
  })
  afterAll(() => rmSync(scratch, { recursive: true, force: true }))

  it('cut off, or with a word that lies: are refused with a code', async () => {
    const names = readdirSync(folder).filter((name) => /^(polars-text|dictionary-delta|packed).*arrow$/.test(name))
    expect(names.length).toBeGreaterThan(4)
    const path = join(scratch, 'damaged.arrow')
    for (const name of names) {
      const bytes = readFileSync(join(folder, name))
      for (let at = 0; at + 4 <= bytes.length; at += Math.max(4, 4 * Math.floor(bytes.length / 128))) {
        for (const damage of ['cut', 0x7fffffff, -1] as const) {
          const damaged = Buffer.from(damage === 'cut' ? bytes.subarray(0, at) : bytes)
          if (damage !== 'cut') damaged.writeInt32LE(damage, at)
          writeFileSync(path, damaged)
          await throughBodies(path, 'arrow', 1000).catch((error: unknown) => {
            expect(error, `${name} ${damage} at ${at}`).toMatchObject({
              code: expect.stringMatching(/^ERR_(BODY|DTYPE)$/) as string,
            })
          })
        }
      }
    }
  }, 60_000)
})

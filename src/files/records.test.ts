/** Records come out of files whatever the pieces in which the file is read. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { jsonRecords } from './json-chunks.js'

const seed = 20261121

async function* pieces(text: string | Buffer, size: number): AsyncGenerator<Buffer> {
  const bytes = Buffer.from(text)
  for (let at = 0; at < bytes.length; at += size) yield await Promise.resolve(bytes.subarray(at, at + size))
}
async function all(records: AsyncIterable<Buffer>): Promise<unknown[]> {
  const read: unknown[] = []
  for await (const record of records) read.push(JSON.parse(record.toString()))
  return read
}
const json = (text: string | Buffer, size = 1e6, bytesMax = 1e6): Promise<unknown[]> =>
  all(jsonRecords(pieces(text, size), bytesMax))

describe('records of JSON files', () => {
  it('arrays, lines and single objects: every record, for every size of the pieces', async () => {
    const record = fc.dictionary(fc.string({ unit: 'grapheme' }), fc.jsonValue({ maxDepth: 3 }))
    await fc.assert(
      fc.asyncProperty(
        fc.array(record, { maxLength: 6 }),
        fc.integer({ min: 1, max: 40 }),
        fc.constantFrom(0, 1, 2),
        async (records, size, form) => {
          const expected = JSON.parse(JSON.stringify(records)) as unknown[]
          const lines = records.map((one) => JSON.stringify(one))
          const text = [JSON.stringify(records), lines.join('\n'), `[\n${lines.join(',\r\n  ')}\n]\n`][form] as string
          expect(await json(text, size)).toEqual(expected)
        },
      ),
      { seed, numRuns: 300 },
    )
  })

  it.each([
    ['text between records', '[{"a":1} x {"a":2}]', /received "x \{/],
    ['a record that does not end', '[{"a":[1,2', /ends before it/],
    ['a record beyond the limit', `[{"a":"${'x'.repeat(2000)}`, /at most 1000 bytes/],
    ['numbers', '[1,2]', /between them/],
  ])('refuses %s', async (_, text, message) => {
    await expect(json(text, 64, 1000)).rejects.toThrow(message)
  })
})

import { describe, expect, it } from 'vitest'
import { describeRecords, pageQuery } from './logs.js'
import { cellsOf, keepDigits } from './logs-table.js'

describe('penstock logs', () => {
  it('a table has a column per key, times as people write them, and the digits that were sent', () => {
    const text = '[{"time":1700000000000,"in.x":[1,2],"out.y":[9007199254740993]},{"time":1700000000001,"out.z":null}]'
    expect(
      describeRecords(text)
        .split('\n')
        .map((line) => line.trimEnd()),
    ).toEqual([
      'TIME                      IN.X   OUT.Y             OUT.Z',
      '2023-11-14T22:13:20.000Z  [1,2]  9007199254740993  -',
      '2023-11-14T22:13:20.001Z  -      -                 -',
    ])
    expect(describeRecords('[]')).toBe('No rows.')
    expect(cellsOf(`[{"a":"${'x'.repeat(100)}"}]`).rows[0]?.[0]).toHaveLength(49)
  })

  it('a followed log is a record a line, as it was sent', () => {
    const records = ['{"a":"}{","b":{"c":12345678901234567890}}', '{"a":"\\"}"}']
    expect(keepDigits(`[${records.join(',')}]`)).toEqual(records)
    expect(keepDigits('[]')).toEqual([])
  })

  it('options become query parameters', () => {
    expect(pageQuery({ limit: 5, invalid: true, dataset: 'time,out', separator: '.' }).toString()).toBe(
      'limit=5&valid=false&dataset=time%2Cout&dataset_separator=.',
    )
  })
})

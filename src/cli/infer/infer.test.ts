import { describe, expect, it } from 'vitest'
import { UsageError } from '../shared/failures.js'
import { describeAnswer, joinRequest } from './infer.js'
import { readRequestData } from '../shared/input-data.js'

describe('infer', () => {
  it('joinRequest: sends the data untouched when there is nothing to add', () => {
    for (const data of ['{"x":[[9007199254740993]]}', '[{"x":[1]}]', '{"inputs":{"x":[[1]]},"meta":{"k":1}}']) {
      expect(joinRequest(data, undefined, undefined)).toBe(data)
    }
  })

  it('joinRequest: puts routing keys and deadline beside the inputs and keeps every digit', () => {
    expect(joinRequest('{"x":[[9007199254740993]]}', '{"k":"a"}', 50)).toBe(
      '{"inputs":{"x":[[9007199254740993]]},"meta":{"k":"a"},"deadlineMs":50}',
    )
    expect(joinRequest('{"inputs":{"x":[[1]]}}', '{"k":1}', undefined)).toBe('{"inputs":{"x":[[1]]},"meta":{"k":1}}')
  })

  it.each([
    ['{', undefined, /Expected --data to be JSON/],
    ['{"x":[]}', '{', /Expected --meta to be JSON/],
    ['{"x":[]}', '[1]', /Expected --meta to be an object/],
    ['[{"x":1}]', '{"k":1}', /Put the routing keys into the records/],
    ['{"inputs":{},"meta":{}}', '{"k":1}', /already have "meta"/],
  ])('joinRequest: refuses %s with meta %s', (data, meta, sentence) => {
    const call = () => joinRequest(data, meta, undefined)
    expect(call).toThrow(UsageError)
    expect(call).toThrow(sentence)
  })

  it('describeAnswer: prints a row a line, with failed checks, route and all digits', () => {
    const answer = JSON.stringify({
      outputs: { quality: [[5.5], [6]], label: ['a "9007199254740993"', 'b'] },
      check_failures: [
        { check: 'low', rows: [1] },
        { check: 'odd', rows: [0, 1] },
      ],
      metadata: { route: ['m1', 'm2'] },
    }).replace('[6]', '[9007199254740993]')
    expect(describeAnswer(answer)).toBe(
      [
        'ROW  QUALITY           LABEL                 FAILED CHECKS  ANSWERED BY',
        '  0  5.5               a "9007199254740993"  odd            m1',
        '  1  9007199254740993  b                     low, odd       m2',
      ].join('\n'),
    )
  })

  it('describeAnswer: prints records and whatever else as they came', () => {
    expect(describeAnswer('[{"out.x":1}]\n')).toBe('[{"out.x":1}]')
  })

  it('readRequestData: says what to pass where there are no data, on stdin or at a keyboard', () => {
    const read = (isInteractive: boolean, input: string, source?: string) => {
      const silent = () => undefined
      const output = { print: silent, note: silent, progress: silent, block: silent, columns: 0 }
      return readRequestData({ ...output, isInteractive, readInput: () => Buffer.from(input) }, source, 'Pass --file')
    }
    expect(() => read(false, ' \n')).toThrow('Expected data but received none from stdin. Pass --file.')
    expect(() => read(true, '', '-')).toThrow('Expected data but received none from stdin. Pass --file.')
    expect(() => read(false, '', '@/dev/null')).toThrow('received none from /dev/null. Pass --file.')
    expect(() => read(true, 'unread')).toThrow('Expected data but received none. Pass --file.')
    expect(read(false, ' {"x":[1]}\n')).toBe('{"x":[1]}')
    expect(read(true, '', '{"x":[1]}')).toBe('{"x":[1]}')
  })
})

import { InvalidArgumentError } from 'commander'
import { describe, expect, it } from 'vitest'
import { countArgument, durationArgument, integerArgument, portArgument } from './arguments.js'

describe('arguments', () => {
  it.each([
    ['30', 30_000],
    ['30s', 30_000],
    ['500ms', 500],
    ['2m', 120_000],
    ['1.5s', 1500],
    ['0s', 0],
    ['60m', 3_600_000],
  ])('durationArgument: %s is %i ms', (text, milliseconds) => expect(durationArgument(text)).toBe(milliseconds))

  it.each(['', 's', '-1s', '1h', '61m', '1 s', '1e3', 'Infinity'])('durationArgument: refuses %j', (text) => {
    expect(() => durationArgument(text)).toThrow(InvalidArgumentError)
  })

  it('integerArgument, countArgument, portArgument: take their range and refuse the rest', () => {
    expect([integerArgument('1'), integerArgument('007')]).toEqual([1, 7])
    for (const text of ['0', '-1', '1.5', '1e3', '', ' 1', '9'.repeat(20)])
      expect(() => integerArgument(text)).toThrow(InvalidArgumentError)
    expect([countArgument('0'), countArgument('2')]).toEqual([0, 2])
    expect(() => countArgument('-1')).toThrow(InvalidArgumentError)
    expect([portArgument('0'), portArgument('65535')]).toEqual([0, 65_535])
    for (const text of ['65536', '-1', 'http', '']) expect(() => portArgument(text)).toThrow(InvalidArgumentError)
  })
})

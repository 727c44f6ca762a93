/** How wrong keys are slowed down, on a clock of our own. */
import { describe, expect, it } from 'vitest'
import { ManualClock } from '../../base/clock.js'
import {
  WRONG_KEY_ADDRESSES_MAX,
  WRONG_KEY_DELAY_MS_MAX,
  WRONG_KEY_LOG_LINES_MAX,
} from '../../base/limits/access-limits.js'
import { networkOf, WrongKeys, type WrongKeyNote } from './wrong-keys.js'

function open() {
  const clock = new ManualClock(0)
  const notes: WrongKeyNote[] = []
  return { clock, notes, wrongKeys: new WrongKeys(clock, (note) => notes.push(note)) }
}

describe('wrong keys', () => {
  it('doubles the wait from one second to a minute, whatever comes meanwhile', () => {
    const { clock, wrongKeys } = open()
    for (let count = 0; count < 10; count++) expect(wrongKeys.add('a')).toBe(0)
    const waits: number[] = []
    for (let round = 0; round < 9; round++) {
      const waitMs = wrongKeys.add('a')
      waits.push(waitMs)
      expect(wrongKeys.add('a')).toBe(waitMs)
      clock.advanceMs(waitMs)
      expect(wrongKeys.add('a')).toBe(0)
    }
    expect(waits).toEqual([1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000, WRONG_KEY_DELAY_MS_MAX])
  })

  it('forgets after a quarter of an hour of silence, and not before', () => {
    const { clock, wrongKeys } = open()
    for (let count = 0; count < 10; count++) wrongKeys.add('a')
    clock.advanceMs(15 * 60_000)
    expect(wrongKeys.add('a')).toBe(0)
    expect(wrongKeys.add('a')).toBe(2000)
    clock.advanceMs(15 * 60_000 + 1)
    for (let count = 0; count < 10; count++) expect(wrongKeys.add('a')).toBe(0)
    expect(wrongKeys.add('a')).toBe(1000)
  })

  it('logs an address once a minute with what came since, and not more lines than a minute may have', () => {
    const { clock, notes, wrongKeys } = open()
    for (let count = 0; count < 100; count++) wrongKeys.add('a')
    expect(notes).toEqual([{ address: 'a', wrongKeys: 1 }])
    clock.advanceMs(60_000)
    wrongKeys.add('a')
    expect(notes[1]).toEqual({ address: 'a', wrongKeys: 100 })
    for (let address = 0; address < 1000; address++) wrongKeys.add(`b${address}`)
    expect(notes.length).toBe(1 + WRONG_KEY_LOG_LINES_MAX)
    clock.advanceMs(60_000)
    wrongKeys.add('b999')
    expect(notes.at(-1)).toEqual({ address: 'b999', wrongKeys: 2 })
  })

  it('holds a bounded number of addresses, and forgets the one that was silent longest', () => {
    const { wrongKeys } = open()
    for (let count = 0; count < 10; count++) wrongKeys.add('first')
    for (let address = 0; address < WRONG_KEY_ADDRESSES_MAX - 1; address++) wrongKeys.add(`a${address}`)
    expect(wrongKeys.add('first')).toBe(1000)
    for (let address = 0; address < 3 * WRONG_KEY_ADDRESSES_MAX; address++) wrongKeys.add(`b${address}`)
    expect(wrongKeys.addressCount).toBe(WRONG_KEY_ADDRESSES_MAX)
    expect(wrongKeys.add('first')).toBe(0)
  })

  it('takes the addresses of one network of IPv6 for one, and mapped ones for what they map', () => {
    expect(networkOf('10.1.2.3')).toBe('10.1.2.3')
    expect(networkOf('::ffff:10.1.2.3')).toBe('10.1.2.3')
    expect(networkOf('0000:0000:0000:0000:0000:ffff:0a01:0203')).toBe('10.1.2.3')
    expect(networkOf('2001:db8:1:2:3:4:5:6')).toBe('2001:db8:1:2')
    expect(networkOf('2001:db8:1:2::9')).toBe('2001:db8:1:2')
    expect(networkOf('2001:0db8:0001:0002:0000:0000:0000:0009')).toBe('2001:db8:1:2')
    expect(networkOf('::1')).toBe('0:0:0:0')
    expect(networkOf('')).toBe('')
  })
})

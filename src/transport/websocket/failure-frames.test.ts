import { expect, test } from 'vitest'
import { PenstockError } from '../../base/errors.js'
import { decodeMessage, encodeMessage, failureMessage } from '../../protocol/codec.js'
import { FailureFrames } from './failure-frames.js'

test('failure frames: each is what the codec writes, whether its error is new or comes again', () => {
  const frames = new FailureFrames()
  const full = new PenstockError('ERR_QUEUE_FULL', 'full', { retryAfterMs: 7 })
  const late = new PenstockError('ERR_DEADLINE_EXCEEDED')
  const cases: [number, number, PenstockError][] = [
    [1, 5, full],
    [1, 6, full],
    [1, 0xffff_ffff, full],
    [2, 6, full],
    [2, 7, late],
    [0, 0, late],
    [1, 8, full],
  ]
  for (const [channel, request, error] of cases) {
    const frame = frames.frameOf(channel, request, error)
    const expected = encodeMessage(failureMessage(channel, request, error))
    const decoded = (bytes: Uint8Array) => decodeMessage(Uint8Array.from(bytes).buffer)
    expect(decoded(frame)).toEqual(decoded(expected))
  }
})

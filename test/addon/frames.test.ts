/**
 * Two readers of the same bytes: the native one on the hot path, the JavaScript verifier everywhere else. Whatever is
 * damaged, the native reader neither crashes nor refuses as malformed what the verifier proves well-formed; the
 * verifier may be stricter (alignment, the zero behind a string), never laxer. Seeds are fixed.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { addon } from '../../bindings/native.js'
import type { PortHandle } from '../../bindings/native.js'
import { errorTable } from '../../src/base/errors.js'
import { seededRandom } from '../../src/base/random.js'
import { decodeMessage, encodeMessage, InferEncoder } from '../../src/protocol/codec.js'

const FRAME = -(errorTable.ERR_FRAME.native ?? 0)
let runtime: number
let port: PortHandle
let connection: number

beforeAll(() => {
  runtime = addon.createRuntime(true, 0, 2 ** 30)
  port = addon.openPort(runtime, () => undefined, 16)
  connection = addon.openConnection(port, 1000)
})
afterAll(() => {
  addon.closePort(port)
  addon.closeRuntime(runtime)
})

function isProved(frame: Uint8Array): boolean {
  try {
    // What the verifier cannot say of an InferMany (fields of one length) the decoder does.
    decodeMessage(frame)
    return true
  } catch {
    return false
  }
}

const receive = (frame: Uint8Array): number => addon.receive(port, connection, frame.slice().buffer)

const options = {
  dims: [3, 4],
  meta: { region: ['eu', 'us'], session: 0.5, tenant: 'acme', weights: [0.25, 1] },
  deadlineMs: 5,
  texts: ['a', ''],
  timing: true,
}
const frames: [string, Uint8Array][] = [
  ['a plain Infer', new InferEncoder(1).encode(7, 2, [Float32Array.of(1, 2, 3, 4)]).slice()],
  ['an Infer with everything', new InferEncoder(1).encode(7, 2, [Float32Array.of(1, 2)], options).slice()],
  [
    'an InferMany',
    encodeMessage({
      kind: 'infer-many',
      channel: 1,
      requests: [7, 8],
      rows: [1, 2],
      data: new Uint8Array(12),
      deadlinesMs: [0, 5],
      priorities: [0, 1],
      requestIds: [1, 0],
    }).slice(),
  ],
  ['an Open', encodeMessage({ kind: 'open', channel: 1, pipeline: 'wine' }).slice()],
]

describe('frames: native and JavaScript readers', () => {
  it('frames: both accept what the encoders write', () => {
    for (const [, frame] of frames) {
      expect(isProved(frame)).toBe(true)
      expect(receive(frame)).not.toBe(FRAME)
    }
  })

  for (const [name, original] of frames) {
    it(`frames: ${name}, damaged 30,000 times, is never malformed to the native reader alone, seed 11`, () => {
      const random = seededRandom(11)
      const integer = (max: number): number => Math.floor(random() * max)
      const counters = { both: 0, neither: 0, nativeOnly: 0 }
      for (let round = 0; round < 30_000; round++) {
        const frame = original.slice(0, random() < 0.05 ? integer(original.length) : original.length)
        for (let hits = 1 + integer(3); hits > 0 && frame.length > 0; hits--)
          frame[integer(frame.length)] = integer(256)
        const isNative = receive(frame) !== FRAME
        const isJavaScript = isProved(frame)
        if (isJavaScript && !isNative) throw new Error(`only JavaScript accepts ${Buffer.from(frame).toString('hex')}`)
        counters[isJavaScript ? 'both' : isNative ? 'nativeOnly' : 'neither']++
      }
      // All three occur, or the damage proves nothing.
      expect(Math.min(counters.both, counters.neither, counters.nativeOnly)).toBeGreaterThan(100)
    })
  }
})

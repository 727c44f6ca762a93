/**
 * The verifier against bytes that lie. Property: whatever the bytes, decodeMessage returns a message or throws
 * PenstockError ERR_FRAME; never another error, never for long. Seeds are fixed, so a failure repeats.
 */
import { describe, expect, it } from 'vitest'
import { isPenstockError } from '../base/errors.js'
import { seededRandom } from '../base/random.js'
import { decodeMessage, encodeMessage, InferEncoder, type Message } from './codec.js'
import { decodeMetaBlock, encodeMetaBlock } from './meta.js'
import { verifyMessage } from './verify.js'

const frames: [string, Uint8Array][] = [
  ['infer', new InferEncoder(1).encode(7, 2, [Float32Array.of(1, 2, 3, 4)]).slice()],
  [
    'infer with everything',
    new InferEncoder(1)
      .encode(7, 2, [Float32Array.of(1, 2)], {
        dims: [3, 4],
        meta: { region: ['eu', 'us'], session: 0.5, tenant: 'acme', weights: [0.25, 1] },
        deadlineMs: 5,
        priority: 'background',
        texts: ['a', ''],
      })
      .slice(),
  ],
  ...messages().map((message): [string, Uint8Array] => [message.kind, encodeMessage(message).slice()]),
]

function messages(): Message[] {
  const fields = [{ name: 'x', dtype: 'float32', shape: [null, 3] }] as const
  return [
    { kind: 'open', channel: 1, pipeline: 'wine' },
    {
      kind: 'opened',
      channel: 1,
      pipeline: 'wine',
      version: 1,
      inputs: fields,
      outputs: fields,
      checks: ['c'],
      routes: ['a', 'b'],
      isNonBatching: false,
      rowsMax: 9,
    },
    {
      kind: 'results',
      channel: 1,
      requests: [1, 2],
      rows: [1, 2],
      data: new Uint8Array(12),
      dims: null,
      checkFailures: [0n, 1n, 0n],
      routes: [0, 1, 0],
      texts: null,
    },
    {
      kind: 'infer-many',
      channel: 1,
      requests: [1, 2],
      rows: [1, 2],
      data: new Uint8Array(12),
      deadlinesMs: [0, 5],
      priorities: [0, 1],
      requestIds: [1, 0],
    },
    { kind: 'failure', channel: 1, request: 2, code: 'ERR_SHAPE', message: 'why', retryAfterMs: 1, isChannel: false },
    { kind: 'hello', windowRequests: 4, server: 's', frameBytesMax: 99 },
  ]
}

/** 'decoded', or the reason. Anything but ERR_FRAME is rethrown and fails the test. */
function outcomeOf(frame: Uint8Array): string {
  try {
    decodeMessage(frame)
    return 'decoded'
  } catch (error) {
    if (isPenstockError(error) && error.code === 'ERR_FRAME') return error.message
    throw new Error(`frame ${Buffer.from(frame).toString('hex')} threw ${String(error)}`, { cause: error })
  }
}

describe('verify: bytes that lie', () => {
  for (const [name, frame] of frames) {
    it(`verify: refuses ${name} cut at any length`, () => {
      let refused = 0
      // The last bytes may be padding or data; but nothing shorter than what the root points to can pass.
      for (let length = 0; length < frame.length; length++) {
        if (outcomeOf(frame.slice(0, length)) !== 'decoded') refused++
      }
      expect(refused).toBeGreaterThan(frame.length - 9)
    })

    it(`verify: survives every single-bit flip of ${name}`, () => {
      const outcomes = new Set<string>()
      for (let bit = 0; bit < frame.length * 8; bit++) {
        const copy = frame.slice()
        copy[bit >> 3] = (copy[bit >> 3] ?? 0) ^ (1 << (bit & 7))
        outcomes.add(outcomeOf(copy) === 'decoded' ? 'decoded' : 'refused')
      }
      expect(outcomes).toEqual(new Set(['decoded', 'refused']))
    })

    it(`verify: survives lying offsets and lengths in ${name}`, () => {
      const lies = [
        0,
        1,
        2,
        3,
        4,
        8,
        frame.length - 4,
        frame.length,
        0x7fff_ffff,
        0x8000_0000,
        0xffff_fff0,
        0xffff_ffff,
      ]
      let refused = 0
      for (let at = 0; at + 4 <= frame.length; at += 2) {
        for (const lie of lies) {
          const copy = frame.slice()
          new DataView(copy.buffer).setUint32(at, lie, true)
          if (outcomeOf(copy) !== 'decoded') refused++
        }
      }
      expect(refused).toBeGreaterThan(lies.length)
    })
  }

  it('verify: survives 60,000 frames of random damage, seed 1', () => {
    const random = seededRandom(1)
    let decoded = 0
    for (let round = 0; round < 60_000; round++) {
      const [, original] = frames[Math.floor(random() * frames.length)] ?? ['', new Uint8Array(8)]
      const copy = original.slice(0, random() < 0.1 ? Math.floor(random() * original.length) : original.length)
      for (let hits = 1 + Math.floor(random() * 4); hits > 0; hits--)
        copy[Math.floor(random() * copy.length)] = Math.floor(random() * 256)
      if (outcomeOf(copy) === 'decoded') decoded++
    }
    // Both happen, or the generator tests nothing.
    expect(decoded).toBeGreaterThan(1000)
    expect(decoded).toBeLessThan(59_000)
  })

  it('verify: survives 20,000 frames of pure noise, seed 2', () => {
    const random = seededRandom(2)
    for (let round = 0; round < 20_000; round++) {
      const noise = Uint8Array.from({ length: Math.floor(random() * 120) }, () =>
        Math.floor(random() * (round % 2 === 0 ? 256 : 12)),
      )
      outcomeOf(noise)
    }
  })

  it('verify: meta blocks survive random damage too, seed 3', () => {
    const random = seededRandom(3)
    const block =
      encodeMetaBlock({ region: ['eu', 'us'], session: 0.5, tenant: 'acme', weights: [0.25, 1] }, 2) ??
      new Uint8Array(0)
    for (let round = 0; round < 20_000; round++) {
      const copy = block.slice()
      for (let hits = 1 + Math.floor(random() * 3); hits > 0; hits--)
        copy[Math.floor(random() * copy.length)] = Math.floor(random() * 256)
      try {
        decodeMetaBlock(copy)
      } catch (error) {
        if (!isPenstockError(error) || error.code !== 'ERR_FRAME') throw error
      }
    }
  })

  it('verify: names the field and the rule', () => {
    const frame = encodeMessage({ kind: 'open', channel: 1, pipeline: 'wine' }).slice()
    const view = new DataView(frame.buffer)
    const text = frame.findIndex((byte, index) => byte === 0x77 && frame[index + 1] === 0x69)
    view.setUint32(text - 4, 4000, true)
    expect(() => verifyMessage(frame)).toThrow(
      /^Expected the length of Open.pipeline to fit the \d+ bytes that follow it but received 4000$/,
    )
  })

  it('verify: refuses a message whose body is of no known type', () => {
    const frame = frames[0]?.[1].slice() ?? new Uint8Array(8)
    frame[20] = 9
    expect(() => verifyMessage(frame)).toThrow(/Message.body_type to be one of 1, 2, 3, 4, 6, 7, 16, .* but received 9/)
    frame[20] = 0
    expect(() => verifyMessage(frame)).toThrow(/Message.body_type to be one of/)
  })
})

describe('verify: work is linear in the bytes', () => {
  it('verify: refuses a vector whose elements share one large table, at once', () => {
    // Infer.meta: 200,000 offsets to one Meta whose texts are 200,000 offsets to one string: 4e10 steps if followed.
    const frame = sharedFrame(200_000)
    const startMs = performance.now()
    expect(() => verifyMessage(frame)).toThrow(/be shared so little that a reader walks at most 16 times the frame/)
    expect(performance.now() - startMs).toBeLessThan(1000)
  })

  it('verify: accepts one text shared by the rows of a request', () => {
    const frame = sharedFrame(1)
    expect(() => verifyMessage(frame)).not.toThrow()
    expect(decodeMessage(frame)).toMatchObject({ kind: 'infer', meta: { k: ['k'] } })
  })
})

/**
 * A frame written forward: Infer with `count` times the same meta entry, whose texts are `count` times the same text.
 * 0 root · 4 vtable · 12 Message · 24 vtable · 40 Infer · 48 entries → vtable → Meta → texts → text
 */
function sharedFrame(count: number): Uint8Array {
  const vectorBytes = 4 + 4 * count
  const entries = 48
  const table = Math.ceil((entries + vectorBytes) / 4) * 4 + 16
  const texts = table + 12
  const text = texts + vectorBytes
  const frame = new Uint8Array(text + 6)
  const view = new DataView(frame.buffer)
  const vtable = (at: number, ...values: number[]) => {
    for (const [index, value] of values.entries()) view.setUint16(at + 2 * index, value, true)
  }
  const offset = (at: number, target: number) => view.setUint32(at, target - at, true)
  const vector = (at: number, target: number) => {
    view.setUint32(at, count, true)
    for (let index = 0; index < count; index++) offset(at + 4 + 4 * index, target)
  }
  offset(0, 12)
  vtable(4, 8, 12, 8, 4)
  view.setInt32(12, 8, true)
  offset(16, 40)
  frame[20] = 2
  vtable(24, 16, 8, 0, 0, 0, 0, 0, 4)
  view.setInt32(40, 16, true)
  offset(44, entries)
  vector(entries, table)
  vtable(table - 16, 14, 12, 4, 0, 0, 0, 8)
  view.setInt32(table, 16, true)
  offset(table + 4, text)
  offset(table + 8, texts)
  vector(texts, text)
  view.setUint32(text, 1, true)
  frame[text + 4] = 0x6b
  return frame
}

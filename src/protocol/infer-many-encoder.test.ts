import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeMessage, encodeMessage, InferManyEncoder, splitMany, type InferManyMessage } from './codec.js'
import { INFER_MANY_SLOTS } from './infer-many-encoder.js'
import { wireTables } from './generated/wire-tables.js'

function decodeMany(frame: Uint8Array): InferManyMessage {
  const message = decodeMessage(frame.slice())
  if (message.kind !== 'infer-many') throw new Error(`decoded ${message.kind}`)
  return message
}

const bytesOf = (data: ArrayBufferView): Uint8Array => new Uint8Array(data.buffer, data.byteOffset, data.byteLength)

describe('infer-many encoder: many requests a frame', () => {
  it('infer-many encoder: its slots are those of the schema', () => {
    const slots = Object.fromEntries(wireTables.InferMany.map(({ name, slot }) => [name, slot]))
    expect(INFER_MANY_SLOTS).toEqual(slots)
  })

  it('infer-many encoder: lays input after input, and leaves out what all requests have as usual', () => {
    const encoder = new InferManyEncoder(9, 2)
    encoder.add(1, 1, [Float32Array.of(1, 2), Int32Array.of(10)], 0, undefined, undefined)
    encoder.add(2, 1, [Float32Array.of(3, 4), Int32Array.of(20)], 0, 'interactive', false)
    const message = decodeMany(encoder.finish())
    expect(message).toEqual({
      kind: 'infer-many',
      channel: 9,
      requests: Uint32Array.of(1, 2),
      rows: null,
      data: expect.any(Uint8Array) as Uint8Array,
    })
    expect(message.data).toEqual(
      Uint8Array.of(...bytesOf(Float32Array.of(1, 2, 3, 4)), ...bytesOf(Int32Array.of(10, 20))),
    )
    expect(message.data.byteOffset % 8).toBe(0)
  })

  it('infer-many encoder: what one frame carried never shows in the next', () => {
    const encoder = new InferManyEncoder(1, 1)
    encoder.add(1, 3, [new Uint8Array(99).fill(255)], 7, 'background', true)
    expect(decodeMany(encoder.finish())).toMatchObject({
      rows: Uint32Array.of(3),
      deadlinesMs: Uint32Array.of(7),
      priorities: Uint8Array.of(1),
      requestIds: Uint8Array.of(1),
    })
    encoder.add(2, 1, [Uint8Array.of(1, 2, 3)], 0, undefined, undefined)
    const frame = encoder.finish().slice()
    expect(Object.keys(decodeMany(frame)).sort()).toEqual(['channel', 'data', 'kind', 'requests', 'rows'])
    expect(frame.includes(255)).toBe(false)
  })

  it('infer-many encoder: memory that one large frame needed is given back with it', () => {
    const encoder = new InferManyEncoder(1, 2)
    encoder.add(1, 1, [new Uint8Array(2_000_000), new Uint8Array(1_500_000)], 0, undefined, undefined)
    expect(decodeMany(encoder.finish()).data.length).toBe(3_500_000)
    encoder.add(2, 1, [Uint8Array.of(1), Uint8Array.of(2)], 0, undefined, undefined)
    const frame = encoder.finish()
    expect(frame.buffer.byteLength).toBeLessThan(100_000)
    expect(decodeMany(frame).data).toEqual(Uint8Array.of(1, 2))
  })

  it('infer-many encoder: any requests come back as they went, and split into the same Infers, seed 20261201', () => {
    const u32 = fc.integer({ min: 0, max: 0xffff_ffff })
    const request = fc.record({
      id: u32,
      rows: fc.integer({ min: 0, max: 5 }),
      deadlineMs: fc.oneof(fc.constant(0), u32),
      isBackground: fc.boolean(),
      requestId: fc.boolean(),
    })
    const encoder = new InferManyEncoder(5, 2)
    const inputs = [
      { name: 'a', dtype: 'float32', shape: [null, 3] },
      { name: 'b', dtype: 'uint8', shape: [null, 5] },
    ] as const
    let value = 0
    fc.assert(
      fc.property(fc.array(request, { minLength: 1, maxLength: 20 }), (requests) => {
        const infers = requests.map(({ id, rows, deadlineMs, isBackground, requestId }) => {
          const data = [
            Float32Array.from({ length: rows * 3 }, () => value++),
            Uint8Array.from({ length: rows * 5 }, () => value++ & 255),
          ]
          const priority = isBackground ? ('background' as const) : ('interactive' as const)
          encoder.add(id, rows, data, deadlineMs, priority, requestId)
          const all = Uint8Array.of(...data.flatMap((part) => [...bytesOf(part)]))
          const rest = { dims: null, meta: null, texts: null, deadlineMs, priority, requestId }
          return { kind: 'infer', channel: 5, request: id, rows, data: all, ...rest }
        })
        const message = decodeMany(encoder.finish())
        expect(splitMany(message, { inputs, isNonBatching: false })).toEqual(infers)
        expect(decodeMany(encodeMessage(message))).toEqual(message)
      }),
      { seed: 20261201, numRuns: 300 },
    )
  })
})

describe('infer-many: what is refused', () => {
  const message: InferManyMessage = {
    kind: 'infer-many',
    channel: 1,
    requests: [1, 2],
    rows: [1, 2],
    data: new Uint8Array(12),
  }

  it('infer-many: fields of other lengths, no requests and too many rows are no message', () => {
    for (const wrong of [
      { requests: [], rows: [] },
      { rows: [1] },
      { deadlinesMs: [1, 2, 3] },
      { priorities: [0] },
      { requestIds: [1] },
      { rows: [0xffff_ffff, 1] },
    ])
      expect(() => decodeMessage(encodeMessage({ ...message, ...wrong })), JSON.stringify(wrong)).toThrow(
        expect.objectContaining({ code: 'ERR_FRAME' }) as Error,
      )
  })

  it('infer-many: is not split where data and rows disagree, or the inputs have no bytes of a fixed number', () => {
    const split = (name: string, dtype: 'float32' | 'string', shape: (number | null)[]) =>
      splitMany(message, { inputs: [{ name, dtype, shape }], isNonBatching: false })
    expect(split('x', 'float32', [null, 1])).toHaveLength(2)
    const code = (expected: string) => expect.objectContaining({ code: expected }) as Error
    expect(() => split('x', 'float32', [null, 2])).toThrow(code('ERR_SHAPE'))
    expect(() => split('x', 'float32', [null, null])).toThrow(code('ERR_SHAPE'))
    expect(() => split('x', 'string', [null])).toThrow(code('ERR_ARGUMENT'))
    expect(() =>
      splitMany(
        { ...message, priorities: [0, 2] },
        { inputs: [{ name: 'x', dtype: 'float32', shape: [null, 1] }], isNonBatching: false },
      ),
    ).toThrow(code('ERR_ARGUMENT'))
  })
})

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeMessage, InferEncoder, type InferMessage } from './codec.js'

function decodeInfer(frame: Uint8Array): InferMessage {
  const message = decodeMessage(frame)
  if (message.kind !== 'infer') throw new Error(`decoded ${message.kind}`)
  return message
}

describe('infer encoder: the hot frame', () => {
  it('infer encoder: patches request, rows, data, deadline and priority of the same channel', () => {
    const encoder = new InferEncoder(0xffff_ffff)
    const first = decodeInfer(
      encoder.encode(1, 1, [Float32Array.of(1.5)], { deadlineMs: 20, priority: 'background' }).slice(),
    )
    const second = decodeInfer(encoder.encode(0xffff_ffff, 2, [Float32Array.of(1, 2)]))
    expect(first).toMatchObject({
      channel: 0xffff_ffff,
      request: 1,
      rows: 1,
      deadlineMs: 20,
      priority: 'background',
      meta: null,
      dims: null,
    })
    expect(second).toMatchObject({ request: 0xffff_ffff, rows: 2, deadlineMs: 0, priority: 'interactive' })
    expect(new Float32Array(second.data.slice().buffer)).toEqual(Float32Array.of(1, 2))
  })

  it('infer encoder: what one request carried never shows in the next', () => {
    const encoder = new InferEncoder(1)
    encoder.encode(1, 1, [new Uint8Array(100).fill(255)], { dims: [9], meta: { key: 'secret' }, texts: ['secret'] })
    const frame = encoder.encode(2, 1, [Uint8Array.of(1, 2, 3)], { meta: { n: [1] } })
    expect(decodeInfer(frame)).toMatchObject({ request: 2, dims: null, texts: null, meta: { n: [1] } })
    expect(Buffer.from(frame).includes('secret')).toBe(false)
    const plain = encoder.encode(3, 1, [Uint8Array.of(1)])
    expect(decodeInfer(plain)).toMatchObject({ meta: null })
    expect(plain.length).toBe(97)
  })

  it('infer encoder: small frames share one memory, large ones get their own', () => {
    const encoder = new InferEncoder(1)
    const small = encoder.encode(1, 1, [new Uint8Array(10)])
    const large = encoder.encode(2, 1, [new Uint8Array(2_000_000)])
    const again = encoder.encode(3, 1, [new Uint8Array(10)])
    expect(small.buffer).toBe(again.buffer)
    expect(large.buffer).not.toBe(again.buffer)
    expect(decodeInfer(large).data.length).toBe(2_000_000)
  })

  it('infer encoder: tensor bytes start at a multiple of 8', () => {
    const message = decodeInfer(new InferEncoder(1).encode(1, 1, [Uint8Array.of(1)]))
    expect(message.data.byteOffset % 8).toBe(0)
  })

  it('infer encoder: any request comes back as it went, one encoder for all, seed 20261121', () => {
    const encoder = new InferEncoder(5)
    const u32 = fc.integer({ min: 0, max: 0xffff_ffff })
    const text = fc.string({ unit: 'grapheme', maxLength: 12 })
    const part = fc.oneof(
      fc.uint8Array({ maxLength: 40 }),
      fc.float32Array({ maxLength: 20 }),
      fc.float64Array({ maxLength: 20 }),
      fc.bigInt64Array({ maxLength: 9 }),
    )
    const request = fc.record({
      request: u32,
      deadlineMs: u32,
      data: fc.array(part, { maxLength: 4 }),
      dims: fc.option(fc.array(u32, { minLength: 1, maxLength: 5 })),
      texts: fc.option(fc.array(text, { minLength: 1, maxLength: 5 })),
      meta: fc.option(
        fc.dictionary(text, fc.oneof(text, fc.double({ noNaN: true, noDefaultInfinity: true })), {
          minKeys: 1,
          maxKeys: 3,
        }),
      ),
      priority: fc.constantFrom('interactive' as const, 'background' as const),
    })
    fc.assert(
      fc.property(request, ({ request: id, data, ...options }) => {
        const message = decodeInfer(encoder.encode(id, 3, data, options))
        const bytes = Buffer.concat(
          data.map(({ buffer, byteOffset, byteLength }) => Buffer.from(buffer, byteOffset, byteLength)),
        )
        expect(Buffer.from(message.data)).toEqual(bytes)
        expect(message).toMatchObject({
          channel: 5,
          request: id,
          rows: 3,
          deadlineMs: options.deadlineMs,
          priority: options.priority,
          texts: options.texts,
        })
        expect(message.dims === null ? null : Array.from(message.dims)).toEqual(options.dims)
        expect(Object.entries(message.meta ?? {})).toEqual(Object.entries(options.meta ?? {}))
      }),
      { seed: 20_261_121, numRuns: 500 },
    )
  })
})

/** Packed buffers unpack to the size they declare, or are refused; whatever the bytes, nothing is written beyond it. */
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Allowance } from './columns.js'
import { decodeLz4Frame } from './lz4.js'
import { unpackBuffer } from './unpack.js'
import { decodeZstdFrame, nativeDecoder, webAssemblyDecoder } from './zstd.js'

const seed = 20261129
const text = Array.from(
  { length: 2000 },
  (_, index) => `the quick brown fox jumps over the lazy dog, over and over again ${index % 97} times. `,
).join('')
/** `text` by the command-line tools lz4 1.10 and zstd 1.5.7: linked and single blocks, with and without sizes and checksums. */
const frames = JSON.parse(readFileSync(new URL('../../../test/tables/frames.json', import.meta.url), 'utf8')) as Record<
  string,
  string
>
const frame = (name: string): Uint8Array => Buffer.from(frames[name] as string, 'base64')
const webAssembly = await webAssemblyDecoder()

describe('LZ4 frames', () => {
  it.each(['lz4', 'lz4-plain', 'lz4-blocks', 'lz4-sized'])('%s: is what was packed', (name) => {
    const target = new Uint8Array(text.length)
    expect(decodeLz4Frame(frame(name), target)).toBe(true)
    expect(Buffer.from(target).toString()).toBe(text)
  })

  it('another size than the content: is refused', () => {
    expect(decodeLz4Frame(frame('lz4'), new Uint8Array(text.length - 1))).toBe(false)
    expect(decodeLz4Frame(frame('lz4'), new Uint8Array(text.length + 1))).toBe(false)
  })
})

describe('Zstandard frames', () => {
  const decoders = [
    ['WebAssembly', webAssembly] as const,
    ...(nativeDecoder === null ? [] : [['Node', nativeDecoder] as const]),
  ]
  it.each(decoders)('by %s: are what was packed, and of no other size', (_, decoder) => {
    for (const name of ['zstd', 'zstd-streamed']) {
      const target = new Uint8Array(text.length)
      expect(decodeZstdFrame(frame(name), target, decoder)).toBe(true)
      expect(Buffer.from(target).toString()).toBe(text)
      expect(decodeZstdFrame(frame(name), new Uint8Array(100), decoder)).toBe(false)
    }
  })

  it('two frames, or bytes behind one: are refused', () => {
    const twice = Buffer.concat([frame('zstd'), frame('zstd')])
    expect(decodeZstdFrame(twice, new Uint8Array(2 * text.length))).toBe(false)
  })
})

describe('hostile frames', () => {
  it('damaged ones: are refused or unpacked, soon, by either decoder', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...Object.keys(frames)),
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 6 }),
        fc.nat(),
        (name, flips, cut) => {
          const damaged = Uint8Array.from(frame(name))
          for (const [at, value] of flips) damaged[at % damaged.length] = value
          const source = cut % 4 === 0 ? damaged.subarray(0, cut % damaged.length) : damaged
          const target = new Uint8Array(text.length)
          const begun = performance.now()
          decodeLz4Frame(source, target)
          decodeZstdFrame(source, target)
          decodeZstdFrame(source, target, webAssembly)
          expect(performance.now() - begun).toBeLessThan(500)
        },
      ),
      { seed, numRuns: 3000 },
    )
  })

  it('a size beyond what is allowed: is refused before it is allocated', () => {
    const buffer = Buffer.alloc(64)
    buffer.writeBigInt64LE(2n ** 40n)
    for (const codec of ['LZ4', 'ZSTD'] as const)
      expect(() => unpackBuffer(buffer, codec, new Allowance(2 ** 20), 'x')).toThrow(/at most 1048576 bytes/)
  })
})

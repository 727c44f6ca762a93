/**
 * Hostile ONNX files: whatever the bytes, the reader answers soon, with a model or with ERR_MODEL_INVALID, also when every
 * lazy part is asked for. Sound files are cut off, and get bytes flipped, lengths blown up and parts repeated.
 */
import { readdirSync, readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isPenstockError } from '../base/errors.js'
import { nodesOf, readOnnx, tensorsOf } from './index.js'

const seed = 20261129
const folder = new URL('../../test/models/', import.meta.url)
const files = readdirSync(folder)
  .filter((name) => name.endsWith('.onnx'))
  .map((name) => readFileSync(new URL(name, folder)))
  .filter((bytes) => bytes.length < 20_000)

/** Asks for everything. @returns the code of the refusal, or ''. */
function readAll(bytes: Uint8Array): string {
  try {
    const model = readOnnx(bytes)
    for (const node of nodesOf(model)) {
      for (const attribute of node.attributes.values())
        void [attribute.i, attribute.f, attribute.s, attribute.ints, attribute.floats, attribute.strings]
    }
    for (const tensor of tensorsOf(model)) {
      // One refusal must not hide the next.
      try {
        tensor.read()
      } catch (error) {
        if (!isPenstockError(error)) throw error
      }
    }
    return ''
  } catch (error) {
    if (isPenstockError(error)) return error.code
    throw error
  }
}

function expectAllowed(code: string): void {
  if (code !== '' && code !== 'ERR_MODEL_INVALID') throw new Error(`Expected ERR_MODEL_INVALID but received ${code}`)
}

describe('hostile ONNX files', () => {
  it('sound ones are read', () => {
    expect(files.length).toBeGreaterThan(20)
    for (const bytes of files) expect(readAll(bytes)).toBe('')
  })

  it('cut off anywhere: a model or ERR_MODEL_INVALID', () => {
    for (const bytes of files)
      for (let end = 0; end < Math.min(bytes.length, 400); end++) expectAllowed(readAll(bytes.subarray(0, end)))
  })

  it('every byte set to what lengths and tags break on: a model or ERR_MODEL_INVALID', () => {
    let refused = 0
    for (const bytes of files) {
      const damaged = Buffer.from(bytes)
      for (let at = 0; at < Math.min(bytes.length, 200); at++) {
        for (const value of [0x00, 0x7f, 0xff, 0x3a]) {
          damaged[at] = value
          const code = readAll(damaged)
          expectAllowed(code)
          if (code !== '') refused++
        }
        damaged[at] = bytes[at] as number
      }
    }
    expect(refused).toBeGreaterThan(1000)
  })

  it('several bytes changed, removed and repeated: a model or ERR_MODEL_INVALID', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...files),
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 8 }),
        fc.nat(),
        fc.nat(64),
        fc.boolean(),
        (bytes, changes, cut, length, isRepeated) => {
          const start = cut % bytes.length
          const damaged = Buffer.concat([
            bytes.subarray(0, start + (isRepeated ? length : 0)),
            bytes.subarray(start + (isRepeated ? 0 : length)),
          ])
          for (const [at, value] of changes) damaged[at % damaged.length] = value
          expectAllowed(readAll(damaged))
        },
      ),
      { seed, numRuns: 2000 },
    )
  })
})

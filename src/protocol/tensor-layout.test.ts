import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isPenstockError } from '../base/errors.js'
import { allocateData, DTYPES } from '../tensor/dtype.js'
import type { NumericDtype, Tensor, TensorField } from '../tensor/tensor.js'
import { TensorCursor, TensorLayout } from './tensor-layout.js'

const matrix: TensorField = { name: 'x', dtype: 'float32', shape: [null, 2] }
const free: TensorField = { name: 'y', dtype: 'int64', shape: [null, null, 2] }
const text: TensorField = { name: 't', dtype: 'string', shape: [null] }

function bytesOf(parts: readonly ArrayBufferView[]): Uint8Array {
  return new Uint8Array(
    Buffer.concat(parts.map(({ buffer, byteOffset, byteLength }) => Buffer.from(buffer, byteOffset, byteLength))),
  )
}

function errorOf(action: () => unknown): string {
  try {
    action()
    return 'none'
  } catch (error) {
    return isPenstockError(error) ? `${error.code} ${error.message}` : `not ours: ${String(error)}`
  }
}

describe('tensor layout: tensors in a frame', () => {
  it('tensor layout: fixed signatures need neither dims nor texts', () => {
    const layout = new TensorLayout([matrix], false)
    const packed = layout.pack([{ dtype: 'float32', shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) }])
    expect([packed.dims, packed.texts, packed.data.length]).toEqual([null, null, 1])
  })

  it('tensor layout: free dims travel in order over all tensors, the row axis does not', () => {
    const layout = new TensorLayout([free, matrix, free], false)
    const wide: Tensor = { dtype: 'int64', shape: [1, 3, 2], data: new BigInt64Array(6) }
    const flat: Tensor = { dtype: 'int64', shape: [1, 0, 2], data: new BigInt64Array(0) }
    const packed = layout.pack([wide, { dtype: 'float32', shape: [1, 2], data: new Float32Array(2) }, flat])
    expect(packed.dims).toEqual([3, 0])
    expect(layout.unpack(1, bytesOf(packed.data), packed.dims, packed.texts).map(({ shape }) => shape)).toEqual([
      [1, 3, 2],
      [1, 2],
      [1, 0, 2],
    ])
  })

  it('tensor layout: a whole signature sends its first axis too', () => {
    const layout = new TensorLayout([free], true)
    const packed = layout.pack([{ dtype: 'int64', shape: [3, 1, 2], data: new BigInt64Array(6) }])
    expect(packed.dims).toEqual([3, 1])
    expect(layout.unpack(1, bytesOf(packed.data), [3, 1], null)[0]?.shape).toEqual([3, 1, 2])
    const scalar = new TensorLayout([{ name: 's', dtype: 'float64', shape: [] }], true)
    expect(scalar.unpack(1, new Uint8Array(8), null, null)).toEqual([
      { dtype: 'float64', shape: [], data: new Float64Array(1) },
    ])
  })

  it('tensor layout: results are copies, aligned or not, small or large', () => {
    for (const rows of [1, 5, 100]) {
      for (const shift of [0, 1, 4]) {
        const memory = new Uint8Array(rows * 8 + shift)
        const data = memory.subarray(shift)
        const values = Float32Array.from({ length: rows * 2 }, (_, index) => index / 3)
        data.set(new Uint8Array(values.buffer))
        const [tensor] = new TensorLayout([matrix], false).unpack(rows, data, null, null)
        memory.fill(0)
        expect(tensor?.data).toEqual(values)
      }
    }
  })

  it('tensor layout: any signature of any dtypes comes back, seed 20261121', () => {
    const field = fc.record({
      dtype: fc.constantFrom(...DTYPES.map(({ name }) => name)),
      dims: fc.array(fc.record({ size: fc.integer({ min: 0, max: 4 }), isFree: fc.boolean() }), { maxLength: 3 }),
    })
    fc.assert(
      fc.property(
        fc.array(field, { maxLength: 4 }),
        fc.integer({ min: 1, max: 4 }),
        fc.boolean(),
        (specs, rowCount, isNonBatching) => {
          const rows = isNonBatching ? 1 : rowCount
          const rowAxis = isNonBatching ? [] : [null]
          const fields = specs.map(({ dtype, dims }, index): TensorField => {
            return {
              name: `f${index}`,
              dtype,
              shape: [...rowAxis, ...dims.map(({ size, isFree }) => (isFree ? null : size))],
            }
          })
          const tensors = specs.map(({ dtype, dims }, index): Tensor => {
            const shape = [...(isNonBatching ? [] : [rows]), ...dims.map(({ size }) => size)]
            return {
              dtype,
              shape,
              data: filled(
                dtype,
                shape.reduce((product, dim) => product * dim, 1),
                index,
              ),
            }
          })
          const layout = new TensorLayout(fields, isNonBatching)
          const { data, dims, texts } = layout.pack(tensors)
          expect(layout.unpack(rows, bytesOf(data), dims, texts)).toEqual(tensors)
        },
      ),
      { seed: 20_261_121, numRuns: 300 },
    )
  })
})

function filled(dtype: Tensor['dtype'], count: number, seed: number): Tensor['data'] {
  if (dtype === 'string') return Array.from({ length: count }, (_, index) => `${seed}.${index}`)
  const data = allocateData(dtype satisfies NumericDtype, count)
  const bytes = new Uint8Array(data.buffer)
  // Small bytes only: no pattern of them is a NaN, which would not equal itself.
  for (let index = 0; index < bytes.length; index++) bytes[index] = (index * 7 + seed) % 60
  return data
}

describe('tensor layout: what does not add up', () => {
  const layout = new TensorLayout([free, text], false)
  const cases: [string, () => unknown, RegExp][] = [
    [
      'too few bytes',
      () => layout.unpack(1, new Uint8Array(15), [1], ['a']),
      /data to have 16 more bytes but received 15/,
    ],
    [
      'bytes left over',
      () => layout.unpack(1, new Uint8Array(17), [1], ['a']),
      /data to have 16 bytes but received 17/,
    ],
    [
      'missing dims',
      () => layout.unpack(1, new Uint8Array(16), null, ['a']),
      /dims to have as many as the signature has free dims but received 0/,
    ],
    [
      'dims left over',
      () => layout.unpack(1, new Uint8Array(16), [1, 1], ['a']),
      /dims to have 1 elements but received 2/,
    ],
    [
      'missing texts',
      () => layout.unpack(2, new Uint8Array(32), [1], ['a']),
      /texts to have 2 more elements but received 1/,
    ],
    [
      'texts left over',
      () => layout.unpack(1, new Uint8Array(16), [1], ['a', 'b']),
      /texts to have 1 elements but received 2/,
    ],
    [
      'dims whose product overflows',
      () => layout.unpack(0xffff_ffff, new Uint8Array(16), [0xffff_ffff], ['a']),
      /more bytes but received 16/,
    ],
  ]
  for (const [title, action, reason] of cases) {
    it(`tensor layout: refuses ${title}`, () => {
      const message = errorOf(action)
      expect(message).toMatch(/^ERR_FRAME /)
      expect(message).toMatch(reason)
    })
  }

  it('tensor layout: a cursor reads result after result', () => {
    const rows = new TensorLayout([matrix], false)
    const cursor = new TensorCursor(new Uint8Array(Float32Array.of(1, 2, 3, 4, 5, 6).buffer), null, null)
    expect(rows.read(cursor, 1)[0]?.data).toEqual(Float32Array.of(1, 2))
    expect(rows.read(cursor, 2)[0]?.data).toEqual(Float32Array.of(3, 4, 5, 6))
    expect(() => cursor.expectEnd()).not.toThrow()
  })
})

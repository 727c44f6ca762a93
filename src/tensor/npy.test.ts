/** Headers of .npy files as NumPy writes them, C's and Fortran's order, and whatever is no such file. */
import { describe, expect, it } from 'vitest'
import { npyElements, npyHeader, readNpyHeader } from './npy.js'

/** As numpy.lib.format writes it: version, dict, padding to 64 bytes. */
function file(dict: string, data: Uint8Array, version = 1): Buffer {
  const lengthBytes = version === 1 ? 2 : 4
  const length = Math.ceil((8 + lengthBytes + dict.length + 1) / 64) * 64 - 8 - lengthBytes
  const size = Buffer.alloc(lengthBytes)
  if (version === 1) size.writeUInt16LE(length)
  else size.writeUInt32LE(length)
  const head = Buffer.concat([Buffer.from([0x93]), Buffer.from('NUMPY'), Buffer.from([version, 0]), size])
  return Buffer.concat([head, Buffer.from(`${dict.padEnd(length - 1)}\n`), data])
}
const bytesOf = (values: Float32Array | Int16Array): Uint8Array => new Uint8Array(values.buffer)
const dict = (descr: string, order: string, shape: string): string =>
  `{'descr': '${descr}', 'fortran_order': ${order}, 'shape': ${shape}, }`

describe('npy', () => {
  it('reads what NumPy writes, in every version', () => {
    const values = new Float32Array([1, 2, 3, 4, 5, 6])
    for (const version of [1, 2, 3]) {
      const bytes = file(dict('<f4', 'False', '(2, 3)'), bytesOf(values), version)
      const header = readNpyHeader(bytes)
      expect(header).toMatchObject({ dtype: 'float32', shape: [2, 3], isFortran: false })
      expect(Buffer.from(npyElements(bytes, header))).toEqual(Buffer.from(values.buffer))
    }
    expect(readNpyHeader(file(dict('|b1', 'False', '(2,)'), new Uint8Array(2)))).toMatchObject({
      dtype: 'bool',
      shape: [2],
    })
    expect(readNpyHeader(file(dict('<i8', 'False', '()'), new Uint8Array(8))).shape).toEqual([])
  })

  it("turns Fortran's order into C's, of any rank", () => {
    const shape = [2, 3, 4]
    const values = Int16Array.from({ length: 24 }, (_, index) => index)
    const fortran = new Int16Array(24)
    for (let i = 0; i < 2; i++)
      for (let j = 0; j < 3; j++) for (let k = 0; k < 4; k++) fortran[i + 2 * j + 6 * k] = (i * 3 + j) * 4 + k
    const bytes = file(dict('<i2', 'True', '(2, 3, 4)'), bytesOf(fortran))
    expect(readNpyHeader(bytes).shape).toEqual(shape)
    expect(Buffer.from(npyElements(bytes, readNpyHeader(bytes)))).toEqual(Buffer.from(values.buffer))
  })

  it('writes what it reads', () => {
    for (const shape of [[], [3], [3, 1], [2, 3, 4]]) {
      const head = npyHeader('uint8', shape)
      expect(head.length % 64).toBe(0)
      expect(readNpyHeader(head)).toEqual({ dtype: 'uint8', shape, isFortran: false, dataStart: head.length })
    }
    expect(npyHeader('float64', [3]).toString('latin1')).toContain(
      "{'descr': '<f8', 'fortran_order': False, 'shape': (3,), }",
    )
  })

  it.each([
    ['other bytes', Buffer.from('PK\u0003\u0004'), /begins with .x93NUMPY/],
    ['a version to come', file(dict('<f4', 'False', '(1,)'), new Uint8Array(4), 9), /version 9/],
    ['a header cut off', file(dict('<f4', 'False', '(1,)'), new Uint8Array(4)).subarray(0, 30), /a part of one/],
    ['no version', Buffer.from('\u0093NUMPY', 'latin1'), /version 0/],
    ['big-endian numbers', file(dict('>f4', 'False', '(1,)'), new Uint8Array(4)), /astype\("<f4"\)/],
    ['texts', file(dict('<U3', 'False', '(1,)'), new Uint8Array(12)), /"<U3"\. Send texts/],
    ['objects', file(dict('|O', 'False', '(1,)'), new Uint8Array(8)), /"\|O"/],
    [
      'a structure',
      file("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }", new Uint8Array(4)),
      /a structure/,
    ],
    ['no shape', file("{'descr': '<f4', 'fortran_order': False}", new Uint8Array(4)), /fortran_order and shape/],
    ['a negative dim', file(dict('<f4', 'False', '(-1,)'), new Uint8Array(4)), /fortran_order and shape/],
    ['too many dims', file(dict('<f4', 'False', `(${'1, '.repeat(17)})`), new Uint8Array(4)), /at most 16 dims/],
    [
      'too little data',
      file(dict('<f4', 'False', '(2, 3)'), new Uint8Array(20)),
      /of 24 bytes, as its shape says but received 20/,
    ],
    ['too much data', file(dict('<f4', 'False', '(2,)'), new Uint8Array(20)), /of 8 bytes/],
    [
      'a shape beyond memory',
      file(dict('<f4', 'False', '(99999999, 99999999)'), new Uint8Array(4)),
      /at most \d+ elements/,
    ],
  ])('refuses %s', (_, bytes, message) => {
    expect(() => npyElements(bytes, readNpyHeader(bytes))).toThrow(message)
  })
})

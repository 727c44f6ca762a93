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

  it('turns big-endian elements, of every width and in both orders of axes', () => {
    const write = {
      '>i2': (data: DataView, at: number, value: number) => data.setInt16(2 * at, value),
      '>f4': (data: DataView, at: number, value: number) => data.setFloat32(4 * at, value),
      '>f8': (data: DataView, at: number, value: number) => data.setFloat64(8 * at, value),
    }
    const arrays = { '>i2': Int16Array, '>f4': Float32Array, '>f8': Float64Array }
    for (const descr of ['>i2', '>f4', '>f8'] as const) {
      for (const order of ['False', 'True']) {
        const memory = new Uint8Array(6 * arrays[descr].BYTES_PER_ELEMENT)
        const places = order === 'True' ? [0, 2, 4, 1, 3, 5] : [0, 1, 2, 3, 4, 5]
        for (const [value, place] of places.entries()) write[descr](new DataView(memory.buffer), place, value - 300)
        const bytes = file(dict(descr, order, '(2, 3)'), memory)
        const read = Uint8Array.from(npyElements(bytes, readNpyHeader(bytes)))
        expect([...new arrays[descr](read.buffer)]).toEqual([-300, -299, -298, -297, -296, -295])
      }
    }
    const bytes = file(dict('>u1', 'False', '(2,)'), Uint8Array.of(1, 2))
    expect([...npyElements(bytes, readNpyHeader(bytes))]).toEqual([1, 2])
  })

  it('reads the header in any order of keys, with either quotes, and as Python 2 wrote it', () => {
    const text = `{"shape": (2L, 3L), 'fortran_order': False , 'descr': '<i2'}`
    expect(readNpyHeader(file(text, new Uint8Array(12)))).toMatchObject({ dtype: 'int16', shape: [2, 3] })
  })

  it('writes what it reads', () => {
    for (const shape of [[], [3], [3, 1], [2, 3, 4]]) {
      const head = npyHeader('uint8', shape)
      expect(head.length % 64).toBe(0)
      expect(readNpyHeader(head)).toEqual({
        dtype: 'uint8',
        shape,
        isFortran: false,
        isBigEndian: false,
        dataStart: head.length,
      })
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
    ['texts', file(dict('<U3', 'False', '(1,)'), new Uint8Array(12)), /"<U3"\. Send texts/],
    ['objects', file(dict('|O', 'False', '(1,)'), new Uint8Array(8)), /"\|O"/],
    [
      'a structure',
      file("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }", new Uint8Array(4)),
      /a structure/,
    ],
    ['no shape', file("{'descr': '<f4', 'fortran_order': False}", new Uint8Array(4)), /a header \{'descr'/],
    ['a negative dim', file(dict('<f4', 'False', '(-1,)'), new Uint8Array(4)), /a header \{'descr'/],
    ['a number for the shape', file(dict('<f4', 'False', '(3)'), new Uint8Array(12)), /a header \{'descr'/],
    ['dims without a comma', file(dict('<f4', 'False', '(3 4)'), new Uint8Array(12)), /a header \{'descr'/],
    ['a dim of another sort', file(dict('<f4', 'False', '(2, True)'), new Uint8Array(8)), /a header \{'descr'/],
    ['another order', file(dict('<f4', 'None', '(1,)'), new Uint8Array(4)), /a header \{'descr'/],
    [
      'a key twice',
      file("{'descr': '<f4', 'descr': '<f8', 'fortran_order': False, 'shape': (1,), }", new Uint8Array(8)),
      /a header \{'descr'/,
    ],
    [
      'a key that it has not',
      file("{'descr': '<f4', 'fortran_order': False, 'shape': (1,), 'x': 1}", new Uint8Array(4)),
      /a header \{'descr'/,
    ],
    [
      'something behind the header',
      file(`${dict('<f4', 'False', '(1,)')} + 1`, new Uint8Array(4)),
      /a header \{'descr'/,
    ],
    ['keys in a text', file(`"${dict('<f4', 'False', '(1,)')}"`, new Uint8Array(4)), /a header \{'descr'/],
    [
      'a name of an object of JavaScript',
      file(dict('<constructor1', 'False', '(1,)'), new Uint8Array(4)),
      /no|numbers/,
    ],
    ['wide numbers without an order', file(dict('|f4', 'False', '(1,)'), new Uint8Array(4)), /byte order, < or >/],
    [
      'a dim beyond all',
      file(dict('<f4', 'False', '(0, 99999999999999999999)'), new Uint8Array(0)),
      /each dim to be an integer/,
    ],
    [
      'a header longer than any',
      Buffer.from('\u0093NUMPY\u0002\u0000\xff\xff\xff\xff', 'latin1'),
      /at most 4096 bytes/,
    ],
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

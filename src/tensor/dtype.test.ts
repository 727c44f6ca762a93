import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import {
  DTYPES,
  allocateData,
  castData,
  dtypeInfo,
  dtypeOfCode,
  dtypeOfOip,
  dtypeOfOrt,
  isDataOf,
  isDtype,
  isSafeCast,
  viewData,
} from './dtype.js'
import type { Dtype, NumericDtype, TensorData } from './tensor.js'

interface Row {
  name: Dtype
  code: number
  bytes: number
  oip: string
}
const source = JSON.parse(readFileSync(new URL('./dtypes.json', import.meta.url), 'utf8')) as { dtypes: Row[] }
const numeric = DTYPES.map((info) => info.name).filter((name): name is NumericDtype => name !== 'string')

describe('dtype', () => {
  it('has the rows of dtypes.json, found by each of their names', () => {
    expect(DTYPES.map(({ name, code, sizeBytes, oip }) => ({ name, code, bytes: sizeBytes, oip }))).toEqual(
      source.dtypes,
    )
    for (const { name, code, oip } of source.dtypes) {
      expect([dtypeOfCode(code), dtypeOfOip(oip), isDtype(name)]).toEqual([name, name, true])
      expect(dtypeOfOrt(name)).toBe(name === 'bfloat16' ? undefined : name)
    }
    expect([dtypeOfCode(14), dtypeOfOip('toString'), isDtype('__proto__')]).toEqual([undefined, undefined, false])
  })

  it('has carriers whose elements are of the size that the table says', () => {
    for (const name of numeric) {
      const data = allocateData(name, 3)
      expect(data.BYTES_PER_ELEMENT).toBe(dtypeInfo(name).sizeBytes)
      expect(isDataOf(name, data)).toBe(true)
      expect(isDataOf('string', data)).toBe(false)
    }
    expect(viewData('int32', new Int32Array([7, 8, 9]).buffer, 4, 1)).toEqual(new Int32Array([8]))
  })

  it('refuses an unknown dtype by name', () => {
    expect(() => dtypeInfo('float8' as Dtype)).toThrow(/float8/)
  })
})

/** Least and greatest value of each dtype, and one that needs its last bit. */
const extremes: Record<NumericDtype, readonly (number | bigint)[]> = {
  float32: [Math.fround(3.4028234663852886e38), Math.fround(1e-45), Math.fround(0.1)],
  float64: [Number.MAX_VALUE, Number.MIN_VALUE, 0.1],
  float16: [0x7bff, 0x0001, 0x3c01, 0x7c00],
  bfloat16: [0x7f7f, 0x0001, 0x3f81, 0xff80],
  int8: [-128, 127],
  uint8: [0, 255],
  int16: [-32768, 32767],
  uint16: [0, 65535],
  int32: [-(2 ** 31), 2 ** 31 - 1],
  uint32: [0, 2 ** 32 - 1],
  int64: [-(2n ** 63n), 2n ** 63n - 1n],
  uint64: [0n, 2n ** 64n - 1n],
  bool: [0, 1],
}

function decoded(dtype: NumericDtype, data: TensorData): (number | bigint)[] {
  return dtype === 'float16' || dtype === 'bfloat16'
    ? Array.from(castData(data, dtype, 'float64') as Float64Array)
    : Array.from(data as Float64Array)
}

describe('castData', () => {
  it('keeps every extreme value exactly, for each pair it calls safe', () => {
    let pairCount = 0
    for (const from of numeric) {
      const data = allocateData(from, extremes[from].length)
      extremes[from].forEach((value, i) => (data[i] = value as never))
      for (const to of numeric.filter((name) => name !== from && isSafeCast(from, name))) {
        const before = decoded(from, data).map(Number)
        expect(decoded(to, castData(data, from, to)).map(Number), `${from} to ${to}`).toEqual(before)
        pairCount++
      }
    }
    expect(pairCount).toBeGreaterThan(35)
  })

  it('calls no pair safe that loses an extreme value', () => {
    // What a store into the wider dtype would give back; float16 targets are refused as a whole.
    for (const from of numeric.filter((name) => !name.includes('float'))) {
      for (const to of numeric.filter((name) => !name.endsWith('float16') && name !== 'bool')) {
        const target = allocateData(to, 1)
        const isExact = extremes[from].every((value) => {
          if (to.endsWith('64') && to !== 'float64')
            return BigInt.asIntN(64, BigInt(value)) === BigInt(value) ? to !== 'uint64' || value >= 0 : to === 'uint64'
          target[0] = Number(value)
          return BigInt(Math.trunc(Number(target[0]))) === BigInt(value)
        })
        expect(isSafeCast(from, to), `${from} to ${to}`).toBe(isExact)
      }
    }
    expect(isSafeCast('float64', 'float32')).toBe(false)
    expect(isSafeCast('float32', 'int64')).toBe(false)
    expect(isSafeCast('string', 'float32')).toBe(false)
  })

  it('returns the same data for equal dtypes and refuses what could lose', () => {
    const data = new Float32Array([1])
    expect(castData(data, 'float32', 'float32')).toBe(data)
    expect(() => castData(new BigInt64Array(1), 'int64', 'float64')).toThrow(
      expect.objectContaining({ code: 'ERR_DTYPE' }),
    )
  })
})

/**
 * NumPy's file of one array: `\x93NUMPY`, a version, and a header that is a Python literal, {'descr': '<f4',
 * 'fortran_order': False, 'shape': (2, 3), }, padded so that the data behind it is aligned.
 * Format: numpy.org/doc/stable/reference/generated/numpy.lib.format.html, versions 1 to 3.
 *
 * Only numbers and bools, in either byte order: text, structures and Python objects have other forms of bodies. The header is
 * read as the literal that it is, not searched for what it should have: three keys, a tuple of counts, nothing else.
 */
import { PenstockError } from '../base/errors.js'
import { RANK_MAX } from '../base/limits/limits.js'
import { dtypeInfo } from './dtype.js'
import { elementCount } from './shape.js'
import type { NumericDtype } from './tensor.js'

export interface NpyHeader {
  readonly dtype: NumericDtype
  readonly shape: readonly number[]
  /** The first axis varies fastest, as in the values of most data frames. */
  readonly isFortran: boolean
  /** The bytes of an element lie with the highest first; those of one byte have no order. */
  readonly isBigEndian: boolean
  /** Where the elements begin. */
  readonly dataStart: number
}

/** Longest header that is read, whatever the shape: a longer one is not ours. */
export const NPY_HEADER_BYTES_MAX = 4096
const magic = [0x93, ...[...'NUMPY'].map((letter) => letter.charCodeAt(0))]
const alignment = 64

const dtypeByCode: Readonly<Record<string, NumericDtype>> = {
  f2: 'float16',
  f4: 'float32',
  f8: 'float64',
  i1: 'int8',
  i2: 'int16',
  i4: 'int32',
  i8: 'int64',
  u1: 'uint8',
  u2: 'uint16',
  u4: 'uint32',
  u8: 'uint64',
  b1: 'bool',
}

/** @param bytes from the start of the file, NPY_HEADER_BYTES_MAX of them suffice. @throws PenstockError ERR_BODY, ERR_DTYPE, ERR_SHAPE. */
export function readNpyHeader(bytes: Uint8Array): NpyHeader {
  if (!magic.every((byte, index) => bytes[index] === byte))
    throw npyError('that begins with \\x93NUMPY', `${bytes.length} bytes that do not`)
  const [version = 0] = bytes.subarray(6, 7)
  const lengthBytes = version === 1 ? 2 : 4
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const textStart = 8 + lengthBytes
  if (version < 1 || version > 3) throw npyError('of version 1, 2 or 3', `version ${version}`)
  if (bytes.length < textStart) throw npyError('with a whole header', 'a part of one')
  const textLength = version === 1 ? view.getUint16(8, true) : view.getUint32(8, true)
  const dataStart = textStart + textLength
  if (dataStart > Math.min(bytes.length, NPY_HEADER_BYTES_MAX))
    throw npyError(`with a header of at most ${NPY_HEADER_BYTES_MAX} bytes`, 'a longer one, or a part of one')
  const text = Buffer.from(bytes.subarray(textStart, dataStart)).toString('latin1')
  const { descr, isFortran, shape } = readLiteral(text)
  return { ...dtypeOf(descr), shape, isFortran, dataStart }
}

interface Literal {
  readonly descr: string
  readonly isFortran: boolean
  readonly shape: readonly number[]
}

const tokens = {
  descr: /\s*(?:'([^'\\]*)'|"([^"\\]*)")/y,
  fortran_order: /\s*(True|False)\b/y,
  // Python 2 wrote 3L; one dim has a comma behind it, else it is a number in brackets.
  shape: /\s*\(\s*((?:\d+L?\s*,\s*)*(?:\d+L?\s*)?)\)/y,
} as const
type Key = keyof typeof tokens

/** @throws PenstockError ERR_BODY: other keys than the three, each once, or values that are not theirs; ERR_DTYPE: a structure. */
function readLiteral(text: string): Literal {
  let at = 0
  const take = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at
    const found = pattern.exec(text)
    if (found !== null) at = pattern.lastIndex
    return found
  }
  const values = new Map<Key, string>()
  const refused = (): PenstockError => npyError(`with ${headerRule}`, JSON.stringify(text.trimEnd().slice(0, 200)))
  if (take(/\s*\{/y) === null) throw refused()
  while (take(/\s*\}\s*$/y) === null) {
    const [, key = ''] = take(/\s*['"](descr|fortran_order|shape)['"]\s*:/y) ?? []
    if (key === '' || values.has(key as Key)) throw refused()
    if (key === 'descr' && take(/\s*(?=[[(])/y) !== null) throw dtypeError('a structure', wayOutOfTexts)
    const value = take(tokens[key as Key])
    if (value === null) throw refused()
    values.set(key as Key, value[1] ?? value[2] ?? '')
    if (take(/\s*,/y) === null && take(/\s*(?=\})/y) === null) throw refused()
  }
  const [descr, order, dims] = [values.get('descr'), values.get('fortran_order'), values.get('shape')]
  if (descr === undefined || order === undefined || dims === undefined || /^\d+L?\s*$/.test(dims)) throw refused()
  return { descr, isFortran: order === 'True', shape: shapeOf(dims) }
}

const headerRule = "a header {'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }"

/** @throws PenstockError ERR_BODY: too many dims; ERR_SHAPE: a dim, or a product of them, that no tensor has. */
function shapeOf(text: string): number[] {
  const shape = text.split(',').flatMap((dim) => (dim.trim() === '' ? [] : [Number.parseInt(dim.trim(), 10)]))
  if (shape.length > RANK_MAX) throw npyError(`of at most ${RANK_MAX} dims`, `${shape.length} dims`)
  elementCount(shape)
  return shape
}

/** `=` is the order of the machine that wrote the file, and numpy.save writes what that is; no machine of ours is big-endian. */
function dtypeOf(descr: string): Pick<NpyHeader, 'dtype' | 'isBigEndian'> {
  const [, order, code = ''] = /^([<>|=])(\w\d+)$/.exec(descr) ?? []
  const dtype = Object.hasOwn(dtypeByCode, code) ? dtypeByCode[code] : undefined
  if (dtype === undefined) throw dtypeError(JSON.stringify(descr), wayOutOfTexts)
  const isByte = dtypeInfo(dtype).sizeBytes === 1
  if (order === '|' && !isByte) throw dtypeError(JSON.stringify(descr), 'Save it with its byte order, < or >')
  return { dtype, isBigEndian: order === '>' && !isByte }
}

const wayOutOfTexts = 'Send texts and others as JSON or Arrow'

function dtypeError(received: string, wayOut: string): PenstockError {
  return new PenstockError('ERR_DTYPE', `Expected a .npy array of numbers or bools but received ${received}. ${wayOut}`)
}

/**
 * The elements of a whole file, little-endian, the last axis varying fastest.
 * @returns a view of `bytes`, unless the array is in Fortran's order or big-endian. @throws PenstockError ERR_BODY when bytes are missing or left.
 */
export function npyElements(bytes: Uint8Array, header: NpyHeader): Uint8Array {
  const { dtype, shape, isFortran, isBigEndian, dataStart } = header
  const { sizeBytes } = dtypeInfo(dtype)
  const data = bytes.subarray(dataStart)
  const wanted = elementCount(shape) * sizeBytes
  if (data.length !== wanted) throw npyError(`of ${wanted} bytes, as its shape says`, data.length)
  const ordered = isFortran && shape.length > 1 ? reordered(data, shape, sizeBytes) : data
  return isBigEndian ? swapped(ordered, sizeBytes) : ordered
}

/** A copy of big-endian elements with the lowest byte first. @param sizeBytes of an element: 2, 4 or 8. */
export function swapped(data: Uint8Array, sizeBytes: number): Uint8Array {
  const copy = Buffer.from(data)
  if (sizeBytes === 2) return copy.swap16()
  return sizeBytes === 4 ? copy.swap32() : copy.swap64()
}

/** Writes the header for an array in C's order, as numpy.save does. */
export function npyHeader(dtype: NumericDtype, shape: readonly number[]): Buffer {
  const [code] = Object.entries(dtypeByCode).find(([, name]) => name === dtype) ?? []
  if (code === undefined) throw new Error(`Expected a dtype that NumPy has but received ${dtype}`)
  const order = code.endsWith('1') ? '|' : '<'
  const dims = shape.length === 1 ? `${shape[0]},` : shape.join(', ')
  const text = `{'descr': '${order}${code}', 'fortran_order': False, 'shape': (${dims}), }`
  const length = Math.ceil((10 + text.length + 1) / alignment) * alignment - 10
  const head = Buffer.from([...magic, 1, 0, length & 0xff, length >> 8])
  return Buffer.concat([head, Buffer.from(`${text.padEnd(length - 1)}\n`, 'latin1')])
}

/** Whether NumPy has the dtype. */
export function isNpyDtype(dtype: string): dtype is NumericDtype {
  return Object.values(dtypeByCode).includes(dtype as NumericDtype)
}

function reordered(data: Uint8Array, shape: readonly number[], sizeBytes: number): Uint8Array {
  const result = new Uint8Array(data.length)
  const strides: number[] = []
  let stride = sizeBytes
  for (const dim of shape) {
    strides.push(stride)
    stride *= dim
  }
  const index = new Array<number>(shape.length).fill(0)
  let from = 0
  for (let to = 0; to < result.length; to += sizeBytes) {
    for (let byte = 0; byte < sizeBytes; byte++) result[to + byte] = data[from + byte] as number
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      from += strides[axis] as number
      index[axis] = (index[axis] as number) + 1
      if ((index[axis] as number) < (shape[axis] as number)) break
      from -= (strides[axis] as number) * (shape[axis] as number)
      index[axis] = 0
    }
  }
  return result
}

function npyError(rule: string, received: unknown): PenstockError {
  return new PenstockError('ERR_BODY', `Expected a .npy array ${rule} but received ${String(received)}`)
}

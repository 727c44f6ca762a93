/**
 * A .npy file, cut between its rows into bodies that are .npy arrays again. An array in Fortran's order has its rows
 * spread over the whole file: it is read whole.
 */
import { open } from 'node:fs/promises'
import { PenstockError } from '../base/errors.js'
import { NPY_FORTRAN_BYTES_MAX } from '../base/limits/limits.js'
import { dtypeInfo } from '../tensor/dtype.js'
import { NPY_HEADER_BYTES_MAX, npyElements, npyHeader, readNpyHeader, swapped } from '../tensor/npy.js'
import { elementCount } from '../tensor/shape.js'
import type { Chunk, ChunkSizes } from './chunk.js'

const contentType = 'application/x-npy'

/** @throws PenstockError ERR_BODY, ERR_DTYPE; what reading the file throws. */
export async function* npyChunks(path: string, { rowsMax, bytesMax }: ChunkSizes): AsyncGenerator<Chunk> {
  const file = await open(path, 'r')
  try {
    const { size } = await file.stat()
    const read = async (start: number, length: number): Promise<Buffer> => {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, start)
      return buffer.subarray(0, bytesRead)
    }
    const header = readNpyHeader(await read(0, Math.min(size, NPY_HEADER_BYTES_MAX)))
    const { dtype, shape, isFortran, isBigEndian, dataStart } = header
    const wanted = dataStart + elementCount(shape) * dtypeInfo(dtype).sizeBytes
    if (size !== wanted)
      throw new PenstockError('ERR_BODY', `Expected ${path} to have ${wanted} bytes but it has ${size}`)
    if (isFortran && size > NPY_FORTRAN_BYTES_MAX)
      throw new PenstockError(
        'ERR_BODY',
        `Expected ${path} to be in C's order, or of at most ${NPY_FORTRAN_BYTES_MAX} bytes, but it has ${size}. Save numpy.ascontiguousarray(array)`,
      )
    const whole = isFortran ? npyElements(await read(0, size), header) : null
    const [rows = 1, ...rest] = shape
    const rowBytes = Math.max(1, elementCount(rest) * dtypeInfo(dtype).sizeBytes)
    const step = Math.max(1, Math.min(rowsMax, Math.floor(bytesMax / rowBytes)))
    for (let row = 0; row < rows; row += step) {
      const count = Math.min(step, rows - row)
      const [start, length] = [row * rowBytes, count * rowBytes]
      const part = whole?.subarray(start, start + length) ?? (await read(dataStart + start, length))
      const data = isBigEndian && whole === null ? swapped(part, dtypeInfo(dtype).sizeBytes) : part
      const head = npyHeader(dtype, shape.length === 0 ? [] : [count, ...rest])
      yield { rows: count, contentType, body: Buffer.concat([head, data]), bytesRead: dataStart + start + length }
    }
  } finally {
    await file.close().catch(() => undefined)
  }
}

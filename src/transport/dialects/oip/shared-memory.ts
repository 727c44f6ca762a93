/**
 * The system shared memory extension: tensors that lie in POSIX shared memory of this machine, which on Linux are files
 * of /dev/shm. They are read and written with pread and pwrite, which see what other processes have mapped; one copy more
 * than a mapping, and no address of ours that a client could pull away by truncating its file.
 *
 * Off unless the operator allows it: whoever may call could otherwise read what other programs of this user keep there.
 */
import { closeSync, constants, fstatSync, openSync, readSync, writeSync } from 'node:fs'
import type { PenstockError } from '../../../base/errors.js'
import { SHARED_REGIONS_MAX } from '../../../base/limits/limits.js'
import { badRequest, notSupported } from './failures.js'

const directory = '/dev/shm'

export interface Region {
  readonly name: string
  readonly key: string
  readonly offset: number
  readonly byteSize: number
}

/** Where a tensor lies. */
export interface RegionPlace {
  readonly region: string
  readonly offset: number
  readonly byteSize: number
}

/** Parameters that say nothing without `shared_memory_region`. */
export const placeParameters = ['shared_memory_byte_size', 'shared_memory_offset'] as const

export class SharedMemory {
  readonly isAllowed: boolean
  readonly #regions = new Map<string, Region & { readonly file: number }>()

  constructor(isAllowed: boolean) {
    this.isAllowed = isAllowed
  }

  /** @throws PenstockError ERR_UNSUPPORTED, ERR_ARGUMENT. */
  register(region: Region): void {
    this.#expectAllowed()
    const { name, key, offset, byteSize } = region
    if (this.#regions.has(name)) throw badRequest(`shared memory region '${name}' already in manager`)
    if (this.#regions.size >= SHARED_REGIONS_MAX)
      throw badRequest(`at most ${SHARED_REGIONS_MAX} shared memory regions`)
    if (!/^\/?[^/\0]{1,255}$/.test(key) || /^\/?\.\.?$/.test(key))
      throw badRequest(`Unable to open shared memory region: '${key.slice(0, 200)}'`)
    const file = openRegion(key)
    if (fstatSync(file).size < offset + byteSize) {
      closeSync(file)
      throw badRequest(`failed to register shared memory region '${name}': invalid args`)
    }
    this.#regions.set(name, { ...region, file })
  }

  /** Without a name: all of them. Unknown ones are no error. */
  unregister(name: string): void {
    for (const region of name === '' ? [...this.#regions.values()] : [this.#regions.get(name)]) {
      if (region === undefined) continue
      this.#regions.delete(region.name)
      closeSync(region.file)
    }
  }

  /** @throws PenstockError ERR_ARGUMENT for a name that is not registered. */
  status(name: string): Region[] {
    if (name === '') return [...this.#regions.values()]
    return [this.#find(name)]
  }

  /** @throws PenstockError ERR_UNSUPPORTED, ERR_ARGUMENT. */
  read(place: RegionPlace): Buffer {
    const { file, start } = this.#locate(place)
    const bytes = Buffer.allocUnsafe(place.byteSize)
    let read = 0
    while (read < bytes.length) {
      const count = readSync(file, bytes, read, bytes.length - read, start + read)
      // The client has cut its file since.
      if (count === 0) throw badRequest(`shared memory region '${place.region}' ended before the tensor`)
      read += count
    }
    return bytes
  }

  /** @throws PenstockError ERR_ARGUMENT when the place is too small. */
  write(place: RegionPlace, bytes: Uint8Array, output: string): void {
    if (bytes.length > place.byteSize)
      throw badRequest(
        `shared memory size specified with the request for output '${output}' (${place.byteSize} bytes) should be at least ${bytes.length} bytes to hold the results`,
      )
    const { file, start } = this.#locate(place)
    let written = 0
    while (written < bytes.length) written += writeSync(file, bytes, written, bytes.length - written, start + written)
  }

  close(): void {
    this.unregister('')
  }

  #locate({ region: name, offset, byteSize }: RegionPlace): { file: number; start: number } {
    this.#expectAllowed()
    const region = this.#find(name)
    if (offset + byteSize > region.byteSize)
      throw badRequest(`Invalid offset + byte size for shared memory region: '${name}'`)
    return { file: region.file, start: region.offset + offset }
  }

  #find(name: string): Region & { readonly file: number } {
    const region = this.#regions.get(name)
    if (region === undefined) throw badRequest(`Unable to find system shared memory region: '${name.slice(0, 200)}'`)
    return region
  }

  #expectAllowed(): void {
    if (!this.isAllowed) throw notAllowed()
  }
}

export function notAllowed(): PenstockError {
  return notSupported('shared memory is off on this server. Start it with --allow-client-shm')
}

function openRegion(key: string): number {
  try {
    return openSync(`${directory}/${key.replace(/^\//, '')}`, constants.O_RDWR | constants.O_NOFOLLOW)
  } catch {
    throw badRequest(`Unable to open shared memory region: '${key}'`)
  }
}

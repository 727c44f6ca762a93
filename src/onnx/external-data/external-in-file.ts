/**
 * Whether a stored model has data in other files, found without reading its weights: what was added is free of them, but
 * a file may reach the store another way, and ONNX Runtime opens whatever lies beside the model or in the process's
 * working folder under the name that a tensor gives.
 *
 *   model ─ graph ─┬─ node ─ attribute ─ tensor, graph …     messages of interest are entered
 *                  └─ tensor ─ data_location 1 = EXTERNAL    all else, weights first, is stepped over
 *
 * Reads windows of the file and holds one. Refuses what it cannot follow: ONNX Runtime's reader may see more in it.
 */
import { open } from 'node:fs/promises'
import { messageKinds, type MessageKind } from '../edit.js'

/** What stands in the way of opening the file; '' when nothing does. */
export type Obstacle = '' | 'external' | 'malformed'

/** Reads at `position` until `target` is full or the file ends. @returns the number of bytes. */
type Read = (target: Uint8Array, position: number) => Promise<number>

const WINDOW_BYTES = 64 * 1024
/** A tag and a length, or a tag and a varint. */
const HEAD_BYTES_MAX = 20
/** Messages inside each other. */
const DEPTH_MAX = 200
const DATA_LOCATION = 14

/** @throws what the file system says when the file cannot be read. */
export async function obstacleInFile(path: string): Promise<Obstacle> {
  const file = await open(path)
  try {
    const { size } = await file.stat()
    return await findObstacle(
      size,
      async (target, position) => (await file.read(target, 0, target.length, position)).bytesRead,
    )
  } finally {
    await file.close()
  }
}

/** @param bytes lent until it returns. */
export function obstacleInBytes(bytes: Uint8Array): Promise<Obstacle> {
  return findObstacle(bytes.length, (target, position) => {
    const part = bytes.subarray(position, position + target.length)
    target.set(part)
    return Promise.resolve(part.length)
  })
}

async function findObstacle(size: number, read: Read): Promise<Obstacle> {
  const window = new Window(size, read)
  const open: { readonly kind: MessageKind; readonly end: number }[] = [{ kind: 'model', end: size }]
  for (let top = open.at(-1); top !== undefined; top = open.at(-1)) {
    const { kind, end } = top
    if (window.position === end) {
      open.pop()
      continue
    }
    if (!window.holds(HEAD_BYTES_MAX)) await window.fill()
    const tag = window.varint()
    const [field, wireType] = [Math.floor(tag / 8), tag % 8]
    const value = wireType === 0 || wireType === 2 ? window.varint() : 0
    if (kind === 'tensor' && field === DATA_LOCATION && value !== 0) return 'external'
    const inside = messageKinds[kind][field]
    if (wireType === 2 && inside !== undefined) open.push({ kind: inside, end: window.position + value })
    else if (wireType === 2) window.position += value
    else if (wireType === 1) window.position += 8
    else if (wireType === 5) window.position += 4
    else if (wireType !== 0) return 'malformed'
    const isInside = window.position <= end && (open.at(-1)?.end ?? end) <= end
    if (!isInside || Number.isNaN(window.position) || field < 1 || open.length > DEPTH_MAX) return 'malformed'
  }
  return ''
}

class Window {
  position = 0
  readonly #size: number
  readonly #read: Read
  readonly #bytes = new Uint8Array(WINDOW_BYTES)
  #start = 0
  #length = 0

  constructor(size: number, read: Read) {
    this.#size = size
    this.#read = read
  }

  /** Whether the next `count` bytes are here, or all there are. */
  holds(count: number): boolean {
    const end = this.#start + this.#length
    return this.position >= this.#start && (this.position + count <= end || (end === this.#size && this.position < end))
  }

  async fill(): Promise<void> {
    this.#start = this.position
    this.#length = await this.#read(this.#bytes, this.position)
  }

  /** NaN where it does not end. */
  varint(): number {
    let value = 0
    for (let scale = 1, count = 0; count < 10; count++, scale *= 128) {
      const index = this.position - this.#start
      if (index >= this.#length) return (this.position = NaN)
      const byte = this.#bytes[index] as number
      this.position++
      value += (byte & 0x7f) * scale
      if (byte < 0x80) return value
    }
    return (this.position = NaN)
  }
}

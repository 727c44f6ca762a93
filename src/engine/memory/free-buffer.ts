/**
 * Gives memory back that V8's collector would give back some time: of bodies and answers that are done with, many
 * megabytes behind objects that look small to it. What is freed goes back to the system a moment after the last of it.
 */
import { addon } from '../../../bindings/native.js'
import { releaseFreeMemorySoon } from '../../worker/free-memory.js'

/** Below it the collector is cheaper than the call. */
const bytesMin = 64 * 1024
/** Freed since the system was last given any: less is soon used again. */
const returnedBytesMin = 8 * 1024 * 1024
let freedBytes = 0

/** @param view of memory of its own that nothing refers to any more: every view of it is empty afterwards. */
export function freeMemory({ buffer }: ArrayBufferView): void {
  if (buffer.byteLength < bytesMin || !(buffer instanceof ArrayBuffer)) return
  freedBytes += buffer.byteLength
  addon.detachBuffer(buffer)
  if (freedBytes < returnedBytesMin) return
  freedBytes = 0
  releaseFreeMemorySoon()
}

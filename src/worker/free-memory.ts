/**
 * Returns to the system what loading, trying out, measuring and unloading models has freed.
 *
 * The C library keeps freed memory in one arena a thread, for good: a dozen promotions of a 20 MB forest held 4.8 GB.
 * So code that has just worked on a model says so here, and once none has for a moment, all arenas are trimmed, on a
 * thread of libuv's pool; then again, a little later, for V8's collector frees uploads and tensors when it likes. The
 * process has one heap, hence one schedule for all engines. Never on the request path: the next run would only fault
 * the memory in again. The free end of an arena is beyond what can be trimmed: there mallopt's thresholds help, which a
 * server sets for its own process (keepLittleFreeMemory), and which a program that embeds the engine keeps as they are.
 * Rejected: fewer arenas, which leaves the holes and adds contention.
 *
 * Thread: that of the engines; worker threads have no part in it.
 */
import { addon } from '../../bindings/native.js'
import {
  FREE_MEMORY_QUIET_MS,
  FREE_MEMORY_REPEAT_MS,
  FREE_MEMORY_RETURNS_MAX,
  FREE_MEMORY_WAIT_MS_MAX,
} from '../base/limits/limits.js'

let isServersOwn = false
let timer: NodeJS.Timeout | undefined
/** When the burst of work under way began. */
let burstStartUs = 0
/** Returns since the last work. */
let returns = 0

/** Memory was freed; later calls postpone the release, up to FREE_MEMORY_WAIT_MS_MAX after the first. */
export function releaseFreeMemorySoon(): void {
  const nowUs = addon.nowUs()
  if (timer === undefined || returns > 0) burstStartUs = nowUs
  else if (nowUs - burstStartUs > FREE_MEMORY_WAIT_MS_MAX * 1000) return
  returns = 0
  schedule(FREE_MEMORY_QUIET_MS)
}

function schedule(delayMs: number): void {
  clearTimeout(timer)
  // A program that is done with its engines ends without it.
  timer = setTimeout(release, delayMs).unref()
}

function release(): void {
  returns++
  timer = undefined
  void addon.releaseFreeMemory()
  if (returns < FREE_MEMORY_RETURNS_MAX) schedule(FREE_MEMORY_REPEAT_MS)
}

/**
 * For a process that is a server and nothing else, once at its start: of thirty promotions of a 20 MB model it holds
 * 1.08 times what two cost, and 1.43 times without. A program that embeds the engine keeps its allocator's ways.
 */
export function keepLittleFreeMemory(): void {
  addon.keepLittleFreeMemory()
  isServersOwn = true
}

/** Whether the process serves only a server, so that nothing else is held up when its garbage is collected. */
export function isProcessOfServer(): boolean {
  return isServersOwn
}

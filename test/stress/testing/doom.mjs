/**
 * Preloaded (`--import`) into every thread of a server child: when the shared cell is set, the next run of a model ends
 * its thread as a crash would, after the batch was taken and before it is completed. The product knows nothing of it.
 */
import { createRequire } from 'node:module'
import { getEnvironmentData, isMainThread } from 'node:worker_threads'

const cell = isMainThread ? undefined : getEnvironmentData('doom')
if (cell !== undefined) {
  const doom = new Int32Array(cell)
  // The same object that the worker imports: a .node file is loaded once an isolate.
  const addon = createRequire(import.meta.url)('../../../build/Release/penstock.node')
  const { runBatch } = addon
  addon.runBatch = function doomedRun(...parameters) {
    if (Atomics.compareExchange(doom, 0, 1, 0) === 1) process.exit(1)
    return runBatch(...parameters)
  }
}

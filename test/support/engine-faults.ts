/**
 * Faults that suites cause on purpose, below the engine's public API.
 */
import { addon } from '../../bindings/native.js'

/** The runtime of the engine that was opened last in this process. */
export function newestRuntime(): number {
  // Runtimes are numbered in order.
  const next = addon.createRuntime(true, 0, 2 ** 30)
  addon.closeRuntime(next)
  return next - 1
}

/**
 * Ends a worker by a job that is none: the exception ends its task, as a bug of its own would. Terminating the thread
 * would do, too, but ONNX Runtime's binding aborts the process when that happens inside a run.
 */
export function loseWorker(runtime: number, index: number): void {
  const port = addon.openPort(runtime, () => undefined, 1)
  addon.postJob(port, index, 1, Uint8Array.of(1, 2, 3))
  addon.closePort(port)
}

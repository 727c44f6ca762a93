/**
 * The end of a process that still has inference running. process.exit joins the worker threads first: it would wait for
 * a run of any length, and a worker that comes back to an isolate that is gone aborts the process.
 */
import { addon } from '../../bindings/native.js'

/** Ends the process at once; whatever has to be flushed or closed was so before. @param code 0..255. */
export function exitNow(code: number): never {
  return addon.exitNow(code)
}

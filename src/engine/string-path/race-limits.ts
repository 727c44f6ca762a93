/** What a caller waits for, unless its deadline or its signal comes first. */
import { onAbort } from '../../base/abort.js'
import { PenstockError } from '../../base/errors.js'
import type { CancelSignal } from '../api/api.js'
import { abortedError } from '../requests/failures.js'

const timerMsMax = 2 ** 31 - 1

/**
 * The caller's promise.
 * @param deadlineMs from now; 0: none.
 * @param stopper is aborted with the error that the caller gets, when a limit comes first or the work fails.
 */
export async function raceLimits<T>(
  done: Promise<T>,
  deadlineMs: number,
  signal: CancelSignal | undefined,
  stopper: AbortController,
): Promise<T> {
  if (deadlineMs === 0 && signal === undefined) return done
  let timer: NodeJS.Timeout | undefined
  let detach: (() => void) | undefined
  const limit = new Promise<never>((_resolve, reject) => {
    // A longer one is none: a timer of Node would run out at once.
    if (deadlineMs > 0 && deadlineMs <= timerMsMax) {
      timer = setTimeout(
        () => reject(new PenstockError('ERR_DEADLINE_EXCEEDED', 'The deadline passed before the answer was ready')),
        deadlineMs,
      )
    }
    if (signal !== undefined) detach = onAbort(signal, () => reject(abortedError(signal)))
  })
  try {
    return await Promise.race([done, limit])
  } catch (error) {
    stopper.abort(error)
    // Its end is nobody's business any more; the work still counts itself out.
    done.catch(() => undefined)
    throw error
  } finally {
    clearTimeout(timer)
    detach?.()
  }
}

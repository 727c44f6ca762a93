/**
 * The process of one query: it gets its task as the first message, answers with one, and ends. DuckDB is native code that
 * runs what a caller wrote: apart from the server, its memory can be taken back and a fault of it ends nobody else.
 */
import { setPriority } from 'node:os'
import { isPenstockError, toPenstockError } from '../../base/errors.js'
import type { FlowReply } from '../flow-tasks.js'
import { storageFailure } from '../storage-failure.js'
import { runSql, type SqlTask } from './sql.js'

/** Behind the requests; as the flow threads that read. */
const niceness = 5

process.once('message', (task: SqlTask) => {
  void answer(task).then((reply) => process.send?.(reply, () => process.disconnect()))
})
// Who asked is gone.
process.once('disconnect', () => process.kill(process.pid, 'SIGKILL'))

async function answer(task: SqlTask): Promise<FlowReply> {
  try {
    setPriority(niceness)
    return { isDone: true, value: await runSql(task) }
  } catch (thrown) {
    const error = toPenstockError(isPenstockError(thrown) ? thrown : storageFailure(thrown))
    const cause = error.cause instanceof Error ? error.cause : error
    return { isDone: false, code: error.code, message: error.message, stack: cause.stack ?? String(cause) }
  }
}

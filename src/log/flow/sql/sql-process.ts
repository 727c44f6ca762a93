/**
 * The process of one query: it opens a database at once, gets its task as the first message, answers with one, and ends.
 * DuckDB is native code that runs what a caller wrote: apart from the server, its memory can be taken back and a fault of
 * it ends nobody else.
 */
import { writeFileSync } from 'node:fs'
import { setPriority } from 'node:os'
import { isPenstockError, toPenstockError } from '../../../base/errors.js'
import type { FlowReply } from '../../flow-reply.js'
import { storageFailure } from '../../storage-failure.js'
import { openDatabase, runSql, type SqlTask } from './sql.js'

/** Behind the requests; as the flow threads that read. */
const niceness = 5

yieldToOthers()
// As `ps` shows it.
process.title = 'penstock query: ready'
const database = openDatabase()
// Comes with the query.
database.catch(() => undefined)
process.once('message', (task: SqlTask) => {
  process.title = 'penstock query: running'
  void answer(task).then((reply) => process.send?.(reply, () => process.disconnect()))
})
// The caller is gone.
process.once('disconnect', () => process.kill(process.pid, 'SIGKILL'))

async function answer(task: SqlTask): Promise<FlowReply> {
  try {
    return { isDone: true, value: await runSql(task, database) }
  } catch (thrown) {
    const error = toPenstockError(isPenstockError(thrown) ? thrown : storageFailure(thrown))
    const cause = error.cause instanceof Error ? error.cause : error
    return { isDone: false, code: error.code, message: error.message, stack: cause.stack ?? String(cause) }
  }
}

/** Puts this process last for processor time, and first for a kernel that must end one for its memory. Only Linux knows both. */
function yieldToOthers(): void {
  try {
    setPriority(niceness)
    writeFileSync('/proc/self/oom_score_adj', '1000')
  } catch {
    // Not allowed here: it runs as the others do.
  }
}

/** Runs a query in a process of its own, which is gone when it settles, or on its way out with the answer given. */
import { PenstockError } from '../../../base/errors.js'
import type { LogSqlResult } from '../../../engine/api/logs.js'
import type { FlowReply } from '../../flow-reply.js'
import { keepSpare, takeProcess } from './query-process.js'
import type { SqlTask } from './sql.js'

/**
 * @param signal ends the query, and its reason is thrown; null: nobody does. Its time is not looked at here.
 * @throws PenstockError ERR_ARGUMENT, ERR_QUERY_MEMORY, ERR_QUERY_FAILED.
 */
export async function runSqlApart(task: SqlTask, signal: AbortSignal | null): Promise<LogSqlResult> {
  const process = takeProcess()
  try {
    const reply = await process.answer(task, signal)
    void process.end()
    return resultOf(reply)
  } catch (error) {
    await process.end()
    throw error
  } finally {
    // Behind the answer.
    setImmediate(keepSpare)
  }
}

function resultOf(reply: FlowReply): LogSqlResult {
  if (reply.isDone) return reply.value as LogSqlResult
  throw new PenstockError(reply.code, reply.message, {
    cause: Object.assign(new Error(reply.message), { stack: reply.stack }),
  })
}

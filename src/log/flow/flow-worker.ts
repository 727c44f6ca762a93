/**
 * The thread on which the log is read, compacted and queried: the only one that loads Arrow's reader and parquet-wasm
 * for it, each when a task first needs it; DuckDB has processes of its own. It runs below the threads that serve: the
 * kernel gives it what they leave. (Linux has a nice value per thread; elsewhere the call may fail, which costs nothing
 * but the courtesy.)
 */
import { setPriority } from 'node:os'
import { workerData } from 'node:worker_threads'
import { isPenstockError, toPenstockError } from '../../base/errors.js'
import { storageFailure } from '../storage-failure.js'
import type { FlowReply } from '../flow-reply.js'
import type { FlowTask, FlowThreadData } from './flow-tasks.js'

lowerPriority()

export default async function run(flowTask: FlowTask): Promise<FlowReply> {
  try {
    return { isDone: true, value: await perform(flowTask) }
  } catch (thrown) {
    const error = toPenstockError(isPenstockError(thrown) ? thrown : storageFailure(thrown))
    const cause = error.cause instanceof Error ? error.cause : error
    return { isDone: false, code: error.code, message: error.message, stack: cause.stack ?? String(cause) }
  }
}

async function perform(flowTask: FlowTask): Promise<unknown> {
  switch (flowTask.kind) {
    case 'page': {
      const { readPage } = await import('./read-page.js')
      return readPage(flowTask.task)
    }
    case 'export': {
      const { exportLogs } = await import('./export-logs.js')
      const { progress } = flowTask
      try {
        return await exportLogs(flowTask.task, (state) => progress?.postMessage(state))
      } finally {
        progress?.close()
      }
    }
    case 'sql': {
      const { runSqlApart } = await import('./sql/run-sql.js')
      const { task, cancel } = flowTask
      const ending = new AbortController()
      cancel.once('message', () => ending.abort())
      try {
        return await runSqlApart(task, ending.signal)
      } finally {
        cancel.close()
      }
    }
    case 'sql-ready': {
      const { keepSpare } = await import('./sql/query-process.js')
      return keepSpare()
    }
    case 'sql-end': {
      const { endSpare } = await import('./sql/query-process.js')
      return endSpare()
    }
    case 'repair': {
      const { repairSegment } = await import('./compaction/repair.js')
      return repairSegment(flowTask.path, flowTask.seq)
    }
    case 'compact': {
      const { compactSegment } = await import('./compaction/compact.js')
      return compactSegment(flowTask.path)
    }
  }
}

function lowerPriority(): void {
  const { niceness } = workerData as FlowThreadData
  try {
    setPriority(niceness)
  } catch {
    // Not allowed here: the thread runs as the others do.
  }
}

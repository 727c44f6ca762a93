/**
 * Runs a query in a process of its own and watches it: when its time is over, or it has become larger than the query may
 * make it, it is killed. (DuckDB can be interrupted, but not inside every function; and its memory limit does not count
 * everything.)
 */
import { fork, type ChildProcess } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { PenstockError } from '../../base/errors.js'
import { LOG_SQL_PROCESS_BYTES } from '../../base/limits.js'
import { threadFile } from '../../base/thread-file.js'
import type { LogSqlResult } from '../../engine/log-api.js'
import type { FlowReply } from '../flow-tasks.js'
import type { SqlTask } from './sql.js'

const watchMs = 20
const pageBytes = 4096

/** @throws PenstockError ERR_ARGUMENT, ERR_DEADLINE_EXCEEDED, ERR_QUERY_MEMORY. */
export async function runSqlApart(task: SqlTask): Promise<LogSqlResult> {
  const child = fork(threadFile(new URL('./sql-process.js', import.meta.url)), [], {
    serialization: 'advanced',
    // Its environment holds nothing that a query may need; heap snapshots and debuggers of the parent are not for it.
    env: { PATH: process.env['PATH'] ?? '', TZ: 'UTC' },
    execArgv: [],
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  })
  try {
    return resultOf(await watched(child, task))
  } finally {
    child.kill('SIGKILL')
  }
}

function watched(child: ChildProcess, task: SqlTask): Promise<FlowReply> {
  return new Promise((resolve, reject) => {
    const bytesMax = task.memoryBytesMax + LOG_SQL_PROCESS_BYTES
    const late = setTimeout(() => {
      fail('ERR_DEADLINE_EXCEEDED', `The query took longer than ${task.timeoutMs} ms. Narrow it, or allow it more time`)
    }, task.timeoutMs)
    const watch = setInterval(() => {
      if (residentBytes(child.pid) > bytesMax)
        fail(
          'ERR_QUERY_MEMORY',
          `The query uses more than ${task.memoryBytesMax} bytes. Read fewer rows or columns, or aggregate them`,
        )
    }, watchMs)
    const end = (): void => {
      clearTimeout(late)
      clearInterval(watch)
    }
    const fail = (code: 'ERR_DEADLINE_EXCEEDED' | 'ERR_QUERY_MEMORY' | 'ERR_INTERNAL', sentence: string): void => {
      end()
      reject(new PenstockError(code, code === 'ERR_INTERNAL' ? '' : sentence, { cause: new Error(sentence) }))
    }
    child.once('message', (reply: FlowReply) => {
      end()
      resolve(reply)
    })
    child.once('error', (error) => fail('ERR_INTERNAL', `The process of the query failed: ${error.message}`))
    child.once('exit', (code, signal) => fail('ERR_INTERNAL', `The process of the query ended with ${signal ?? code}`))
    child.send(task)
  })
}

function resultOf(reply: FlowReply): LogSqlResult {
  if (reply.isDone) return reply.value as LogSqlResult
  throw new PenstockError(reply.code, reply.message, {
    cause: Object.assign(new Error(reply.message), { stack: reply.stack }),
  })
}

/** 0 where the system does not tell. */
function residentBytes(pid: number | undefined): number {
  try {
    return Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) * pageBytes
  } catch {
    return 0
  }
}

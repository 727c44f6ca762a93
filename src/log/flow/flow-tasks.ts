/** What the store sends to its flow threads: plain data, since classes do not survive the way. */
import type { MessagePort } from 'node:worker_threads'
import type { ExportTask } from './export-logs.js'
import type { PageTask } from './read-page.js'
import type { SqlTask } from './sql/sql.js'

export type FlowTask =
  | { readonly kind: 'page'; readonly task: PageTask }
  | { readonly kind: 'export'; readonly task: ExportTask; readonly progress: MessagePort | null }
  /** Ended early by a message on `cancel`. */
  | { readonly kind: 'sql'; readonly task: SqlTask; readonly cancel: MessagePort }
  /** Starts a process that waits for the first query. */
  | { readonly kind: 'sql-ready' }
  /** Leaves no process that waits for the next query. */
  | { readonly kind: 'sql-end' }
  | { readonly kind: 'repair'; readonly path: string; readonly seq: number }
  | { readonly kind: 'compact'; readonly path: string }

/** What a flow thread is given at its start. */
export interface FlowThreadData {
  /** What the kernel's scheduler gets as the thread's nice value, 0..19. */
  readonly niceness: number
}

/** The sentences with which reading and exporting say that there is more. */
import { LOG_PAGE_ROWS_MAX } from '../base/limits/limits.js'
import type { LogPageStatus } from '../engine/api/logs.js'
import type { LogOrder } from './cursor.js'

export interface PageEnd {
  readonly status: LogPageStatus
  readonly rows: number
  /** As the caller asked. */
  readonly limit: number
  readonly order: LogOrder
  /** Time of the newest row; null without rows. */
  readonly newestMs: number | null
}

export function pageWarnings({ status, rows, limit, order, newestMs }: PageEnd): string[] {
  if (status === 'All') return []
  if (status === 'SchemaChange') {
    const which = order === 'desc' ? 'newest' : 'oldest'
    const at = new Date(newestMs ?? 0).toISOString()
    return [
      `Pipeline log schema has changed over the logs requested ${rows} ${which} records retrieved successfully, newest record seen was at ${at}. Please request additional records separately`,
    ]
  }
  if (status === 'ByteLimited' || limit > LOG_PAGE_ROWS_MAX) {
    return [
      `Warning: Pipeline log size limit exceeded. Only displaying ${rows} log messages (of ${limit} requested). Please export them to files.`,
    ]
  }
  return ['Warning: There are more logs available. Please set a larger limit, or export them to files.']
}

export const exportWarning = 'Warning: There are more logs available. Please set a larger limit to export more data.'

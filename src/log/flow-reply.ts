/** How a task of a flow thread or of a query's process ended: plain data, since errors do not survive the way. */
import type { ErrorCode } from '../base/errors.js'

export type FlowReply =
  | { readonly isDone: true; readonly value: unknown }
  | { readonly isDone: false; readonly code: ErrorCode; readonly message: string; readonly stack: string }

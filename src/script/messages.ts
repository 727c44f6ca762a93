/** What a step's pool and its threads say to each other: plain data, since classes do not survive the way. */
import type { ErrorCode } from '../base/errors.js'
import type { ColumnType, TransformColumn } from '../transforms/draft/column.js'

export type ScriptInput = Pick<ColumnType, 'name' | 'dtype' | 'isNullable'>

/** A script as its step has it. */
export interface ScriptModule {
  readonly pipeline: string
  /** The name of the file that it was read from: its extension says what it is written in, stack traces call it so. */
  readonly file: string
  readonly source: string
  /** Columns that it is called with, whatever their rows' dims are. */
  readonly inputs: readonly ScriptInput[]
  /** Columns that it answers. */
  readonly outputs: readonly ColumnType[]
}

/** What a thread is given at its start. */
export interface ScriptThreadData {
  readonly module: ScriptModule
  /** JavaScript of the module, once a thread has taken its types off: the next need not. */
  javascript: string | null
}

export interface ScriptTask {
  /** 1 once the run has begun: its time counts from then. */
  readonly started: Int32Array
  /** null: the module is loaded, and nothing run. */
  readonly call: {
    readonly rows: number
    /** In the order of the module's inputs. */
    readonly columns: readonly TransformColumn[]
    readonly requestId: string
  } | null
}

export type ScriptReply =
  /** Columns in the order of the module's outputs. */
  | { readonly isDone: true; readonly columns: readonly TransformColumn[]; readonly javascript: string }
  | { readonly isDone: false; readonly code: ErrorCode; readonly message: string; readonly stack: string }

/** A line that a script has written. */
export interface ScriptLine {
  readonly level: 'info' | 'warn' | 'error'
  readonly text: string
  /** '' while the module is loaded. */
  readonly requestId: string
}

export function isScriptLine(message: unknown): message is { readonly scriptLine: ScriptLine } {
  return typeof message === 'object' && message !== null && 'scriptLine' in message
}

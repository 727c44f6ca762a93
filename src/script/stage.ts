/** A script as a column stage: what it takes is moved to its thread, what it makes comes back from there. */
import { PenstockError } from '../base/errors.js'
import { SCRIPT_MEMORY_MIB, SCRIPT_THREADS, SCRIPT_TIMEOUT_MS } from '../base/limits/script-limits.js'
import type { ColumnStage, OpenStage, StageCall, StageColumn, TransformColumns } from '../pipeline/columns/stage.js'
import type { ColumnType, TransformColumn } from '../transforms/draft/column.js'
import type { ScriptInput } from './messages.js'
import { ScriptPool } from './pool.js'
import { ownCopy } from './to-script.js'

/**
 * @param isAllowed false: every deploy of a script is refused, for it is a program of whoever may write pipelines.
 */
export function openScripts(isAllowed: boolean): OpenStage {
  return async ({ step, takes, makes }, { pipeline, onNotice }) => {
    if (step.type !== 'script') throw new Error('assertion: scripts are opened for script steps')
    if (!isAllowed) {
      const wayOut =
        'Start the server with --allow-scripts, or an engine with allowScripts, if all who may write pipelines are trusted'
      throw new PenstockError(
        'ERR_UNSUPPORTED',
        `this server runs no scripts, and this is one (${step.file}). ${wayOut}`,
      )
    }
    const {
      file,
      source,
      timeoutMs = SCRIPT_TIMEOUT_MS,
      memoryMib = SCRIPT_MEMORY_MIB,
      threads = SCRIPT_THREADS,
    } = step
    const pool = new ScriptPool({
      module: { pipeline, file, source, inputs: takes.map(inputOf), outputs: makes as readonly ColumnType[] },
      timeoutMs,
      memoryMib,
      threads,
      onLine: ({ level, text, requestId }) => {
        const request = requestId === '' ? '' : `, request ${requestId}`
        onNotice({ level, message: `${file} of pipeline ${pipeline}${request}: ${text}` })
      },
    })
    try {
      await pool.load()
    } catch (error) {
      await pool.close()
      throw error
    }
    return stageOf(pool, takes, makes)
  }
}

const inputOf = ({ name, dtype, isNullable }: StageColumn): ScriptInput => ({ name, dtype, isNullable })

function stageOf(pool: ScriptPool, takes: readonly StageColumn[], makes: readonly StageColumn[]): ColumnStage {
  return {
    async run(columns: TransformColumns, rows: number, { signal, requestId }: StageCall): Promise<TransformColumns> {
      const given = takes.map(({ name }) => owned(columns[name] as TransformColumn))
      const made = await pool.run({ columns: given, rows, requestId, signal })
      return Object.fromEntries(makes.map(({ name }, i) => [name, made[i] as TransformColumn]))
    },
    close: () => pool.close(),
  }
}

/** Columns are often parts of a larger buffer, which cannot be moved to another thread. */
function owned({ data, offsets, validity, ...rest }: TransformColumn): TransformColumn {
  return { ...rest, data: ownCopy(data), offsets: offsets && ownCopy(offsets), validity: validity && ownCopy(validity) }
}

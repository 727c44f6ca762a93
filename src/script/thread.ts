/**
 * The thread in which a step's script runs, one call at a time. It loads the module with its first task and not at its start:
 * a module that fails must fail a task with its reason, and not the thread, of which a pool would start no other.
 */
import { parentPort, workerData } from 'node:worker_threads'
import { Piscina } from 'piscina'
import { isPenstockError, PenstockError } from '../base/errors.js'
import { ScriptConsole } from './console.js'
import { fromScript } from './from-script.js'
import { type LoadedScript, loadModule, thrown } from './load-module.js'
import type { ScriptReply, ScriptTask, ScriptThreadData } from './messages.js'
import { toScript } from './to-script.js'

const { module, javascript } = workerData as ScriptThreadData
const lines = new ScriptConsole((scriptLine) => parentPort?.postMessage({ scriptLine }))
lines.install()
let loading: Promise<LoadedScript> | undefined

export default async function run({ started, call }: ScriptTask): Promise<unknown> {
  Atomics.store(started, 0, 1)
  lines.begin(call?.requestId ?? '')
  try {
    const loaded = await (loading ??= loadModule(module.file, module.source, javascript))
    const columns = call === null ? [] : await answer(loaded, call)
    return movable({ isDone: true, columns, javascript: call === null ? loaded.javascript : '' })
  } catch (error) {
    return failure(error)
  } finally {
    lines.end()
  }
}

async function answer({ run }: LoadedScript, call: NonNullable<ScriptTask['call']>) {
  const { rows, requestId } = call
  const columns = Object.create(null) as Record<string, unknown>
  module.inputs.forEach((type, i) => {
    const column = call.columns[i]
    if (column !== undefined) columns[type.name] = toScript(type, column)
  })
  const made = await run({ rows, columns }, { pipeline: module.pipeline, requestId })
  return fromScript(module.file, module.outputs, made, rows)
}

function failure(error: unknown): ScriptReply {
  const told = isPenstockError(error)
    ? error
    : new PenstockError('ERR_SCRIPT_FAILED', `${module.file} failed: ${thrown(error, module.file)}`)
  const cause = error instanceof Error ? error : told
  return { isDone: false, code: told.code, message: told.message, stack: cause.stack ?? cause.message }
}

/** The columns' memory goes over as it is. */
function movable(reply: Extract<ScriptReply, { isDone: true }>): unknown {
  const buffers = reply.columns.flatMap(({ data, offsets, validity }) =>
    [data, offsets, validity].flatMap((part) => (part === null ? [] : [part.buffer])),
  )
  return Piscina.move({ [Piscina.valueSymbol]: reply, [Piscina.transferableSymbol]: [...new Set(buffers)] } as never)
}

/** Prepares a model on a thread of its own, one that ends with it: deploys of large models are rare. */
import { Piscina } from 'piscina'
import { threadFile } from '../../base/thread-file.js'
import type { PreparationReply, PreparationTask } from './preparation-worker.js'
import { releaseFreeMemorySoon } from '../free-memory.js'

/**
 * Writes the prepared files of the model at `source` into the empty `directory`.
 * @returns '' or why the model stays as it is: the directory is then empty.
 * @throws Error with ONNX Runtime's reason.
 */
export async function prepareOnThread(source: string, directory: string): Promise<string> {
  const threads = new Piscina({
    filename: threadFile(new URL('./preparation-worker.js', import.meta.url)),
    maxThreads: 1,
    atomics: 'disabled',
  })
  try {
    const task: PreparationTask = { source, directory }
    const reply = (await threads.run(task)) as PreparationReply
    if (!reply.isDone) throw new Error(reply.reason)
    return reply.remark
  } finally {
    await threads.destroy()
    releaseFreeMemorySoon()
  }
}

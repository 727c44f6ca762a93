/**
 * Requests and their answers, drawn in a process that ends (a fork of this file). Pss divides a page by the processes that
 * map it. One that has run a model keeps 21 MiB of its ONNX Runtime resident, and beside the trials it would make the server
 * of that checkout alone look smaller by half of them. So nothing that the comparison imports may load it or the addon.
 */
import { fork } from 'node:child_process'
import { join } from 'node:path'
import { projectRoot } from '../../harness/project.js'
import { drawRequests, type DrawOptions, type Requests } from '../requests.js'

interface DrawTask {
  readonly modelPath: string
  readonly options: DrawOptions
}

const limitMs = 120_000

/** drawRequests in a fresh process. @throws Error when that fails. */
export function drawInChild(modelPath: string, options: DrawOptions): Promise<Requests> {
  const file = join(projectRoot, 'dist', 'bench', 'workloads', 'against', 'draw-program.js')
  const task: DrawTask = { modelPath, options }
  // Advanced: typed arrays arrive as such.
  const child = fork(file, [JSON.stringify(task)], { serialization: 'advanced', timeout: limitMs })
  return new Promise((resolve, reject) => {
    let requests: Requests | undefined
    child.once('message', (message) => (requests = message as unknown as Requests))
    child.once('error', reject)
    child.once('close', (code, signal) => {
      if (code === 0 && requests !== undefined) resolve(requests)
      else reject(new Error(`Expected requests for ${modelPath} to be drawn but that ended with ${code ?? signal}`))
    })
  })
}

const [, program = '', task = ''] = process.argv
if (process.send !== undefined && program.endsWith('draw-program.js')) {
  const { modelPath, options } = JSON.parse(task) as DrawTask
  const requests = await drawRequests(modelPath, options)
  process.send(requests, () => process.disconnect())
}

/**
 * One trial of the client of any checkout, in a process of its own: `node client-program.js TASK`, where TASK is a file of
 * JSON. Only the public entry of that checkout's client is imported, as an application would. Prints one line of JSON.
 *
 * So many users ask one after the other over one connection, one row each; every answer is compared.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type * as Package from '../../../src/client/index.js'

export interface ClientTask {
  /** Root of the checkout. */
  readonly root: string
  readonly port: number
  readonly pipeline: string
  readonly inFlight: number
  readonly seconds: number
  readonly warmupSeconds: number
  readonly input: string
  readonly output: string
  /** A row each, and what ONNX Runtime answers to it. */
  readonly rows: readonly { readonly data: readonly number[]; readonly expected: readonly number[] }[]
  readonly tolerance: { readonly absolute: number; readonly relative: number }
}

export interface ClientTrial {
  readonly rowsPerSecond: number
  /** CPU time of the client's process, its users' included. */
  readonly cpuUsPerRow: number
}

const [, program = '', taskPath = ''] = process.argv
if (program.endsWith('client-program.js')) {
  const trial = await measure(JSON.parse(readFileSync(taskPath, 'utf8')) as ClientTask)
  process.stdout.write(`${JSON.stringify(trial)}\n`)
}

async function measure(task: ClientTask): Promise<ClientTrial> {
  const entry = pathToFileURL(join(task.root, 'dist', 'src', 'client', 'index.js')).href
  const { PenstockClient } = (await import(entry)) as typeof Package
  const client = await PenstockClient.connect(`ws://127.0.0.1:${task.port}`)
  const channel = await client.open(task.pipeline)
  const rows = task.rows.map(({ data, expected }) => ({ data: Float32Array.from(data), expected }))
  let answered = 0
  let isEnded = false
  const ask = async (user: number): Promise<void> => {
    for (let index = user; !isEnded; index++) {
      const { data, expected } = rows[index % rows.length] as (typeof rows)[number]
      const { outputs } = await channel.infer({ [task.input]: data })
      expectAnswer(outputs[task.output]?.data as Float32Array, expected, task)
      answered++
    }
  }
  const users = Array.from({ length: task.inFlight }, (_, user) => ask(user))
  // A user that fails ends the trial, at once.
  const failed = Promise.all(users)
  await Promise.race([failed, seconds(task.warmupSeconds)])
  answered = 0
  const [cpu, start] = [process.cpuUsage(), performance.now()]
  await Promise.race([failed, seconds(task.seconds)])
  const [{ user, system }, elapsedMs, count] = [process.cpuUsage(cpu), performance.now() - start, answered]
  isEnded = true
  await failed
  await client.close()
  return { rowsPerSecond: (count * 1000) / elapsedMs, cpuUsPerRow: (user + system) / count }
}

function expectAnswer(data: Float32Array, expected: readonly number[], { tolerance }: ClientTask): void {
  for (let index = 0; index < expected.length; index++) {
    const [value = Number.NaN, right = Number.NaN] = [data[index], expected[index]]
    if (!(Math.abs(value - right) <= tolerance.absolute + tolerance.relative * Math.abs(right)))
      throw new Error(`Expected the answer ${right} but received ${value}`)
  }
}

const seconds = (count: number) => new Promise<void>((resolve) => void setTimeout(resolve, count * 1000))

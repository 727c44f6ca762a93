/**
 * One trial of criterion 8 with the package of any checkout, in a process of its own: `node chain-program.js TASK`,
 * where TASK is a file of JSON. Only the public entry of that checkout is imported, as an application would. Prints one
 * line of JSON.
 *
 * Answers are compared first: one step's with ONNX Runtime's own, the pipeline's with as many single steps by hand.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type * as Package from '../../../src/index.js'
import { memoryOf, type Memory } from '../../harness/memory.js'
import { median } from '../../harness/report.js'

export interface ChainTask {
  /** Root of the checkout. */
  readonly root: string
  readonly modelPath: string
  readonly steps: number
  readonly seconds: number
  readonly warmupSeconds: number
  readonly input: string
  readonly output: string
  readonly shape: readonly number[]
  readonly data: readonly number[]
  /** What ONNX Runtime answers to one step. */
  readonly expected: readonly number[]
  readonly tolerance: { readonly absolute: number; readonly relative: number }
}

export interface ChainTrial extends Memory {
  /** Medians of a request, one after the other. */
  readonly oneUs: number
  readonly chainUs: number
}

type Infer = (pipeline: 'one' | 'chain', data: Float32Array) => Promise<Float32Array>

const [, program = '', taskPath = ''] = process.argv
if (program.endsWith('chain-program.js')) {
  const trial = await measure(JSON.parse(readFileSync(taskPath, 'utf8')) as ChainTask)
  process.stdout.write(`${JSON.stringify(trial)}\n`)
}

async function measure(task: ChainTask): Promise<ChainTrial> {
  const entry = pathToFileURL(join(task.root, 'dist', 'src', 'index.js')).href
  const { Engine, pipeline } = (await import(entry)) as typeof Package
  // As the servers of other rows: measured before it serves, so that no trial runs beside a calibration.
  const engine = await Engine.open({ calibration: 'deploy' })
  try {
    await engine.addModel('step', readFileSync(task.modelPath))
    await pipeline('one', engine).model('step').deploy()
    const chain = pipeline('chain', engine)
    for (let step = 0; step < task.steps; step++) chain.model('step')
    await chain.deploy()
    const infer: Infer = async (name, data) => {
      const { outputs } = await engine.infer(name, {
        inputs: { [task.input]: { dtype: 'float32', shape: [...task.shape], data } },
      })
      return outputs[task.output]?.data as Float32Array
    }
    await expectAnswers(task, infer)
    const oneUs = await medianUs(task, () => infer('one', Float32Array.from(task.data)))
    const chainUs = await medianUs(task, () => infer('chain', Float32Array.from(task.data)))
    return { oneUs, chainUs, ...memoryOf('self') }
  } finally {
    await engine.close()
  }
}

async function expectAnswers({ steps, data, expected, tolerance }: ChainTask, infer: Infer): Promise<void> {
  const input = Float32Array.from(data)
  let byHand = await infer('one', input)
  expectClose('one step', byHand, expected, tolerance)
  for (let step = 1; step < steps; step++) byHand = await infer('one', byHand)
  expectClose(`a pipeline of ${steps} steps`, await infer('chain', input), byHand, tolerance)
}

function expectClose(
  what: string,
  answer: Float32Array,
  expected: ArrayLike<number>,
  { absolute, relative }: ChainTask['tolerance'],
): void {
  const isClose = (value: number, index: number): boolean => {
    const wanted = expected[index] ?? Number.NaN
    return Object.is(value, wanted) || Math.abs(value - wanted) <= absolute + relative * Math.abs(wanted)
  }
  if (answer.length !== expected.length || !answer.every(isClose))
    throw new Error(`Expected ${what} to answer as the model does but one value or more differ`)
}

async function medianUs({ seconds, warmupSeconds }: ChainTask, request: () => Promise<unknown>): Promise<number> {
  const times: number[] = []
  const warmMs = performance.now() + warmupSeconds * 1000
  const endMs = warmMs + seconds * 1000
  for (let nowMs = performance.now(); nowMs < endMs || times.length === 0;) {
    const sentMs = nowMs
    await request()
    nowMs = performance.now()
    if (sentMs >= warmMs) times.push((nowMs - sentMs) * 1000)
  }
  return median(times)
}

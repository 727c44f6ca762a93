/**
 * Criterion 8 of two checkouts: a pipeline of nine steps and one of one step, embedded. What a step more takes is
 * compared with ONNX Runtime's time in it, unlike the row's own figure: that is the same in both, and a difference of
 * noisy times would be divided by another.
 */
import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { projectRoot } from '../../harness/project.js'
import { chainModelPath, chainSteps } from '../chain-model.js'
import type { Bench } from '../row.js'
import type { ChainTask, ChainTrial } from './chain-program.js'
import type { Checkout } from './checkout.js'
import { memoryFigures, type Checkouts, type ComparedCriterion } from './compared-row.js'
import { drawInChild } from './draw-program.js'
import { compareAll, measurePairs, type Comparison, type FigureOf } from './pairs.js'

const run = promisify(execFile)
const program = join(projectRoot, 'dist', 'bench', 'workloads', 'against', 'chain-program.js')
const batchRows = [1, 256]
const limitMs = 120_000

export const chainCriterion: ComparedCriterion = {
  number: 8,
  title: 'a chain of steps, embedded',
  compare: compareChains,
}

async function compareChains(bench: Bench, checkouts: Checkouts): Promise<Comparison[]> {
  const comparisons: Comparison[] = []
  for (const rows of bench.isQuick ? batchRows.slice(0, 1) : batchRows) {
    const task = await taskOf(bench, rows)
    const title = `batch of ${rows} row${rows === 1 ? '' : 's'}, embedded`
    bench.say(`${title}: pairs of trials, ${bench.rounds}`)
    const trials = await measurePairs(bench.rounds, (side) => measureTrial(bench, checkouts[side], task))
    comparisons.push(...compareAll(figuresOf(title), trials))
  }
  return comparisons
}

async function taskOf({ seconds, warmupSeconds }: Bench, rows: number): Promise<Omit<ChainTask, 'root'>> {
  const { inputs, outputs, bodies, tolerance } = await drawInChild(chainModelPath, { count: 1, rows })
  const [input, output] = [inputs[0]?.name ?? '', outputs[0]?.name ?? '']
  const tensor = bodies[0]?.inputs[input]
  const expected = bodies[0]?.expected[output]
  if (tensor === undefined || expected === undefined)
    throw new Error('Expected the model to have an input and an output')
  return {
    modelPath: chainModelPath,
    steps: chainSteps,
    seconds,
    warmupSeconds,
    input,
    output,
    shape: tensor.shape,
    data: [...(tensor.data as Float32Array)],
    expected: [...(expected.data as Float32Array)],
    tolerance,
  }
}

/** In a fresh process. @throws Error with what it said when it fails. */
async function measureTrial(bench: Bench, { root }: Checkout, task: Omit<ChainTask, 'root'>): Promise<ChainTrial> {
  const path = join(bench.folder, 'chain-task.json')
  await writeFile(path, JSON.stringify({ ...task, root }))
  const { stdout } = await run(process.execPath, [program, path], { timeout: limitMs })
  const line = stdout.split('\n').find((each) => each.startsWith('{'))
  if (line === undefined) throw new Error(`Expected ${program} to print its figures but received ${stdout}`)
  return JSON.parse(line) as ChainTrial
}

function figuresOf(title: string): FigureOf<ChainTrial>[] {
  const common = { row: 8, unit: 'µs', better: 'less' } as const
  return [
    { figure: { ...common, name: `one step, ${title}`, isRequired: false }, of: ({ oneUs }) => oneUs },
    { figure: { ...common, name: `${chainSteps} steps, ${title}`, isRequired: true }, of: ({ chainUs }) => chainUs },
    {
      figure: { ...common, name: `a step more, ${title}`, isRequired: true },
      of: ({ oneUs, chainUs }) => (chainUs - oneUs) / (chainSteps - 1),
    },
    ...memoryFigures(8, title),
  ]
}

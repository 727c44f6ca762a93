/**
 * The Node client of two checkouts, each against its own server: one process, one connection, 64 and 512 users of one row
 * each. A client that can sends what its users ask for in one turn in one frame.
 */
import { execFile } from 'node:child_process'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { projectRoot } from '../../harness/project.js'
import { prepareHome, withPenstock, type Setup } from '../penstock.js'
import type { Bench } from '../row.js'
import type { Checkout } from './checkout.js'
import type { ClientTask, ClientTrial } from './client-program.js'
import type { Checkouts, ComparedCriterion } from './compared-row.js'
import { drawInChild } from './draw-program.js'
import { compareAll, measurePairs, type Comparison, type FigureOf } from './pairs.js'

const run = promisify(execFile)
const program = join(projectRoot, 'dist', 'bench', 'workloads', 'against', 'client-program.js')
const modelPath = join(projectRoot, 'examples', 'models', 'fraud-mlp', 'model.onnx')
const pipeline = 'bench'
const setup: Setup = {
  models: { [pipeline]: modelPath },
  pipelines: { [pipeline]: [{ type: 'model', model: pipeline }] },
}
const rowCount = 64
const limitMs = 120_000

export const clientCriterion: ComparedCriterion = {
  number: 32,
  title: 'the Node client, one connection',
  compare: compareClients,
}

type Work = Omit<ClientTask, 'root' | 'port'>

async function compareClients(bench: Bench, checkouts: Checkouts): Promise<Comparison[]> {
  const { inputs, outputs, bodies, tolerance } = await drawInChild(modelPath, { count: rowCount, rows: 1 })
  const [input, output] = [inputs[0]?.name ?? '', outputs[0]?.name ?? '']
  const rows = bodies.map((body) => ({
    data: [...(body.inputs[input]?.data as Float32Array)],
    expected: [...(body.expected[output]?.data as Float32Array)],
  }))
  const comparisons: Comparison[] = []
  for (const inFlight of [64, 512]) {
    const { seconds, warmupSeconds } = bench
    const work: Work = { pipeline, inFlight, seconds, warmupSeconds, input, output, rows, tolerance }
    const title = `29 floats, Node client, ${inFlight} in flight`
    bench.say(`${title}: pairs of trials, ${bench.rounds}`)
    const trials = await measurePairs(bench.rounds, (side) => measureTrial(bench, checkouts[side], work))
    comparisons.push(...compareAll(figuresOf(title), trials))
  }
  return comparisons
}

/** A fresh server over a fresh home, and a fresh client. @throws Error with what the client said when it fails. */
async function measureTrial(bench: Bench, { root }: Checkout, work: Work): Promise<ClientTrial> {
  const home = await prepareHome(bench, 'against-client', setup, root)
  const path = join(bench.folder, 'client-task.json')
  try {
    return await withPenstock(
      home,
      async ({ port }) => {
        await writeFile(path, JSON.stringify({ ...work, root, port } satisfies ClientTask))
        const { stdout } = await run(process.execPath, [program, path], { timeout: limitMs })
        return JSON.parse(stdout) as ClientTrial
      },
      root,
    )
  } finally {
    await rm(home, { recursive: true, force: true })
  }
}

function figuresOf(title: string): FigureOf<ClientTrial>[] {
  const common = { row: 32 } as const
  return [
    {
      figure: { ...common, name: `${title}, rows/s`, unit: '/s', better: 'more', isRequired: true },
      of: ({ rowsPerSecond }) => rowsPerSecond,
    },
    {
      figure: {
        ...common,
        name: `${title}, CPU time of the client a row`,
        unit: 'µs',
        better: 'less',
        isRequired: true,
      },
      of: ({ cpuUsPerRow }) => cpuUsPerRow,
    },
  ]
}

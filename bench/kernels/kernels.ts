/**
 * The kernels' figures: `npm run bench:kernels`, a few minutes. First the native twin (each kernel against its scalar
 * reference and against memory bandwidth, in turn), then penstock/transforms as JavaScript calls it.
 * docs/performance.md, "Kernels", explains how to read it.
 *
 * Options: --rounds 7 --large-mib N --only TEXT --level avx2 --milliseconds 200 --rows 1,1024 --json
 */
import { parseArgs } from 'node:util'
import { machineLine, readMachine } from '../harness/project.js'
import { buildTwin, formatFigures, isGated, meetsGoal, runTwin } from './native-twin.js'
import { benchTransforms, formatTransforms } from './transforms.js'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '7' },
    'large-mib': { type: 'string' },
    only: { type: 'string' },
    level: { type: 'string' },
    milliseconds: { type: 'string', default: '200' },
    rows: { type: 'string', default: '1,1024' },
    json: { type: 'boolean', default: false },
  },
})

const machine = readMachine()
await buildTwin()
const largeMib = values['large-mib'] === undefined ? undefined : Number(values['large-mib'])
const figures = await runTwin({ rounds: Number(values.rounds), largeMib, only: values.only, level: values.level })
const calls = await benchTransforms(Number(values.milliseconds), values.rows.split(',').map(Number))
const gated = figures.filter(isGated)
if (values.json) {
  for (const line of [...figures, ...calls]) process.stdout.write(`${JSON.stringify({ ...line, machine })}\n`)
} else {
  process.stdout.write(`${machineLine(machine)}\n\n${formatFigures(figures)}\n\n${formatTransforms(calls)}\n\n`)
  process.stdout.write(`${gated.filter(meetsGoal).length} of ${gated.length} kernels meet their goal (✓)\n`)
}

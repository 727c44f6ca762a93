/**
 * Criterion 12: every kernel that is gated, as a result of `bench:rows`. The whole measurement, with the sizes that are
 * not gated and the calls from JavaScript, is kernels.ts.
 *
 *     npm run build && node dist/bench/kernels/row.js [--rounds 7] [--quick]
 */
import { parseArgs } from 'node:util'
import { buildTwin, findingOf, isGated, runTwin } from './native-twin.js'

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '7' }, quick: { type: 'boolean', default: false } },
})

const rounds = values.quick ? 1 : Number(values.rounds)
await buildTwin()
const figures = await runTwin({ rounds, largeMib: values.quick ? 1 : undefined })
for (const figure of figures.filter(isGated)) process.stdout.write(`${JSON.stringify(findingOf(figure, rounds))}\n`)

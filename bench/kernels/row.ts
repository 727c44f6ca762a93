/**
 * Row 12: every kernel that is judged, as a line of the judge. The whole measurement, with the sizes that are not judged
 * and the calls from JavaScript, is kernels.ts.
 *
 *     npm run build && node dist/bench/kernels/row.js [--rounds 7] [--quick]
 */
import { parseArgs } from 'node:util'
import { buildTwin, findingOf, isJudged, runTwin } from './native-twin.js'

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '7' }, quick: { type: 'boolean', default: false } },
})

const rounds = values.quick ? 1 : Number(values.rounds)
await buildTwin()
const figures = await runTwin({ rounds, largeMib: values.quick ? 1 : undefined })
for (const figure of figures.filter(isJudged)) process.stdout.write(`${JSON.stringify(findingOf(figure, rounds))}\n`)

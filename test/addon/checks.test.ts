/**
 * The addon's check machine against its reference, the TypeScript evaluator: random expressions over rows with the values
 * that break naive code (NaN, infinities, minus zero, subnormals, 64-bit extremes) must give the same verdict on every
 * row.
 */
import fc from 'fast-check'
import { afterAll, expect, test } from 'vitest'
import { addon } from '../../bindings/native.js'
import type { CheckSpec, SourceSpec } from '../../bindings/native.js'
import { Submissions } from '../../bindings/submissions.js'
import { checkFails } from '../../src/pipeline/check-evaluate.js'
import { bindCheck, compileCheck } from '../../src/pipeline/check-program.js'
import { parseCheck } from '../../src/pipeline/check-syntax.js'
import { randomExpression } from '../../src/pipeline/testing/random-expression.js'
import { dtypeInfo } from '../../src/tensor/dtype.js'
import type { Dtype, TensorData } from '../../src/tensor/tensor.js'
import { submission } from '../support/submission.js'

interface Column {
  readonly dtype: Dtype
  readonly width: number
  readonly data: TensorData & ArrayBufferView
}
const rowCount = 6
const columns: Record<string, Column> = {
  x: {
    dtype: 'float64',
    width: 3,
    data: Float64Array.from([
      ...[0, -0, 1, NaN, 2, 3, Infinity, -Infinity, 0, 5e-324, -1.5, 2.5],
      ...[0.5, -0.5, 1.5, 1e308, 1e-308, -1e308],
    ]),
  },
  y: { dtype: 'float32', width: 1, data: Float32Array.of(0.1, -3, NaN, 1e-45, 3.4e38, 7) },
  i: {
    dtype: 'int64',
    width: 1,
    data: BigInt64Array.of(0n, -1n, 2n ** 62n, -(2n ** 63n), 2n ** 53n + 1n, 3n),
  },
  u: { dtype: 'uint8', width: 2, data: Uint8Array.of(0, 255, 1, 1, 7, 8, 9, 9, 2, 3, 4, 200) },
  h: { dtype: 'float16', width: 1, data: Uint16Array.of(0x3c00, 0x7e00, 0x7c00, 0x0001, 0x8000, 0xc500) },
}
const names = Object.keys(columns)

const runtime = addon.createRuntime(true, 0, 2 ** 30)
const fields = names.map((name) => ({
  dtype: dtypeInfo((columns[name] as Column).dtype).code,
  dims: [(columns[name] as Column).width],
}))
const queue = addon.createQueue(runtime, {
  modelKey: 1,
  inputs: fields,
  outputs: [{ dtype: 1, dims: [1] }],
  batching: 0,
  batchRowsMax: 4, // six rows take two batches: the machine reads across them
  batchBytesMax: 1 << 16,
  pendingRowsMax: [100, 100],
  maxDelayUs: 0,
  isPageLocked: false,
})
const pipeline = addon.createPipeline()
const port = addon.openPort(runtime, () => undefined, 16)
const submissions = new Submissions(port)
const worker = addon.openWorker(runtime, 0)
afterAll(() => {
  addon.closeRuntime(runtime)
})

function sourceOf(name: string): SourceSpec {
  return { stage: 0, position: 0, side: 0, slots: [names.indexOf(name)] }
}

/** The addon's verdict by row. */
function verdicts(check: CheckSpec): boolean[] {
  const plan = addon.createPlan({
    planKey: 0,
    inputs: fields,
    isNonBatching: false,
    requestRowsMax: 100,
    splits: [],
    stages: [
      {
        positions: [
          {
            options: [
              { label: 'm', queue, inputBindings: names.map((_, requestInput) => ({ requestInput, source: null })) },
            ],
            split: -1,
            isBackground: false,
          },
        ],
      },
    ],
    checks: [check],
    answer: [{ stage: 0, position: 0, side: 1, slots: [0] }],
    others: [],
    routeSplit: -1,
    log: null,
  })
  addon.setPlan(pipeline, plan)
  const tensors = names.map((name) => (columns[name] as Column).data)
  const request = submissions.submit(pipeline, submission(rowCount, tensors))
  addon.flush(port)
  while (addon.take(worker, 0) === 1) addon.completeBatch(worker, 0, 1)
  addon.drain(port)
  return Array.from(addon.readAnswer(port, request).checkFailures as BigUint64Array, (bits) => bits === 1n)
}

test('addon: random checks fail on the rows on which the reference says so (seed 31)', () => {
  const leaves = [
    ...['in.x[0]', 'in.x[2]', 'in.y', 'in.i', 'in.u[0]', 'in.u[1]', 'in.h', 'sum(in.x)', 'mean(in.u)', 'min(in.x)'],
    ...['max(in.u)', 'argmax(in.x)', 'length(in.x)', 'max(in.h)', 'sum(in.i)'],
  ]
  let failed = 0
  let passed = 0
  fc.assert(
    fc.property(randomExpression(leaves, false), fc.boolean(), (text, failsWhen) => {
      fc.pre(text.length < 800)
      const { node, sources } = bindCheck('check', parseCheck('check', text), (side, name) => ({
        source: name,
        rowDims: [(columns[name] as Column).width],
        isText: side !== 'in',
      }))
      const { code, constants } = compileCheck(node, failsWhen)
      const fails = verdicts({ afterStage: 0, code, constants, sources: sources.map(sourceOf) })
      for (let row = 0; row < rowCount; row++) {
        const expected = checkFails({ node, failsWhen }, (source) => {
          const { dtype, width, data } = columns[sources[source] as string] as Column
          return { dtype, data, start: row * width, count: width }
        })
        expect({ text, row, fails: fails[row] }).toEqual({ text, row, fails: expected })
        if (expected) failed++
        else passed++
      }
    }),
    { seed: 31, numRuns: 2000 },
  )
  // Results that are all alike would prove nothing.
  expect(failed).toBeGreaterThan(1000)
  expect(passed).toBeGreaterThan(1000)
})

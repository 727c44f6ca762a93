/** Answers are the documented JSON: exact integers, shortest floats, records with what the caller wrote. */
import { describe, expect, it } from 'vitest'
import type { InferResult } from '../../../engine/api/api.js'
import { decodeMessage } from '../../../protocol/codec.js'
import { writeColumns, writeMessage, writeRecords, type AnsweredPipeline } from './infer-answer.js'

const result: InferResult = {
  rows: 2,
  outputs: {
    score: { dtype: 'float32', shape: [2, 1], data: new Float32Array([0.98119897, 1]) },
    id: { dtype: 'int64', shape: [2], data: new BigInt64Array([9007199254740993n, -1n]) },
  },
  checkFailures: [{ check: 'too_high', rows: [0] }],
  metadata: { pipeline: 'p', pipelineVersion: 3, requestId: 'r-1', elapsedNs: [1200, 3400.4], route: null },
}
const pipeline: AnsweredPipeline = {
  steps: [
    { type: 'multi-model', models: ['champion@1', 'challenger@2'] },
    { type: 'audit', slice: '1:' },
    { type: 'select', index: 0 },
  ],
  checks: ['too_high', 'too_low'],
  routes: [],
  isNonBatching: false,
  models: [
    { name: 'challenger', version: 2, sha256: 'bb' },
    { name: 'champion', version: 1, sha256: 'aa' },
  ],
  inputs: [{ name: 'x', dtype: 'float32', shape: [null, 2] }],
  outputs: [
    { name: 'score', dtype: 'float32', shape: [null, 1] },
    { name: 'id', dtype: 'int64', shape: [null] },
  ],
}
const championText = '{"model_name":"champion","model_sha":"aa"}'

describe('answers', () => {
  it('writes columns', () => {
    expect(writeColumns(result, pipeline)).toBe(
      '{"outputs":{"score":[[0.98119897],[1]],"id":[9007199254740993,-1]},"check_failures":[{"check":"too_high","rows":[0]}],' +
        `"metadata":{"pipeline":"p","pipeline_version":3,"request_id":"r-1","elapsed":[1200,3400],"last_model":${JSON.stringify(championText)}}}`,
    )
  })

  it('writes records with the echo, the verdict of every check and the same time on all rows', () => {
    const text = writeRecords(result, pipeline, {
      inputs: { echoes: ['{"x":[1.50]}', '{"x":[2]}'] },
      timeMs: 1_721_686_245_906,
      partition: 'here',
    })
    expect(
      text.startsWith(
        '[{"time":1721686245906,"in":{"x":[1.50]},"out":{"score":0.98119897,"id":9007199254740993},"anomaly":{"count":1,"too_high":true,"too_low":false},',
      ),
    ).toBe(true)
    const context = { inputs: { echoes: ['{}', '{}'] }, timeMs: 1, partition: 'here' }
    expect(writeRecords(result, pipeline, { ...context, hasLists: true })).toContain('"out":{"score":[0.98119897],"id"')
    const lines = writeRecords(result, pipeline, { ...context, isLines: true })
    expect(lines.endsWith('}\n')).toBe(true)
    expect(
      lines
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as unknown),
    ).toEqual(JSON.parse(writeRecords(result, pipeline, context)))
    const [first, second] = JSON.parse(text) as Record<string, unknown>[]
    expect(Object.keys(first ?? {})).toEqual(['time', 'in', 'out', 'anomaly', 'check_failures', 'metadata'])
    expect(first?.['check_failures']).toEqual(['too_high'])
    expect(second).toMatchObject({
      time: 1_721_686_245_906,
      in: { x: [2] },
      anomaly: { count: 0, too_high: false, too_low: false },
      check_failures: [],
      metadata: {
        last_model: championText,
        pipeline_version: 3,
        elapsed: [1200, 3400],
        dropped: [],
        partition: 'here',
      },
    })
    expect(Object.keys(second?.['metadata'] ?? {})).not.toContain('route')
  })

  it('prints the inputs where records were asked for and not sent', () => {
    const tensors = { x: { dtype: 'float32', shape: [2, 2], data: new Float32Array([1, 2, 3, 4.5]) } } as const
    const [, second] = JSON.parse(
      writeRecords(result, pipeline, { inputs: { tensors }, timeMs: 1, partition: 'here' }),
    ) as { in: unknown }[]
    expect(second?.in).toEqual({ x: [3, 4.5] })
  })

  it('a row of a free dim stays a list when the dim is 1: only a declared [n, 1] is bare', () => {
    const free: AnsweredPipeline = {
      ...pipeline,
      inputs: [{ name: 'tokens', dtype: 'int64', shape: [null, null] }],
      outputs: [
        { name: 'free', dtype: 'int64', shape: [null, null] },
        { name: 'one', dtype: 'int64', shape: [null, 1] },
      ],
    }
    const column = { dtype: 'int64', shape: [2, 1], data: BigInt64Array.of(7n, 8n) } as const
    const answered = { ...result, outputs: { free: column, one: column } }
    const context = { inputs: { tensors: { tokens: column } }, timeMs: 1, partition: 'here' }
    const [first] = JSON.parse(writeRecords(answered, free, context)) as unknown[]
    expect(first).toMatchObject({ in: { tokens: [7] }, out: { free: [7], one: 7 } })
  })

  it('names the model that answered each row of a split', () => {
    const split: AnsweredPipeline = {
      ...pipeline,
      steps: [{ type: 'random-split', options: [] }],
      routes: ['champion', 'challenger@2'],
    }
    const routed = { ...result, metadata: { ...result.metadata, route: ['challenger@2', 'champion'] } }
    const rows = JSON.parse(
      writeRecords(routed, split, { inputs: { echoes: ['{}', '{}'] }, timeMs: 1, partition: 'here' }),
    ) as { metadata: Record<string, unknown> }[]
    expect(rows.map(({ metadata }) => [metadata['route'], metadata['last_model']])).toEqual([
      ['challenger@2', '{"model_name":"challenger","model_sha":"bb"}'],
      ['champion', championText],
    ])
    expect(JSON.parse(writeColumns(routed, split))).toMatchObject({
      metadata: { route: ['challenger@2', 'champion'], last_model: null },
    })
  })

  it('leaves a check that is called count out of the verdicts', () => {
    const named = { ...pipeline, checks: ['count'] }
    const failing = { ...result, checkFailures: [{ check: 'count', rows: [1] }] }
    const [, second] = JSON.parse(
      writeRecords(failing, named, { inputs: { echoes: ['{}', '{}'] }, timeMs: 1, partition: '' }),
    ) as { anomaly: unknown; check_failures: unknown }[]
    expect(second).toMatchObject({ anomaly: { count: 1 }, check_failures: ['count'] })
  })

  it('writes a Results message with the ids of the request', () => {
    const message = decodeMessage(writeMessage(result, pipeline, 7, 9))
    expect(message).toMatchObject({ kind: 'results', channel: 7 })
    expect(
      message.kind === 'results' && [Array.from(message.requests), Array.from(message.checkFailures ?? [])],
    ).toEqual([[9], [1n, 0n]])
  })
})

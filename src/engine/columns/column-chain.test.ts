/** Chains as they run: synchronously where nothing waits, with each stage's time and place. */
import { describe, expect, it, vi } from 'vitest'
import { PenstockError } from '../../base/errors.js'
import { rowsError, type ColumnStage, type PlanChain, type StageColumn } from '../../pipeline/columns/stage.js'
import type { Step } from '../../pipeline/definition.js'
import { columnOf } from '../../transforms/draft/column.js'
import { ColumnChain, noStageCall } from './column-chain.js'
import { openStages } from './openers.js'

const b: StageColumn = { name: 'b', dtype: 'float64', isNullable: false, shape: [] }
const a: StageColumn = { ...b, name: 'a' }
const step = { type: 'made' } as unknown as Step
const chain: PlanChain = {
  inputs: [a],
  segments: [{ kind: 'stage', where: 'steps[0]', type: step.type, step, takes: [a], makes: [b], drops: [] }],
  outputs: [a, b],
}
const columns = { a: columnOf('float64', [1, 2]), c: columnOf('string', ['x', 'y']) }
const stage = (run: ColumnStage['run']): ColumnStage => ({ run, close: () => Promise.resolve() })
const chainOf = (run: ColumnStage['run']): ColumnChain => new ColumnChain(chain, [stage(run)], 'p', 'ERR_VALUE_RANGE')

describe('ColumnChain', () => {
  it('gives a stage what it takes, and passes the rest', () => {
    const run = vi.fn(() => ({ b: columnOf('float64', [3, 4]) }))
    const onStage = vi.fn()
    const made = chainOf(run).run(columns, 2, { ...noStageCall, onStage })
    expect(made).toMatchObject({ ...columns, b: { data: Float64Array.of(3, 4) } })
    expect(run.mock.calls[0]?.slice(0, 2)).toEqual([{ a: columns.a }, 2])
    expect(onStage.mock.calls).toEqual([[chain.segments[0], expect.any(Number), null]])
  })

  it('waits where a stage waits', async () => {
    const made = chainOf(() => Promise.resolve({ b: columnOf('float64', [3, 4]) })).run(columns, 2, noStageCall)
    expect(made).toBeInstanceOf(Promise)
    expect(Object.keys(await made)).toEqual(['a', 'c', 'b'])
  })

  it('runs no stage for no rows', () => {
    const run = vi.fn()
    const none = { a: columnOf('float64', []) }
    expect(chainOf(run).run(none, 0, noStageCall)).toMatchObject({ b: { shape: [0] } })
    expect(run).not.toHaveBeenCalled()
  })

  it('names step, type, pipeline and row of what fails', async () => {
    const fail = (): never => {
      throw rowsError('ERR_VALUE_RANGE', [{ row: 1, column: 'a', message: 'Expected a to be known' }])
    }
    const onStage = vi.fn()
    const message = 'steps[0] (made) of pipeline p: Expected a to be known (row 1)'
    const expected = { code: 'ERR_VALUE_RANGE', message, errors: [{ field: 'a[1]' }] }
    const refused = (work: () => unknown): unknown => {
      try {
        return work()
      } catch (error) {
        return error
      }
    }
    expect(refused(() => chainOf(fail).run(columns, 2, { ...noStageCall, onStage }))).toMatchObject(expected)
    await expect(chainOf(() => Promise.resolve().then(fail)).run(columns, 2, noStageCall)).rejects.toMatchObject(
      expected,
    )
    expect(onStage).toHaveBeenCalledOnce()
    const bug = refused(() => chainOf(() => Object(null)).run(columns, 2, noStageCall))
    expect(bug).toMatchObject({
      code: 'ERR_INTERNAL',
      message: 'steps[0] (made) of pipeline p failed; the log has the cause',
    })
  })

  it('refuses columns that are not what the plan says', async () => {
    for (const made of [
      columnOf('float64', [1]),
      columnOf('float32', [1, 2]),
      { ...columnOf('float64', [1, 2]), shape: [2, 1] },
    ])
      await expect(chainOf(() => Promise.resolve({ b: made })).run(columns, 2, noStageCall)).rejects.toMatchObject({
        cause: { message: expect.stringContaining('makes b as its plan says') },
      })
  })

  it('ends with the reason of its signal', async () => {
    const stopper = new AbortController()
    const wait = (_: unknown, __: number, { signal }: { signal: AbortSignal }): Promise<never> =>
      new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(new Error('stopped'))))
    const made = chainOf(wait).run(columns, 2, { ...noStageCall, signal: stopper.signal })
    const reason = new PenstockError('ERR_DEADLINE_EXCEEDED')
    stopper.abort(reason)
    await expect(made).rejects.toBe(reason)
  })
})

describe('openStages', () => {
  it('closes what is open when one cannot be opened, and says which', async () => {
    const close = vi.fn(() => Promise.resolve())
    const two = { ...chain, segments: [chain.segments[0], { ...chain.segments[0], where: 'steps[1]' }] } as PlanChain
    const open = vi
      .fn()
      .mockResolvedValueOnce({ run: () => ({}), close })
      .mockRejectedValueOnce(new PenstockError('ERR_PIPELINE_INVALID', 'There is no table customers'))
    const opened = openStages(two, { pipeline: 'p', onNotice: () => undefined }, { made: open } as never)
    await expect(opened).rejects.toThrow('steps[1] (made) of pipeline p: There is no table customers')
    expect(close).toHaveBeenCalledOnce()
  })
})

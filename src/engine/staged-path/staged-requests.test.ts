/** Requests with stages that wait: their bounds, deadlines and hang-ups, and the version under which they run. */
import { describe, expect, it, vi } from 'vitest'
import { STAGED_PIPELINE_REQUESTS_MAX } from '../../base/limits/limits.js'
import type { ColumnStage, StageCall, TransformColumns } from '../../pipeline/columns/stage.js'
import type { Step } from '../../pipeline/definition.js'
import { PlanDraft } from '../../pipeline/plan-draft.js'
import { columnOf } from '../../transforms/draft/column.js'
import type { InferResult } from '../api/api.js'
import { newStringPathCounters } from '../counters/string-path-counters.js'
import type { Deployment } from '../deploy/deployment.js'
import type { PipelineSlot } from '../deploy/deployments.js'
import { RequestTransforms } from '../deploy/request-transforms.js'
import { StagedRequests } from './staged-requests.js'

const signature = {
  inputs: [{ name: 'b', dtype: 'float32' as const, shape: [null] }],
  outputs: [{ name: 'y', dtype: 'float32' as const, shape: [null] }],
  batching: 'rows' as const,
}
const step = { type: 'made' } as unknown as Step
const b = { name: 'b', dtype: 'float32' as const, isNullable: false, shape: [] }
const id = { number: 1, text: 'r-1' }
const request = { inputs: { a: [1] } }

/** A pipeline: a stage that makes `b` of `a`, and a model that takes it. */
function served(run: ColumnStage['run']) {
  const draft = new PlanDraft({ name: 'p', steps: [] }, () => ({ name: 'm', version: 1, sha256: '', signature }))
  draft.stage('steps[0]', step, (table) => ({ takes: table, makes: [b] }), [{ name: 'a', dtype: 'float32' }])
  draft.runModels('steps[1]', ['m'], undefined)
  const compiled = draft.finish()
  const transforms = new RequestTransforms(compiled, { before: [{ run, close: () => Promise.resolve() }], behind: [] })
  const description = { rowsMax: 100 }
  const deployment = { compiled, transforms, description, freeDims: [], stagedInFlight: 0 } as unknown as Deployment
  const slot = { name: 'p', stringPath: newStringPathCounters(), current: deployment } as unknown as PipelineSlot
  return { deployment, slot }
}

const budget = {
  tryChargeRequest: vi.fn(() => true),
  releaseRequest: vi.fn(),
  usedBytes: () => ({ requests: 0, bodies: 0, answers: 0 }),
  limitBytes: 1,
}
const made: TransformColumns = { b: columnOf('float32', [7]) }
const result = {
  rows: 1,
  outputs: {},
  metadata: { timing: { totalUs: 5, sendUs: 0, steps: [] } },
} as unknown as InferResult
/** Resolves when it is told to. */
function gate() {
  let open = (): void => undefined
  const opened = new Promise<void>((resolve) => (open = resolve))
  return { open, opened }
}

describe('StagedRequests', () => {
  it('submits what the stage made, under the version for which the request came, with what is left of its deadline', async () => {
    const { open, opened } = gate()
    const { slot, deployment } = served(() => opened.then(() => made))
    const submit = vi.fn(() => Promise.resolve(result))
    const staged = new StagedRequests(budget, submit)
    const answer = staged.run(slot, deployment, { ...request, deadlineMs: 5000, timing: true }, id)
    expect([staged.inStages, deployment.stagedInFlight, submit.mock.calls.length]).toEqual([1, 1, 0])
    slot.current = null
    await new Promise((resolve) => setTimeout(resolve, 5))
    open()
    const { metadata } = await answer
    const [[, under, admitted]] = submit.mock.calls as unknown as [
      [unknown, unknown, { tensors: unknown; options: { deadlineMs: number } }],
    ]
    expect(under).toBe(deployment)
    expect(admitted.tensors).toEqual([{ dtype: 'float32', shape: [1], data: Float32Array.of(7) }])
    expect(admitted.options.deadlineMs).toBeLessThan(5000)
    expect(metadata.timing?.stages).toEqual([{ step: 'steps[0]', type: 'made', runUs: expect.any(Number) as number }])
    expect(metadata.timing?.totalUs).toBeGreaterThan(4000)
    expect([staged.inStages, deployment.stagedInFlight, slot.stringPath.stages.size]).toEqual([0, 0, 1])
    expect(budget.releaseRequest).toHaveBeenCalledTimes(1)
  })

  it('is submitted in the turn in which it came where its stage does not wait', () => {
    const { slot, deployment } = served(() => made)
    const submit = vi.fn(() => Promise.resolve(result))
    void new StagedRequests(budget, submit).run(slot, deployment, request, id)
    expect(submit).toHaveBeenCalledOnce()
  })

  it('ends the wait of its caller and the stage at the deadline, and at a hang-up', async () => {
    const signals: AbortSignal[] = []
    const { open, opened } = gate()
    // A stage that does not listen: its place stays taken until it ends.
    const { slot, deployment } = served((_, __, { signal }: StageCall) => {
      signals.push(signal)
      return opened.then(() => made)
    })
    const submit = vi.fn(() => Promise.resolve(result))
    const staged = new StagedRequests(budget, submit)
    const caller = new AbortController()
    const late = staged.run(slot, deployment, { ...request, deadlineMs: 3 }, id)
    const gone = staged.run(slot, deployment, { ...request, signal: caller.signal }, id)
    caller.abort()
    await expect(gone).rejects.toMatchObject({ code: 'ERR_ABORTED' })
    await expect(late).rejects.toMatchObject({ code: 'ERR_DEADLINE_EXCEEDED' })
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, true])
    expect(deployment.stagedInFlight).toBe(2)
    open()
    await vi.waitFor(() => expect(deployment.stagedInFlight).toBe(0))
    expect(submit).not.toHaveBeenCalled()
    expect(Object.fromEntries(slot.stringPath.failures)).toEqual({ ERR_DEADLINE_EXCEEDED: 1, ERR_ABORTED: 1 })
  })

  it('refuses more than it has room for, to be sent again', async () => {
    const { open, opened } = gate()
    const { slot, deployment } = served(() => opened.then(() => made))
    const staged = new StagedRequests(budget, () => Promise.resolve(result))
    const waiting = Array.from({ length: STAGED_PIPELINE_REQUESTS_MAX }, () =>
      staged.run(slot, deployment, request, id),
    )
    const full = staged.run(slot, deployment, request, id)
    await expect(full).rejects.toMatchObject({ code: 'ERR_QUEUE_FULL', retryable: true, retryAfterMs: 100 })
    // Another pipeline has its own share.
    const other = served(() => made)
    await expect(staged.run(other.slot, other.deployment, request, id)).resolves.toMatchObject({ rows: 1 })
    open()
    await Promise.all(waiting)
    await expect(staged.run(slot, deployment, request, id)).resolves.toMatchObject({ rows: 1 })
  })

  it('counts a failure of a stage by its place', async () => {
    const { slot, deployment } = served(() => Promise.reject(new Error('bug')))
    const staged = new StagedRequests(budget, vi.fn() as never)
    await expect(staged.run(slot, deployment, request, id)).rejects.toMatchObject({
      code: 'ERR_INTERNAL',
      message: 'steps[0] (made) of pipeline p failed; the log has the cause',
    })
    expect([...slot.stringPath.stages.values()][0]?.failures.get('ERR_INTERNAL')).toBe(1)
    expect(deployment.stagedInFlight).toBe(0)
  })
})

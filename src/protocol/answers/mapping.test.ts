/** Records to answers and back: the same tables both ways, users' own keys untouched, earlier releases read. */
import { describe, expect, it } from 'vitest'
import type { ReportedModelVersion, ReportedStatus } from '../../engine/api/generated/records.js'
import type { StatusAnswer } from './generated/answers.js'
import { answerTables } from './generated/tables.js'
import { readRecord, writeAnswer } from './mapping.js'
import type { AnswerName } from './table.js'

const version: ReportedModelVersion = {
  name: 'm',
  version: 2,
  sha256: 'ab',
  sizeBytes: 7,
  createdAt: '2026-01-02T03:04:05.678Z',
  tags: ['some_Tag'],
  signature: {
    inputs: [{ name: 'x', dtype: 'float32', shape: [null, 3], default: { shape: [3], data: [1, 'NaN', 2] } }],
    outputs: [{ name: 'y', dtype: 'int64', shape: [null], classes: ['a', 7] }],
    batching: 'rows',
    remark: '',
    copiedOutputs: ['y'],
  },
  providers: ['cuda', 'cpu'],
  deviceId: 1,
  uploaded: { sha256: 'cd', sizeBytes: 9, changes: ['Cut off a map.'] },
}

const status: ReportedStatus = {
  name: 'p',
  state: 'running',
  failure: null,
  deployed: true,
  version: 1,
  versions: [1],
  inFlight: 1,
  requestCount: 2,
  rowCount: 3,
  failures: { ERR_RUN_FAILED: 4 },
  background: [{ model: 'c', shedRows: 1, failedRows: 2, failures: { ERR_RUN_FAILED: 2 }, lastFailure: null }],
  models: [
    {
      name: 'm',
      version: 2,
      pendingRows: 5,
      isReady: true,
      isLoaded: false,
      loads: 3,
      memoryBytes: 9,
      overdueRuns: { count: 3, stuck: 1 },
      provider: 'cuda',
      runner: 'native-trees',
      isPageLocked: true,
      batching: 'row',
      isUnbatched: true,
      batchingCounts: { rowChecks: 6, rowDifferences: 7, sharedFailures: 8 },
      runPlanState: 'calibrated',
      runPlan: {
        instances: 2,
        intraOpThreads: 3,
        spinning: true,
        runRowsMax: 4,
        batchRowsMax: 5,
        alone: { intraOpThreads: 6, spinning: false },
      },
      calibration: null,
    },
  ],
  remotes: [
    {
      step: 'steps[0]',
      kind: 'oip',
      url: 'http://h/v2/models/m/infer',
      breaker: 'half-open',
      openedCount: 1,
      inFlight: 2,
      waiting: 3,
      calls: 4,
      retries: 5,
      failures: 6,
    },
  ],
}

describe('answers: the mapping', () => {
  it('answers: prints a version in the order of its table, and reads it again with the name around it', () => {
    const answer = writeAnswer('ModelVersion', version)
    expect(JSON.stringify(answer)).toBe(
      '{"version":2,"sha256":"ab","size_bytes":7,"created_at":"2026-01-02T03:04:05.678Z","tags":["some_Tag"],' +
        '"inputs":[{"name":"x","dtype":"float32","shape":[null,3],"default":{"shape":[3],"data":[1,"NaN",2]}}],' +
        '"outputs":[{"name":"y","dtype":"int64","shape":[null],"classes":["a",7]}],"batching":"rows","remark":"",' +
        '"copied_outputs":["y"],"providers":["cuda","cpu"],"device_id":1,' +
        '"uploaded":{"sha256":"cd","size_bytes":9,"changes":["Cut off a map."]}}',
    )
    expect(readRecord('ModelVersion', answer, { name: 'm' })).toEqual(version)
  })

  it('answers: keys of maps are users’ own, and names of inner records come from the answer around them', () => {
    const model = { name: 'm', aliases: { some_Alias: 2, otherAlias: 1, __proto__x: 3 }, versions: [version] }
    const answer = writeAnswer('Model', model)
    expect(answer.aliases).toEqual(model.aliases)
    expect(answer.versions[0]).not.toHaveProperty('name')
    expect(readRecord('Model', answer)).toEqual(model)
  })

  it('answers: what lies in the record itself goes there and back', () => {
    const answer = writeAnswer('Status', status)
    expect(answer.models[0]).toMatchObject({
      ready: true,
      overdue_runs: 3,
      batching: { mode: 'row', unbatched: true, row_check_differences: 7 },
      run_plan: { state: 'calibrated', instances: 2, alone: { intra_op_threads: 6, spinning: false } },
    })
    expect(readRecord('Status', answer)).toEqual(status)
  })

  it('answers: a server of an earlier release is read with what stands for its absent fields', () => {
    const { background: _background, ...rest } = writeAnswer('Status', status)
    const earlier = { ...rest, models: [{ name: 'm', version: 2, pending_rows: 0, ready: false }] } as StatusAnswer
    expect(readRecord('Status', earlier)).toMatchObject({
      background: [],
      models: [
        {
          overdueRuns: { count: 0, stuck: 0 },
          provider: 'cpu',
          batchingCounts: { rowChecks: 0 },
          runPlanState: 'default',
          runPlan: { instances: 1, alone: null },
          calibration: null,
        },
      ],
    })
  })

  it('answers: null is a value, and no absence', () => {
    const answer = { ...writeAnswer('Status', status), failure: null, version: null }
    expect(readRecord('Status', answer)).toMatchObject({ failure: null, version: null })
    const absent = JSON.parse('{"step":0,"reference":"m","model":null}') as Parameters<
      typeof readRecord<'PipelineModel'>
    >[1]
    expect(readRecord('PipelineModel', absent)).toEqual({ step: 0, reference: 'm', model: null })
  })

  it('answers: a definition keeps the words of a later release, and what the answer adds is no part of it', () => {
    const step = { type: 'model', model: 'm' } as const
    const stored = { version: 1, createdAt: 't', definition: { name: 'p', steps: [step] } }
    const answer = writeAnswer('StoredVersion', stored, { deployed: true })
    expect(answer).toEqual({ name: 'p', version: 1, created_at: 't', steps: [step], deployed: true })
    const later = { ...answer, newWord: { some_Key: 1 } }
    expect(readRecord('StoredVersion', later)).toEqual({
      ...stored,
      definition: { ...stored.definition, newWord: { some_Key: 1 } },
    })
  })

  it('answers: a result is copied as it stands, whichever of two it is', () => {
    const facts = { id: 'i', pipeline: 'p', pipelineVersion: 1, rows: 1, evaluated: 1, evaluations: 1, createdAt: 't' }
    const job = {
      ...facts,
      config: { name: 'c', method: 'occlusion' },
      state: 'done',
      endedAt: 't',
      failure: null,
      result: { method: 'occlusion', groups: ['a_B'], outputs: [1], contributions: [[2]], importances: [3] },
    } as const
    const answer = writeAnswer('Explanation', job)
    expect(answer.result).toEqual(job.result)
    expect(readRecord('Explanation', answer)).toEqual(job)
    const { result: _result, ...listed } = answer
    expect(writeAnswer('Explanations', { explanations: [job] }).explanations).toEqual([listed])
    expect(readRecord('Explanation', listed).result).toBe(null)
  })

  it.each(Object.keys(answerTables) as AnswerName[])('answers: %s has no two fields of one name', (name) => {
    const names = answerTables[name].fields.map((field) => field.name)
    expect(names.length).toBeGreaterThan(0)
    expect(new Set(names).size).toBe(names.length)
  })
})

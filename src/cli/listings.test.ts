import { describe, expect, it } from 'vitest'
import { UsageError } from './shared/failures.js'
import { describeModels } from './model/list.js'
import { readDefinition } from './pipeline/apply.js'
import { describePipelines, describeStep } from './pipeline/list.js'
import { definitionOf, describeVersion } from './pipeline/show.js'
import { describeStatus } from './pipeline/status.js'
import { describeTags } from './tags/tags.js'

const field = { name: 'x', dtype: 'float32', shape: [null, 2] }
const version = (number: number) => ({
  version: number,
  sha256: 'ab'.repeat(32),
  size_bytes: 2048,
  created_at: '2026-01-02T03:04:05.678Z',
  tags: ['t'],
  inputs: [field],
  outputs: [{ ...field, name: 'y' }],
})

describe('listings', () => {
  it('describeModels: shows the newest version and those with an alias, or all', () => {
    const models = [{ name: 'm', aliases: { champion: 1, canary: 3 }, versions: [version(1), version(2), version(3)] }]
    expect(describeModels(models, false)).toBe(
      [
        'MODEL  VERSION  ALIASES      SIZE  CREATED (UTC)        INPUTS          OUTPUTS         TAGS',
        'm            1  champion  2.0 KiB  2026-01-02 03:04:05  x float32[n,2]  y float32[n,2]  t',
        'm            3  canary    2.0 KiB  2026-01-02 03:04:05  x float32[n,2]  y float32[n,2]  t',
      ].join('\n'),
    )
    expect(describeModels(models, true).split('\n')).toHaveLength(4)
    expect(describeModels([], false)).toMatch(/penstock model add/)
  })

  it('describeModels: shows what versions run on where some version says it', () => {
    const placed = { ...version(2), providers: ['cuda', 'cpu'], device_id: 1 }
    const lines = describeModels([{ name: 'm', aliases: {}, versions: [version(1), placed] }], true).split('\n')
    expect(lines.map((line) => line.slice(-20))).toEqual([
      expect.stringMatching(/RUNS ON +TAGS$/),
      expect.stringMatching(/ - +t$/),
      expect.stringMatching(/ cuda:1, cpu +t$/),
    ])
  })

  it('describeModels: on 80 columns names, versions and sizes stay whole, the day stands for the time', () => {
    const wide = { name: 'a_long_name_of_inputs', dtype: 'float32', shape: [null, 30] }
    const long = { ...version(12), tags: [], inputs: [wide], outputs: [wide, wide] }
    const models = [{ name: 'credit-card-fraud-v2', aliases: { champion: 12 }, versions: [long] }]
    const lines = describeModels(models, false, 80).split('\n')
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(80)
    expect(lines[0]).toMatch(/^MODEL +VERSION +ALIASES +SIZE +CREATED +INP/)
    expect(lines[0]).not.toContain('TAGS')
    expect(lines[1]).toMatch(/^credit-card-fraud-v2 +12 +champ\S+ +2\.0 KiB {2}2026-01-02 {2}\S/)
    expect(describeModels(models, false)).toContain('2026-01-02 03:04:05')
  })

  it('describePipelines: shows the steps of the version that serves', () => {
    const at = (number: number, steps: unknown[]) => ({ version: number, created_at: '2026-01-02T03:04:05Z', steps })
    const pipelines = [
      {
        name: 'p',
        deployed_version: 1,
        tags: ['red', 'x'],
        created_at: '2026-01-02T03:04:05Z',
        updated_at: '2026-01-03T03:04:05Z',
        versions: [
          at(1, [
            { type: 'model', model: 'a@1' },
            { type: 'check', name: 'low' },
          ]),
          at(2, []),
        ],
      },
      { name: 'q', deployed_version: null, versions: [at(1, [{ type: 'audit', slice: '1:' }])] },
    ]
    const lines = describePipelines(pipelines).split('\n')
    expect(lines[1]).toBe('p              1       2  2026-01-02 03:04:05  2026-01-03 03:04:05  red, x  a@1 → check low')
    // What a server of an earlier release does not send.
    expect(lines[2]).toBe('q              -       1  2026-01-02 03:04:05  -                    -       audit 1:')
    expect(describePipelines([], 'x')).toMatch(/No pipeline has "x"/)
  })

  it('describeStep: has words for every kind of step, and for one that it does not know', () => {
    const cases: [unknown, string][] = [
      [{ type: 'multi-model', models: ['a', 'b'] }, '[a, b]'],
      [
        {
          type: 'random-split',
          options: [
            { weight: 2, model: 'a' },
            { weight: 1, model: 'b' },
          ],
        },
        'split(2 a, 1 b)',
      ],
      [{ type: 'key-split', key: 'k', default: 'c', options: { red: 'a' } }, 'split(red a, else c)'],
      [{ type: 'select', index: 0 }, 'select 0'],
      [{ type: 'future' }, 'future'],
      [7, '?'],
    ]
    for (const [step, text] of cases) expect(describeStep(step)).toBe(text)
  })

  it('describeStatus: prints versions, requests, failures and models', () => {
    const text = describeStatus({
      name: 'p',
      state: 'starting',
      failure: { version: 3, code: 'ERR_MODEL_NOT_FOUND', message: 'There is no model x' },
      deployed: true,
      version: 2,
      versions: [1, 2],
      in_flight: 3,
      request_count: 100,
      row_count: 5000,
      failures: { ERR_QUEUE_FULL: 4 },
      background: [
        { model: 'quiet', shed_rows: 0, failed_rows: 0, failures: {}, last_failure: null },
        {
          model: 'c',
          shed_rows: 7,
          failed_rows: 3,
          failures: { ERR_RUN_FAILED: 3 },
          last_failure: { code: 'ERR_RUN_FAILED', message: 'indices out of bounds', at: '2026-01-02T03:04:05.678Z' },
        },
      ],
      models: [{ name: 'm', version: 1, pending_rows: 8, ready: true, provider: 'cpu' }],
    })
    expect(text).toContain('p serves version 2 (of 1, 2)')
    expect(text).toContain('requests  100, 3 in flight')
    expect(text).toContain('ERR_QUEUE_FULL 4')
    expect(text).toContain('background c: 7 rows shed by a full queue; 3 rows failed with ERR_RUN_FAILED')
    expect(text).toMatch(/last, .*: indices out of bounds/)
    expect(text).not.toContain('quiet')
    expect(text).toContain('a deploy is under way')
    expect(text).toContain('the last deploy failed: version 3: There is no model x (ERR_MODEL_NOT_FOUND)')
    expect(text.split('\n')).toContain('m            1             8  yes    cpu')
  })

  it('describeStatus: says how a model runs and what was measured, or that the server does not say', () => {
    const threads = { intra_op_threads: 1, spinning: false }
    const model = { name: 'm', version: 1, pending_rows: 0, ready: true }
    const run_plan = {
      state: 'calibrated',
      instances: 2,
      ...threads,
      run_rows_max: 4,
      batch_rows_max: 8,
      alone: { intra_op_threads: 2, spinning: true },
      calibration: {
        row_us: 8620,
        batch_us: 122_000,
        rows_per_s: 131.4,
        measured_at: '2026-01-02T03:04:05.678Z',
        conditions: {
          cpu: 'A processor',
          cores: 2,
          infer_workers: 2,
          intra_op_threads: null,
          runtime: '1.0.0',
          latency_objective_ms: 100,
          batch_rows_max: 8,
          algorithm: 1,
        },
      },
    }
    const common = { deployed: true, versions: [1], in_flight: 0, request_count: 0, row_count: 0, failures: {} }
    const lineOf = (models: Parameters<typeof describeStatus>[0]['models']) =>
      describeStatus({ name: 'p', version: 1, ...common, models })
        .split('\n')
        .at(-1)
        ?.split(/ {2,}/)
    expect(lineOf([{ ...model, run_plan }])).toEqual(
      ['m@1', 'calibrated', '2', '1', '2 (spin)', '4', '8', '8.6 ms', '122.0 ms', '131'].concat(
        '2026-01-02T03:04:05.678Z on A processor, 2 cores',
      ),
    )
    expect(lineOf([{ ...model, run_plan: { ...run_plan, state: 'pending', alone: null, calibration: null } }])).toEqual(
      ['m@1', 'pending', '2', '1', '1', '4', '8', '-', '-', '-', '-'],
    )
    expect(lineOf([model])?.[1]).toBe('-')
  })

  it('describeTags: lists who carries each tag', () => {
    const tags = [{ tag: 'red wine', pipelines: ['p'], models: [{ name: 'm', version: 2 }] }]
    expect(describeTags(tags)).toBe('TAG       PIPELINES  MODELS\nred wine  p          m@2')
    expect(describeTags([])).toMatch(/There are no tags yet/)
  })

  it('pipeline show: prints a definition that apply takes again, with members that this release does not know', () => {
    const stored = { version: 2, created_at: '2026-01-02T03:04:05Z', steps: [{ type: 'select', index: 0 }], future: 1 }
    expect(definitionOf('p', stored)).toEqual({ name: 'p', steps: stored.steps, future: 1 })
    const pipeline = { name: 'p', deployed_version: 2, versions: [stored] }
    expect(describeVersion(pipeline, stored).split('\n')).toEqual([
      'p, version 2, which serves (of 2)',
      '  stored   2026-01-02 03:04:05',
      '  changed  -',
      '  tags     none',
      '',
      '  0  select 0',
    ])
  })

  it('readDefinition: takes the name from the file or the option, and refuses what has none', () => {
    expect(readDefinition({ name: 'p', steps: [] }, undefined)).toEqual({ name: 'p', steps: [] })
    expect(readDefinition([{ type: 'model' }], 'q')).toEqual({ name: 'q', steps: [{ type: 'model' }] })
    expect(readDefinition({ name: 'p', steps: [] }, 'q').name).toBe('q')
    for (const value of [{ steps: [] }, { name: 'p' }, { name: 'p', steps: {} }, 7, null])
      expect(() => readDefinition(value, undefined)).toThrow(UsageError)
  })
})

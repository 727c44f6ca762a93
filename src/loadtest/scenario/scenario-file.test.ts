import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { parseScenario } from './scenario-file.js'

type Json = Record<string, unknown>

const good = (): Json => ({
  requests: [{ pipeline: 'wine' }],
  phases: [{ closed: { inFlight: 4 }, duration: '2s' }],
})
const parse = (json: unknown) => parseScenario(JSON.stringify(json), '/scenarios/mix.json')

describe('scenario file', () => {
  it('takes the shortest scenario and fills in the rest', () => {
    const scenario = parse(good())
    expect(scenario).toMatchObject({ transport: null, connections: 4, seed: 1, objective: null })
    expect(scenario.requests).toEqual([
      {
        name: 'wine',
        weight: 1,
        pipeline: 'wine',
        rows: 1,
        source: { kind: 'ranges', fields: {}, freeDims: [16, 16] },
        meta: null,
        expect: { kind: 'answer', answers: { kind: 'best' }, tolerance: { absolute: 1e-6, relative: 1e-5 } },
      },
    ])
    expect(scenario.phases).toEqual([{ kind: 'closed', inFlight: 4, thinkMs: 0, seconds: 2, isWarmup: false }])
  })

  it('makes a request of every row count, sharing the weight', () => {
    const rows = [{ rows: 1, weight: 3 }, { rows: 64 }]
    const { requests } = parse({ ...good(), requests: [{ pipeline: 'wine', weight: 8, rows }] })
    expect(requests.map(({ name, weight, rows: count }) => [name, weight, count])).toEqual([
      ['wine, 1 row', 6, 1],
      ['wine, 64 rows', 2, 64],
    ])
  })

  it('reads open loops, ramps and times in every unit', () => {
    const phases = [
      { warmup: true, open: { rate: 100 }, duration: '500ms' },
      { open: { rate: 100, endRate: 900 }, duration: '2m' },
      { open: { rate: 900 }, duration: 3 },
    ]
    expect(parse({ ...good(), phases }).phases).toEqual([
      { kind: 'open', ratePerSecond: 100, endRatePerSecond: 100, seconds: 0.5, isWarmup: true },
      { kind: 'open', ratePerSecond: 100, endRatePerSecond: 900, seconds: 120, isWarmup: false },
      { kind: 'open', ratePerSecond: 900, endRatePerSecond: 900, seconds: 3, isWarmup: false },
    ])
  })

  it('resolves files from the folder of the scenario', () => {
    const { requests } = parse({ ...good(), requests: [{ model: 'm', inputs: { file: '../rows.csv' } }] })
    expect(requests[0]).toMatchObject({ pipeline: 'm', source: { kind: 'file', path: '/rows.csv' } })
  })

  it('keeps a body as text, and prints one that is JSON', () => {
    const requests = [
      { name: 'text', pipeline: 'p', body: '{"x', expect: { status: 400 } },
      { name: 'json', pipeline: 'p', body: { x: [1] }, contentType: 'text/plain' },
    ]
    const [text, json] = parse({ ...good(), requests }).requests
    expect(text).toMatchObject({
      source: { kind: 'body', body: '{"x', contentType: 'application/json' },
      expect: { kind: 'refusal', status: 400 },
    })
    expect(json?.source).toEqual({ kind: 'body', body: '{"x":[1]}', contentType: 'text/plain' })
  })

  const request = (changes: Json): Json => ({ ...good(), requests: [{ pipeline: 'wine', ...changes }] })
  const phase = (changes: Json): Json => ({ ...good(), phases: [{ duration: '1s', closed: {}, ...changes }] })
  it.each<[string, Json, RegExp]>([
    [
      'an unknown member',
      { ...good(), conections: 3 },
      /each key of the scenario to be one of .* but received "conections"/,
    ],
    ['no requests', { ...good(), requests: [] }, /Expected requests to be at least one request/],
    ['a request without a pipeline', { ...good(), requests: [{}] }, /Expected requests\[0\]\.pipeline to be a string/],
    ['a misspelt member', request({ weigth: 2 }), /each key of requests\[0\]/],
    ['no weight', request({ weight: 0 }), /requests\[0\]\.weight to be a number above 0/],
    ['rows beyond the limit', request({ rows: 1e6 }), /requests\[0\]\.rows to be an integer in 1\.\.262144/],
    ['rows of a mix', request({ rows: [{ rows: 1 }, { rows: 0 }] }), /requests\[0\]\.rows\[1\]\.rows/],
    ['a range upside down', request({ inputs: { ranges: { x: [3, 1] } } }), /requests\[0\]\.inputs\.ranges\.x\[1\]/],
    [
      'an element of a range',
      request({ inputs: { ranges: { x: [[0, 1], [0]] } } }),
      /inputs\.ranges\.x\[1\] to be a pair/,
    ],
    [
      'two sources of inputs',
      request({ inputs: { file: 'a', literal: {} } }),
      /requests\[0\]\.inputs to be an object with one of/,
    ],
    [
      'inputs and a body',
      request({ inputs: {}, body: '' }),
      /requests\[0\] to be an object with either "inputs" or "body"/,
    ],
    [
      'a status that is no refusal',
      request({ expect: { status: 200 } }),
      /requests\[0\]\.expect\.status to be an integer in 400/,
    ],
    [
      'a tolerance below 0',
      request({ expect: { tolerance: { absolute: -1 } } }),
      /requests\[0\]\.expect\.tolerance\.absolute/,
    ],
    [
      'the same name twice',
      { ...good(), requests: [{ pipeline: 'a' }, { pipeline: 'a' }] },
      /names of requests to be different.*Add "name"/,
    ],
    ['only warm-up', phase({ warmup: true }), /at least one phase that is no warm-up/],
    ['two kinds of phase', phase({ open: { rate: 1 } }), /phases\[0\] to be an object with either "closed" or "open"/],
    ['a duration without unit', phase({ duration: '10' }), /phases\[0\]\.duration to be a time/],
    ['a rate of 0', phase({ closed: undefined, open: { rate: 0 } }), /phases\[0\]\.open\.rate to be a number above 0/],
    ['in flight', phase({ closed: { inFlight: 0.5 } }), /phases\[0\]\.closed\.inFlight/],
    ['an objective without p99', { ...good(), objective: {} }, /Expected objective\.p99Ms/],
    ['a transport', { ...good(), transport: 'grpc' }, /Expected transport to be one of "websocket"/],
  ])('refuses %s, naming its place', (_, json, sentence) => {
    expect(() => parse(json)).toThrow(sentence)
    expect(() => parse(json)).toThrow(/^\/scenarios\/mix\.json: /)
  })

  it('refuses what is no JSON, naming the file', () => {
    expect(() => parseScenario('{', 'mix.json')).toThrow(/^mix\.json: Expected JSON/)
  })

  it('reads every example', () => {
    const folder = fileURLToPath(new URL('../../../examples/bench/', import.meta.url))
    const files = readdirSync(folder).filter((file) => file.endsWith('.json'))
    expect(files.length).toBeGreaterThanOrEqual(3)
    for (const file of files)
      expect(parseScenario(readFileSync(folder + file, 'utf8'), folder + file).name).not.toBe('')
  })
})

import { execFileSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import type { PipelineDescription } from '../../engine/api/api.js'
import { parseContract } from '../../contract/parse.js'
import { resolveContract } from '../../contract/resolve.js'
import { curlOf, formatGreeting, type Greeting } from './greeting.js'

function description(name: string, changes: Partial<PipelineDescription> = {}): PipelineDescription {
  return {
    name,
    version: 1,
    definition: { name, steps: [] },
    steps: [{ type: 'model', model: 'm' }],
    inputs: [{ name: 'x', dtype: 'float32', shape: [null, 2, 2] }],
    outputs: [{ name: 'y', dtype: 'float32', shape: [null, 1] }],
    checks: [],
    routes: [],
    others: [],
    isNonBatching: false,
    isStringPath: false,
    rowsMax: 65_536,
    models: [{ name: 'm', version: 1, sha256: '' }],
    ...changes,
  }
}

function greet(pipelines: PipelineDescription[], changes: Partial<Greeting> = {}): Promise<string> {
  const golden = async (model: string) =>
    model === 'm' ? { x: { shape: [2, 2, 2], data: [1, 2.5, 3, 4, 5, 6, 7, 8] } } : undefined
  const url = 'http://127.0.0.1:8080'
  return formatGreeting({
    release: '1.2.3',
    url,
    home: '/h',
    threadPlan: 'PLAN',
    pipelines,
    golden,
    needsKey: false,
    ...changes,
  })
}

describe('greeting', () => {
  it('formatGreeting: begins with the address, and shows plan, pipelines and a curl with the first golden row', async () => {
    const text = await greet([description('p')])
    expect(text.split('\n')[0]).toBe('Penstock 1.2.3 is listening on http://127.0.0.1:8080')
    expect(text).toContain('PLAN')
    expect(text).toMatch(/p +1 +x float32\[n,2,2\] +y float32\[n,1\]/)
    expect(text.split('\n').at(-1)).toBe(
      `  curl -s http://127.0.0.1:8080/v1/pipelines/p/infer -H 'content-type: application/json' -d '{"x":[[[1,2.5],[3,4]]]}'`,
    )
  })

  it('formatGreeting: ends with a row by its names where a pipeline has a contract with an example', async () => {
    const resolved = (example?: Record<string, string>) =>
      resolveContract(parseContract({ fields: [{ name: 'x', dtype: 'string' }], ...(example && { example }) }, 'c'))
    const none = { pipeline: 'o', reference: 'c@1', contract: resolved() }
    const named = { pipeline: 'p', reference: 'c@2', contract: resolved({ x: "it's" }) }
    const text = await greet([description('p')], { contracts: [none, named], needsKey: true })
    expect(text.split('\n').slice(-2)).toEqual([
      'By name, as the contract c@2 has it:',
      `  curl -s http://127.0.0.1:8080/predict/p -H 'content-type: application/json' -H "authorization: Bearer $PENSTOCK_API_KEY" -d '{"x":"it'\\''s"}'`,
    ])
    expect(await greet([description('p')], { contracts: [none] })).not.toContain('By name')
  })

  it('formatGreeting: prefers real rows over zeros, and skips what has no short sample', async () => {
    const zeros = description('a', { models: [{ name: 'other', version: 1, sha256: '' }] })
    const texts = description('b', { inputs: [{ name: 's', dtype: 'string', shape: [null, 1] }] })
    const large = description('c', { inputs: [{ name: 'x', dtype: 'float32', shape: [null, 224, 224] }] })
    const free = description('d', { inputs: [{ name: 'x', dtype: 'float32', shape: [null, null] }] })
    expect(await greet([zeros, texts, large, free, description('p')])).toContain('/pipelines/p/infer')
    expect(await greet([zeros, texts])).toContain(
      `/pipelines/a/infer -H 'content-type: application/json' -d '{"x":[[[0,0],[0,0]]]}'`,
    )
    expect(await greet([texts, large, free])).not.toContain('curl')
  })

  it('formatGreeting: says how to begin without pipelines, and sends the key where one is needed', async () => {
    expect(await greet([])).toMatch(/penstock model add .*\n.*pipeline apply - --deploy/)
    expect(await greet([description('p')], { needsKey: true })).toContain(
      '-H "authorization: Bearer $PENSTOCK_API_KEY"',
    )
  })

  it('curlOf: survives a shell, whatever the inputs are called', () => {
    const command = curlOf('http://h', { pipeline: 'p', body: `{"it's $HOME":[[1]]}` }, false)
    const shown = execFileSync('sh', ['-c', command.replace('curl -s', "printf '%s\\n'")], { encoding: 'utf8' })
    expect(shown.trimEnd().split('\n').at(-1)).toBe(`{"it's $HOME":[[1]]}`)
  })
})

/**
 * Pipelines with a remote step: a second Penstock process that answers, what callers of each protocol get, what happens when
 * it is gone; a remote before and behind models of one's own; what status, metrics and definitions say.
 */
import { rmSync, mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Engine, PenstockServer } from 'penstock'
import { PenstockClient } from 'penstock/client'
import { penstock, serve as serveProcess } from '../support/cli-process.js'
import { call, modelBytes, until, type Answer } from '../support/served.js'
import { RemoteServer } from '../../src/remote/testing/remote-server.js'

process.env['REMOTE_TEST_TOKEN'] = 'a-hidden-token'
let engine: Engine
let server: PenstockServer
let fake: RemoteServer
const http = (method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answer> =>
  call(server.url, method, path, body, headers)
const deploy = (name: string, definition: object): Promise<Answer> =>
  http('PUT', `/v1/pipelines/${name}?deploy=true`, definition)

beforeAll(async () => {
  fake = await RemoteServer.start(() => ({}))
  engine = await Engine.open({ inferWorkers: 1, calibration: 'off', remoteHosts: ['127.0.0.1:*'] })
  await engine.addModel('add', modelBytes('add-one'))
  await engine.applyPipeline({ name: 'add', steps: [{ type: 'model', model: 'add' }] }, { deploy: true })
  server = await PenstockServer.start({ engine, port: 0 })
})
afterAll(async () => {
  await server.close()
  await engine.close()
  await fake.close()
})

/** Ten times each number of the rows that MLflow's form has. */
const tenfold = (): void => {
  fake.handler = ({ body }) => {
    const { dataframe_split: table } = JSON.parse(body.toString()) as { dataframe_split: { data: number[][] } }
    return { body: { predictions: table.data.map((row) => row.map((value) => [value].flat().map((v) => v * 10))[0]) } }
  }
}

describe('a remote that is another Penstock', () => {
  it('answers as it does by itself over every protocol; its loss is the loss of its pipeline alone', async () => {
    const home = mkdtempSync(join(tmpdir(), 'penstock-far-'))
    const far = await serveProcess(['--home', home, '--grpc-port', 'off', '--log-level', 'warn'])
    const farCall = (method: string, path: string, body?: unknown): Promise<Answer> => call(far.url, method, path, body)
    await farCall('PUT', '/v1/models/both/versions', modelBytes('sum-and-difference'))
    await farCall('PUT', '/v1/models/upper/versions', modelBytes('upper-string'))
    for (const name of ['both', 'upper'])
      await farCall('PUT', `/v1/pipelines/${name}?deploy=true`, { steps: [{ type: 'model', model: name }] })

    for (const name of ['both', 'upper']) {
      const step = { type: 'remote', kind: 'oip', url: far.url, model: name, retries: 0, breaker: { failures: 2 } }
      expect(await deploy(name, { steps: [step] })).toMatchObject({ status: 201 })
    }
    const inputs = (await http('GET', '/v1/pipelines/both')).json
    expect(inputs['inputs']).toEqual((await farCall('GET', '/v1/pipelines/both')).json['inputs'])
    const rows = { inputs: { left: [[1, 2], [4, 6.5]], right: [[1, 1], [0.1, 0]] } } // prettier-ignore
    const direct = await farCall('POST', '/v1/pipelines/both/infer', rows)
    const near = await http('POST', '/v1/pipelines/both/infer', rows)
    expect([near.status, near.json['outputs']]).toEqual([200, direct.json['outputs']])
    const words = { inputs: { text: ['straße', '', 'x'] } }
    const nearWords = await http('POST', '/v1/pipelines/upper/infer', words)
    expect(nearWords.json['outputs']).toEqual(
      (await farCall('POST', '/v1/pipelines/upper/infer', words)).json['outputs'],
    )

    const v2 = { inputs: [{ name: 'left', datatype: 'FP32', shape: [1, 2], data: [1, 2] }, { name: 'right', datatype: 'FP32', shape: [1, 2], data: [4, 5] }] } // prettier-ignore
    const byV2 = (await http('POST', '/v2/models/both/infer', v2)).json['outputs']
    expect(byV2).toEqual((await farCall('POST', '/v2/models/both/infer', v2)).json['outputs'])
    const client = await PenstockClient.connect(server.url.replace('http', 'ws'))
    const both = await client.open('both')
    const ones = new Float32Array(2).fill(1)
    const { outputs } = await both.infer({ left: ones, right: ones })
    expect(Object.values(outputs).map(({ data }) => [...(data as Float32Array)])).toEqual([[2, 2], [0, 0]]) // prettier-ignore
    const timed = await http('POST', '/v1/pipelines/both/infer', rows, { 'penstock-timing': '1' })
    expect(timed.json['metadata']).toMatchObject({ timing: { stages: [{ step: 'steps[0]', type: 'remote' }] } })
    await client.close()

    const wrong = await http('POST', '/v1/pipelines/both/infer', { inputs: { left: [[1, 2, 3]], right: [[1, 1]] } })
    expect(wrong.json).toMatchObject({ code: 'ERR_SHAPE' })

    far.child.kill('SIGKILL')
    await far.ended
    const gone = [
      await http('POST', '/v1/pipelines/both/infer', rows),
      await http('POST', '/v1/pipelines/both/infer', rows),
    ]
    for (const { status, json } of gone) {
      expect([status, json['code']]).toEqual([503, 'ERR_REMOTE_UNAVAILABLE'])
      expect(json['error']).toMatch(
        /^steps\[0\] \(remote\) of pipeline both: http:.*\/v2\/models\/both\/infer could not be reached/,
      )
    }
    const left = await http('POST', '/v1/pipelines/both/infer', rows)
    expect(left.json['error']).toMatch(/is not asked after 2 failures in a row/)
    expect(left.headers.get('retry-after')).not.toBeNull()
    expect((await http('GET', '/v1/pipelines/both/status')).json['remotes']).toMatchObject([
      { step: 'steps[0]', kind: 'oip', breaker: 'open', opened_count: 1 },
    ])
    const shown = await penstock(['pipeline', 'status', 'both', '--url', server.url])
    expect(shown.stdout).toMatch(/steps\[0\] {2}remote oip http:\S+\/infer, left alone after failures: \d+ calls/)
    const metrics = await (await fetch(`${server.url}/metrics`)).text()
    expect(metrics).toMatch(/penstock_remote_breaker_open\{pipeline="both",step="steps\[0\]",kind="oip"\} 1/)
    const other = await http('POST', '/v1/pipelines/add/infer', { inputs: { x: [[1, 2, 3]] } })
    expect(other.json['outputs']).toEqual({ y: [[2, 3, 4]] })
    rmSync(home, { recursive: true, force: true })
  }, 60_000)
})

/** A server of its own that answers /invocations as the one or the other. */
async function farServer(invocations: 'mlflow' | 'sagemaker'): Promise<{ url: string; close: () => Promise<void> }> {
  const far = await Engine.open({ inferWorkers: 1, calibration: 'off' })
  await far.addModel('add', modelBytes('add-one'))
  await far.applyPipeline({ name: 'add', steps: [{ type: 'model', model: 'add' }] }, { deploy: true })
  const listening = await PenstockServer.start({ engine: far, port: 0, invocations })
  const close = async (): Promise<void> => {
    await listening.close()
    await far.close()
  }
  return { url: listening.url, close }
}

describe('where a model is served', () => {
  it('is a line of the definition: each kind of remote answers as the model here does', async () => {
    const [mlflow, container] = await Promise.all([farServer('mlflow'), farServer('sagemaker')])
    // What SageMaker puts between its endpoints and a container.
    const runtime = await RemoteServer.start(({ url, headers, body }, response) => {
      const type = headers['content-type'] ?? ''
      const isSigned = /^AWS4-HMAC-SHA256 Credential=me\//.test(headers.authorization ?? '')
      if (url !== '/endpoints/add/invocations' || !isSigned) return { status: 403 }
      const forwarded = { method: 'POST', headers: { 'content-type': type, accept: 'text/csv' }, body }
      void fetch(`${container.url}/invocations`, forwarded as RequestInit).then(async (answer) => {
        response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? '' })
        response.end(await answer.text())
      })
      return undefined
    })
    process.env['REMOTE_TEST_KEY'] = 'me'
    const key = { env: 'REMOTE_TEST_KEY' }
    const shared = {
      type: 'remote',
      inputs: [{ name: 'x', dtype: 'float32', shape: [3] }],
      outputs: [{ name: 'y', dtype: 'float32', shape: [3] }],
    }
    const credentials = { accessKeyId: key, secretAccessKey: key }
    const steps = {
      model: { type: 'model', model: 'add' },
      oip: { ...shared, kind: 'oip', url: mlflow.url, model: 'add' },
      bytes: { ...shared, kind: 'oip', url: mlflow.url, model: 'add', binary: true },
      mlflow: { ...shared, kind: 'mlflow', url: mlflow.url, maxRows: 2 },
      sagemaker: { ...shared, kind: 'sagemaker', url: runtime.url, endpoint: 'add', region: 'eu-west-1', credentials },
      http: {
        ...shared,
        kind: 'http',
        url: `${mlflow.url}/v1/pipelines/add/infer`,
        send: { x: '/inputs/x/*' },
        outputs: [{ ...shared.outputs[0], from: '/outputs/y/*' }],
      },
    }
    const inputs = { x: [[1, 2.5, -3], [0.1, 1e-7, 3.4e38], [-0, 7, 8], [9, 10, 11], [0.3, 0.7, 12]] } // prettier-ignore
    const answers: Record<string, unknown> = {}
    for (const [name, step] of Object.entries(steps)) {
      expect([name, (await deploy(`far-${name}`, { steps: [step] })).status]).toEqual([name, 201])
      answers[name] = (await http('POST', `/v1/pipelines/far-${name}/infer`, { inputs })).json['outputs']
    }
    const { model, ...others } = answers
    expect(model).toMatchObject({ y: [[2, 3.5, -2], {}, {}, {}, {}] })
    for (const [name, answer] of Object.entries(others)) expect([name, answer]).toEqual([name, model])
    await Promise.all([mlflow.close(), container.close(), runtime.close()])
  }, 30_000)
})

describe('a remote beside models', () => {
  const remote = { type: 'remote', kind: 'mlflow', headers: { authorization: { env: 'REMOTE_TEST_TOKEN' } } }

  it('makes the input of a model, and changes its answer', async () => {
    tenfold()
    const before = await deploy('before', {
      steps: [
        {
          ...remote,
          url: fake.url,
          inputs: [{ name: 'raw', dtype: 'float32', shape: [3] }],
          outputs: [{ name: 'x', dtype: 'float32', shape: [3] }],
        },
        { type: 'model', model: 'add' },
      ],
    })
    expect(before.status).toBe(201)
    expect(
      (await http('POST', '/v1/pipelines/before/infer', { inputs: { raw: [[1, 2, 3]] } })).json['outputs'],
    ).toEqual({
      y: [[11, 21, 31]],
    })
    const behind = await deploy('behind', {
      steps: [
        { type: 'model', model: 'add' },
        { ...remote, url: fake.url, send: ['y'], outputs: [{ name: 'z', dtype: 'float32', shape: [3] }] },
      ],
    })
    expect(behind.status).toBe(201)
    expect((await http('POST', '/v1/pipelines/behind/infer', { inputs: { x: [[1, 2, 3]] } })).json['outputs']).toEqual({
      z: [[20, 30, 40]],
    })
    expect(fake.asked.at(-1)?.headers.authorization).toBe('a-hidden-token')
  })

  it('the secret is in no definition, status or description', async () => {
    for (const path of ['/v1/pipelines/before', '/v1/pipelines/before/versions/1', '/v1/pipelines/before/status']) {
      const { text, status } = await http('GET', path)
      expect([status, text.includes('a-hidden-token')]).toEqual([200, false])
    }
    expect((await http('GET', '/v1/pipelines/before/versions/1')).text).toContain('REMOTE_TEST_TOKEN')
  })

  it('a caller who hangs up or whose time is over ends the call', async () => {
    fake.handler = () => undefined
    const ask = (headers: Record<string, string>, signal: AbortSignal | null = null): Promise<Response> =>
      fetch(`${server.url}/v1/pipelines/before/infer`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: '{"inputs":{"raw":[[1,2,3]]}}',
        signal,
      })
    const late = await ask({ 'penstock-deadline-ms': '50' })
    expect([late.status, ((await late.json()) as { code: string }).code]).toEqual([504, 'ERR_DEADLINE_EXCEEDED'])
    const leaving = new AbortController()
    const left = ask({}, leaving.signal).catch(() => null)
    const inFlight = (): number => engine.pipelineStatus('before').remotes[0]?.inFlight ?? -1
    await until('the call is under way', () => inFlight() === 1)
    leaving.abort()
    await left
    await until('the call has ended', () => inFlight() === 0)
    expect(engine.pipelineStatus('before').remotes[0]).toMatchObject({ breaker: 'closed' })
    await engine.undeployPipeline('before')
    await until('the connections are closed', () => fake.openConnections <= 1)
  })

  it('a host that the operator has not allowed is not called: the deploy says how it would be', async () => {
    const closed = await Engine.open({ inferWorkers: 1, calibration: 'off' })
    const step = { ...remote, url: fake.url, send: ['y'], outputs: [{ name: 'z', dtype: 'float32' }] }
    const steps = [{ type: 'model', model: 'add' }, step]
    await closed.addModel('add', modelBytes('add-one'))
    await expect(closed.applyPipeline({ name: 'p', steps: steps as never }, { deploy: true })).rejects.toMatchObject({
      code: 'ERR_FORBIDDEN',
      message: expect.stringMatching(/steps\[1\]\.url.*--remote-hosts 127\.0\.0\.1:\d+/) as string,
    })
    await closed.close()
  })
})

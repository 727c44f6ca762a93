/** A pipeline that is deployed anew, undeployed, or closed while its requests wait in a step: each is answered as it came. */
import { Engine, isPenstockError } from 'penstock'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { RemoteServer } from '../../src/remote/testing/remote-server.js'
import { modelBytes, until } from '../support/served.js'

let engine: Engine
let fake: RemoteServer
/** Answers that wait to be let go: x as it was sent. */
const waiting: (() => void)[] = []

beforeAll(async () => {
  fake = await RemoteServer.start(({ body }, response) => {
    const { dataframe_split: table } = JSON.parse(body.toString()) as { dataframe_split: { data: number[][] } }
    const predictions = table.data.map((row) => row.flat())
    waiting.push(() =>
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ predictions })),
    )
    return undefined
  })
  engine = await Engine.open({ inferWorkers: 1, calibration: 'off', remoteHosts: ['127.0.0.1:*'] })
  for (const name of ['add-one', 'identity-float32']) await engine.addModel(name, modelBytes(name))
})
afterAll(async () => {
  await engine.close()
  await fake.close()
})

const deploy = (model: string): Promise<unknown> => {
  const column = { name: 'x', dtype: 'float32', shape: [3] }
  const raw = { ...column, name: 'raw' }
  const remote = { type: 'remote', kind: 'mlflow', url: fake.url, retries: 0, inputs: [raw], outputs: [column] }
  return engine.applyPipeline({ name: 'p', steps: [remote, { type: 'model', model }] as never }, { deploy: true })
}
const ask = () => engine.infer('p', { inputs: { raw: [[1, 2, 3]] } })
const asked = (count: number): Promise<void> => until(`${count} requests wait`, () => waiting.length === count)
const letGo = (): void => {
  for (const answer of waiting.splice(0)) answer()
}

describe('a request in a step', () => {
  it('is answered by the version for which it came, and counted where its pipeline is', async () => {
    await deploy('add-one')
    const before = ask()
    await asked(1)
    await deploy('identity-float32')
    const after = ask()
    await asked(2)
    letGo()
    const answers = await Promise.all([before, after])
    const told = answers.map(({ outputs, metadata }) => [
      metadata.pipelineVersion,
      ...(Object.values(outputs)[0]?.data as Float32Array),
    ])
    expect(told).toEqual([
      [1, 2, 3, 4],
      [2, 1, 2, 3],
    ])
    const { pipelines } = engine.metrics()
    expect(pipelines.find(({ pipeline }) => pipeline === 'p')).toMatchObject({
      requestCount: 2,
      rowCount: 2,
      inFlight: 0,
    })
  })

  it('is answered though the pipeline is undeployed meanwhile', async () => {
    const left = ask()
    await asked(1)
    await engine.undeployPipeline('p')
    letGo()
    expect((await left).rows).toBe(1)
    await expect(ask()).rejects.toMatchObject({ code: 'ERR_PIPELINE_NOT_DEPLOYED' })
  })

  it('ends with the engine', async () => {
    await deploy('add-one')
    const left = ask().catch((error: unknown) => error)
    await asked(1)
    await engine.close()
    letGo()
    const error = await left
    expect(isPenstockError(error) && error.code, String(error)).toBe('ERR_CLOSED')
  })
})

/** Inputs with a default are optional in every form that leaves tensors out: what is sent counts, else the default does. */
import { readFileSync } from 'node:fs'
import { Field, FixedSizeList, Float32, List, Table, tableToIPC, vectorFromArray } from 'apache-arrow'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { PenstockClient } from 'penstock/client'
import { penstock } from '../support/cli-process.js'
import { call, serve, type Served } from '../support/served.js'

const file = new URL('../models/threshold-default.onnx', import.meta.url)
const x = [[0.4, 0.4, 0.4]]
const below = [[0, 0, 0]]
const above = [[1, 1, 1]]

let served: Served
beforeAll(async () => {
  served = await serve()
  await served.engine.addModel('threshold', readFileSync(file))
  await served.engine.applyPipeline(
    { name: 'threshold', steps: [{ type: 'model', model: 'threshold' }] },
    { deploy: true },
  )
})
afterAll(() => served.close())
const ask = (body: unknown) => call(served.server.url, 'POST', '/v1/pipelines/threshold/infer', body)

describe('an input with a default', () => {
  test('stands in the description of model and pipeline', async () => {
    const inputs = [
      { name: 'x', dtype: 'float32', shape: [null, 3] },
      { name: 'threshold', dtype: 'float32', shape: [1], default: { shape: [1], data: [0.5] } },
    ]
    expect((await call(served.server.url, 'GET', '/v1/models/threshold')).json).toMatchObject({
      versions: [{ inputs }],
    })
    const description = await call(served.server.url, 'GET', '/v1/pipelines/threshold/description')
    expect(description.json).toMatchObject({ inputs })
  })

  test('is optional in columns, wrapped or not, and in records', async () => {
    for (const body of [{ x }, { inputs: { x } }])
      expect((await ask(body)).json).toMatchObject({ outputs: { y: below } })
    for (const body of [{ x, threshold: [0.1] }, { inputs: { x, threshold: [0.1] } }])
      expect((await ask(body)).json).toMatchObject({ outputs: { y: above } })
    expect((await ask([{ x }])).json).toMatchObject([{ out: { y: below } }])
    expect((await ask([{ x, threshold: [0.1] }])).json).toMatchObject([{ out: { y: above } }])
    expect((await ask({ threshold: [0.1] })).json).toMatchObject({ code: 'ERR_MISSING_INPUT' })
    expect((await ask({ x, treshold: [0.1] })).json).toMatchObject({ code: 'ERR_UNKNOWN_INPUT' })
  })

  test('is optional in Open Inference requests', async () => {
    const tensor = (name: string, shape: number[], data: number[]) => ({ name, datatype: 'FP32', shape, data })
    const infer = (inputs: readonly object[]) =>
      call(served.server.url, 'POST', '/v2/models/threshold/infer', { inputs })
    const one = tensor('x', [1, 3], [0.4, 0.4, 0.4])
    expect((await infer([one])).json).toMatchObject({ outputs: [{ data: [0, 0, 0] }] })
    expect((await infer([one, tensor('threshold', [1], [0.1])])).json).toMatchObject({ outputs: [{ data: [1, 1, 1] }] })
    expect((await infer([tensor('threshold', [1], [0.1])])).status).toBe(400)
  })

  test('is optional for an embedded engine and on the command line', async () => {
    const { outputs } = await served.engine.infer('threshold', { inputs: { x } })
    expect(Array.from(outputs['y']?.data as BigInt64Array, Number)).toEqual([0, 0, 0])
    const data = JSON.stringify({ x })
    const { stdout } = await penstock(['infer', 'threshold', '--data', data, '--url', served.server.url])
    expect(JSON.parse(stdout)).toMatchObject({ outputs: { y: below } })
  })

  test('is optional over WebSocket: the client fills in the defaults that the server sent', async () => {
    const client = await PenstockClient.connect(served.server.url.replace('http', 'ws'))
    const answerOf = async (inputs: Record<string, number[] | number[][]>): Promise<number[]> => {
      const { outputs } = await client.infer('threshold', inputs)
      return Array.from(outputs['y']?.data as BigInt64Array, Number)
    }
    expect(await answerOf({ x })).toEqual([0, 0, 0])
    expect(await answerOf({ x, threshold: [0.1] })).toEqual([1, 1, 1])
    await expect(answerOf({ threshold: [0.1] })).rejects.toMatchObject({ code: 'ERR_MISSING_INPUT' })
    await expect(answerOf({ x, treshold: [0.1] })).rejects.toMatchObject({ code: 'ERR_UNKNOWN_INPUT' })
    await client.close()
  })

  test('is optional in Arrow files', async () => {
    const row = new FixedSizeList(3, new Field('item', new Float32(), false))
    const cell = vectorFromArray([x], new List(new Field('item', row, false)))
    const response = await fetch(`${served.server.url}/v1/pipelines/threshold/infer`, {
      method: 'POST',
      headers: { 'content-type': 'application/vnd.apache.arrow.file', accept: 'application/json' },
      body: tableToIPC(new Table({ x: cell }), 'file') as Uint8Array<ArrayBuffer>,
    })
    expect(await response.json()).toMatchObject({ outputs: { y: below } })
  })
})

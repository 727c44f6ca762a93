/**
 * I/O threads answer without JavaScript: shown by blocking this thread, on which the server's JavaScript runs, while a
 * client on another thread gets its answers.
 */
import { Worker } from 'node:worker_threads'
import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { call, serve, until, type Served } from '../support/served.js'

const answeredAt = 0
const doneAt = 1
const goAt = 2
const blockMsMax = 10_000

/** Runs `prepare`, waits for the word, then runs `ask` until it was answered `count` times. */
const clientProgram = (prepare: string, ask: string, count: number): string => `
  const { workerData, parentPort } = require('node:worker_threads')
  const { url, shared } = workerData
  const cells = new Int32Array(shared)
  const finish = () => { Atomics.store(cells, ${doneAt}, 1); Atomics.notify(cells, ${doneAt}) }
  async function run() {
    ${prepare}
    parentPort.postMessage('ready')
    while (Atomics.load(cells, ${goAt}) === 0) Atomics.wait(cells, ${goAt}, 0, 100)
    for (let i = 0; i < ${count}; i++) {
      await ask(i)
      Atomics.add(cells, ${answeredAt}, 1)
    }
    finish()
  }
  const ask = async (i) => { ${ask} }
  run().catch((error) => { console.error(error); finish() })`

let served: Served
beforeAll(async () => {
  served = await serve({ sockets: 'native' })
})
afterAll(() => served.close())

/** Answers that the client got while this thread was blocked. */
async function answersWhileBlocked(program: string, blockMs: number): Promise<number> {
  const shared = new SharedArrayBuffer(12)
  const cells = new Int32Array(shared)
  const worker = new Worker(program, { eval: true, workerData: { url: served.server.url, shared } })
  try {
    await once(worker, 'message')
    Atomics.store(cells, goAt, 1)
    Atomics.notify(cells, goAt)
    Atomics.wait(cells, doneAt, 0, blockMs)
    return Atomics.load(cells, answeredAt)
  } finally {
    await worker.terminate()
  }
}

describe.skipIf(process.platform !== 'linux')('an I/O thread', () => {
  it('admits frames and writes their results while JavaScript stands still', async () => {
    const program = clientProgram(
      `const { PenstockClient } = await import('penstock/client')
       globalThis.client = await PenstockClient.connect(url.replace('http', 'ws'))
       await client.infer('add', { x: new Float32Array([1, 2, 3]) })`,
      `const { outputs } = await client.infer('add', { x: new Float32Array([i, i, i]) })
       if (outputs.y.data[0] !== i + 1) throw new Error('Expected ' + (i + 1) + ' but received ' + outputs.y.data[0])`,
      200,
    )
    expect(await answersWhileBlocked(program, blockMsMax)).toBe(200)
  })

  it('answers JSON columns with a head that was judged a moment ago, and counts them', async () => {
    const post = `const response = await fetch(url + '/v1/pipelines/add/infer', {
         method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ x: [[i, i, i]] }) })
       const answer = await response.json()
       if (JSON.stringify(answer.outputs.y) !== JSON.stringify([[i + 1, i + 1, i + 1]])) throw new Error(JSON.stringify(answer))`
    const program = clientProgram(`await ask(0)`, post, 3)
    const counted = async (): Promise<number> => {
      const { text } = await call(served.server.url, 'GET', '/metrics')
      const line = /http_requests_total\{method="POST",route="[^"]*\{pipeline\}\/infer",status="200"\} (\d+)/.exec(text)
      return Number(line?.[1] ?? 0)
    }
    const before = await counted()
    let posts = 0
    let answers = 0
    // What was judged holds for a quarter of a second, which a busy machine may take to start a client.
    for (let attempt = 0; attempt < 20 && answers < 3; attempt++) {
      answers = await answersWhileBlocked(program, 200)
      posts += answers
    }
    expect(answers).toBe(3)
    expect(await counted()).toBeGreaterThanOrEqual(before + posts)
  })

  it('leaves to JavaScript what is refused, and fails what is late, with the usual words', async () => {
    const { PenstockClient } = await import('penstock/client')
    const client = await PenstockClient.connect(served.server.url.replace('http', 'ws'))
    await expect(client.infer('nowhere', { x: new Float32Array([1, 2, 3]) })).rejects.toMatchObject({
      code: 'ERR_PIPELINE_NOT_FOUND',
    })
    const late = client.infer('slow', { x: new Float32Array(400) }, { deadlineMs: 1 })
    await expect(late).rejects.toMatchObject({ code: 'ERR_DEADLINE_EXCEEDED' })
    await client.close()
    await until('it is closed', () => served.server.connectionCount === 0)
    expect(served.engine.inFlight).toBe(0)
  })
})

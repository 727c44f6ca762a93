/**
 * Criterion 16: a hundred thousand rows of the 29-float model as one Arrow body, against the same rows as one request
 * over the WebSocket. One at a time, so that a trial's figure is what a request takes from end to end; the clients are
 * alike in what they do with an answer (the bytes arrive whole, nothing is printed). The answers of both are checked
 * before the trials.
 *
 * `outputs` has what the WebSocket's answer has, and is what the target is about. `flat` is the SDK's form, which sends
 * the inputs back; `everything` says model, version, server and time in every row besides: both are shown for
 * themselves.
 */
import { Agent, request as httpRequest } from 'node:http'
import { join } from 'node:path'
import { tableFromIPC } from 'apache-arrow'
import { PenstockClient } from '../../src/client/index.js'
import { tableOf, tensorColumn } from '../../src/formats/arrow/column-types.js'
import { writeArrow } from '../../src/formats/arrow/write-arrow.js'
import { projectRoot } from '../harness/project.js'
import { median } from '../harness/report.js'
import type { RunningServer } from '../harness/servers.js'
import { prepareModel, withPenstock } from './penstock.js'
import { drawRequests, type Requests } from './requests.js'
import { interleave, ratios, resultsOf, samplesOf } from './rounds.js'
import { criterionResult, type Bench, type Finding, type Criterion } from './row.js'
import { shortNumber } from './table.js'

const modelPath = join(projectRoot, 'examples', 'models', 'fraud-mlp', 'model.onnx')
const criterionNumber = 16
const rows = 100_000
const pipeline = 'arrow-body'
const contentType = 'application/vnd.apache.arrow.file'
const forms = {
  outputs: { query: 'dataset=out', required: 1.5 },
  flat: { query: 'dataset=*&dataset_separator=.', required: null },
  everything: { query: '', required: null },
} as const
type Form = keyof typeof forms

export const arrowBodyCriterion: Criterion = {
  number: criterionNumber,
  title: 'a hundred thousand rows as Arrow',
  measure,
}

async function measure(bench: Bench): Promise<Finding[]> {
  const requests = await drawRequests(modelPath, { count: 1, rows })
  const home = await prepareModel(bench, pipeline, modelPath)
  return withPenstock(home, async (server) => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    const client = await PenstockClient.connect(`http://127.0.0.1:${server.port}`)
    try {
      const senders = await checkedSenders(server, agent, client, requests)
      const results = await interleave(bench.rounds, senders.trials(bench))
      return (Object.keys(forms) as Form[]).map((form) => resultOf(form, results))
    } finally {
      agent.destroy()
      await client.close()
    }
  })
}

type Send = () => Promise<unknown>

async function checkedSenders(
  server: RunningServer,
  agent: Agent,
  client: PenstockClient,
  { bodies, outputs }: Requests,
): Promise<{ trials(bench: Bench): Record<'websocket' | Form, () => Promise<number>> }> {
  const [drawn] = bodies
  const output = outputs[0]?.name ?? ''
  if (drawn === undefined) throw new Error('Expected a request to send')
  const expected = drawn.expected[output]?.data as Float32Array
  const body = Buffer.from(
    writeArrow(tableOf(Object.entries(drawn.inputs).map(([name, tensor]) => tensorColumn(name, tensor))), 'file'),
  )
  const channel = await client.open(pipeline)
  const post =
    (form: Form): Send =>
    () =>
      postArrow(server, agent, body, forms[form].query)
  const answers = [
    (await channel.infer(drawn.inputs)).outputs[output]?.data as Float32Array,
    ...(await Promise.all(
      (Object.keys(forms) as Form[]).map(async (form) =>
        outputOf(await postArrow(server, agent, body, forms[form].query), output),
      ),
    )),
  ]
  for (const answer of answers) {
    const isRight =
      answer.length === expected.length &&
      answer.every((value, index) => Math.abs(value - (expected[index] as number)) < 1e-5)
    if (!isRight) throw new Error('Expected every answer to be the model’s, but one was not')
  }
  return {
    trials: (bench) => ({
      websocket: () => msPerRequest(bench, () => channel.infer(drawn.inputs)),
      outputs: () => msPerRequest(bench, post('outputs')),
      flat: () => msPerRequest(bench, post('flat')),
      everything: () => msPerRequest(bench, post('everything')),
    }),
  }
}

/** The median of the requests of one trial, milliseconds. */
async function msPerRequest(bench: Bench, send: Send): Promise<number> {
  const times: number[] = []
  const begunMs = performance.now()
  const warmMs = begunMs + bench.warmupSeconds * 1000
  const endMs = warmMs + bench.seconds * 1000
  while (performance.now() < endMs || times.length === 0) {
    const sentMs = performance.now()
    await send()
    if (sentMs >= warmMs) times.push(performance.now() - sentMs)
  }
  return median(times)
}

function postArrow({ port }: RunningServer, agent: Agent, body: Buffer, query: string): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const path = `/v1/pipelines/${pipeline}/infer${query === '' ? '' : `?${query}`}`
    const headers = { 'content-type': contentType, 'content-length': body.length }
    const call = httpRequest({ host: '127.0.0.1', port, path, method: 'POST', agent, headers }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('error', reject)
      response.on('end', () => {
        const bytes = Buffer.concat(chunks)
        if (response.statusCode === 200) resolve(bytes)
        else reject(new Error(`Expected 200 but received ${response.statusCode}: ${bytes.toString('utf8', 0, 200)}`))
      })
    })
    call.on('error', reject)
    call.end(body)
  })
}

function outputOf(bytes: Buffer, output: string): Float32Array {
  const table = tableFromIPC(bytes)
  const column = table.getChild(`out.${output}`) ?? table.getChild('out')?.getChild(output)
  return column?.data[0]?.children[0]?.values as Float32Array
}

function resultOf(form: Form, results: Map<string, number[]>): Finding {
  const websocket = resultsOf(results, 'websocket')
  const samples = ratios(resultsOf(results, form), websocket, (ms) => ms)
  const baseline = `WebSocket ${shortNumber(samplesOf(websocket).median)} ms`
  return criterionResult(criterionNumber, `100,000 rows as Arrow, ${form}`, samples, {
    unit: '×',
    baseline,
    better: 'less',
    required: forms[form].required,
  })
}

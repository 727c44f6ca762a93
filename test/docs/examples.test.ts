/**
 * The examples as a newcomer meets them: every model and pipeline of examples/ in one server, every request of
 * examples/README.md sent as written and its printed answer compared, and the programs of examples/client run.
 */
import { spawn } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Contract, Engine, PenstockServer } from 'penstock'
import {
  difference,
  examplesPath,
  exampleModels,
  goldenRows,
  modelPath,
  readGolden,
  typedData,
} from '../support/goldens.js'
import { TestLog } from '../support/log-harness.js'

interface Answer {
  outputs: Record<string, unknown>
  check_failures: unknown
  metadata: Record<string, unknown>
}

const log = new TestLog()
let engine: Engine
let server: PenstockServer

const definitions = readdirSync(`${examplesPath}pipelines`).map(
  (file) =>
    JSON.parse(readFileSync(`${examplesPath}pipelines/${file}`, 'utf8')) as {
      name: string
      contract?: string
      steps: never[]
    },
)

beforeAll(async () => {
  engine = await Engine.open({ calibration: 'off', log })
  for (const name of exampleModels) await engine.addModel(name, readFileSync(modelPath(name)), { alias: 'champion' })
  server = await PenstockServer.start({ engine, port: 0 })
  for (const file of readdirSync(`${examplesPath}tokenizers`))
    await engine.tokenizers.add(file.replace(/\.json$/, ''), readFileSync(`${examplesPath}tokenizers/${file}`))
  for (const file of readdirSync(`${examplesPath}contracts`))
    await engine.contracts.put(JSON.parse(readFileSync(`${examplesPath}contracts/${file}`, 'utf8')) as Contract)
  for (const { name, contract, steps } of definitions) {
    const response = await fetch(`${server.url}/v1/pipelines/${name}?deploy=true`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ contract, steps }),
    })
    expect(response.status, `${name}: ${await response.clone().text()}`).toBe(201)
  }
})

afterAll(async () => {
  await server?.close()
  await engine?.close()
})

const features = readGolden('wine-gbt').inputs['features']
const quality = (model: string, row: number): number => readGolden(model).outputs['quality']?.data[row] ?? Number.NaN

function wines(start: number, end: number) {
  const tensor = goldenRows({ features: features! }, start, end)['features']!
  return { features: { dtype: 'float32' as const, shape: tensor.shape, data: typedData(tensor) } }
}

describe('examples: pipelines', () => {
  test('examples: every pipeline of the folder is deployed under the name of its file', () => {
    const files = readdirSync(`${examplesPath}pipelines`).map((file) => file.replace(/\.json$/, ''))
    expect(definitions.map(({ name }) => name)).toEqual(files)
    expect(engine.listPipelines().filter(({ deployedVersion }) => deployedVersion === 1)).toHaveLength(files.length)
  })

  test('examples: wine-chain answers as wine-mlp', async () => {
    const golden = readGolden('wine-mlp')
    const { outputs } = await engine.infer('wine-chain', { inputs: wines(0, 16) })
    expect(difference(outputs['quality'], golden.outputs['quality']!, golden.tolerance)).toBeNull()
  })

  test('examples: wine-by-colour scores each row by the model of its colour', async () => {
    const colours = Array.from({ length: 16 }, (_, row) => ['white', 'red', 'rosé'][row % 3]!)
    const models = { white: 'wine-gbt', red: 'wine-extra-trees', rosé: 'wine-forest' } as Record<string, string>
    const { outputs, metadata } = await engine.infer('wine-by-colour', {
      inputs: wines(0, 16),
      meta: { colour: colours },
    })
    expect(metadata.route).toEqual(colours.map((colour) => models[colour]))
    for (const [row, colour] of colours.entries()) {
      expect(Number(outputs['quality']?.data[row])).toBeCloseTo(quality(models[colour]!, row), 3)
    }
  })

  test('examples: wine-ab sends a session always to the same model, 2 : 1', async () => {
    const session = Array.from({ length: 16 }, (_, row) => (row + 0.5) / 16)
    const { metadata, outputs } = await engine.infer('wine-ab', { inputs: wines(0, 16), meta: { session } })
    const expected = session.map((number) => (number < 2 / 3 ? 'wine-gbt' : 'wine-mlp'))
    expect(metadata.route).toEqual(expected)
    for (const [row, model] of expected.entries()) {
      expect(Number(outputs['quality']?.data[row])).toBeCloseTo(quality(model, row), 3)
    }
  })

  test('examples: wine-shadow answers with the champion and logs its challengers', async () => {
    const { outputs } = await engine.infer('wine-shadow', { inputs: wines(0, 16) })
    expect(Object.keys(outputs)).toEqual(['quality'])
    expect(
      difference(outputs['quality'], readGolden('wine-gbt').outputs['quality']!, readGolden('wine-gbt').tolerance),
    ).toBeNull()
    await log.requestsWhen(engine, 1, 'wine-shadow')
    const record = log.requests('wine-shadow').findLast(({ rows }) => rows === 16)
    for (const model of ['wine-forest', 'wine-mlp']) {
      const golden = readGolden(model)
      const data = record?.audited[model]?.['quality']?.data as Float32Array
      const { shape } = golden.outputs['quality']!
      expect(difference({ shape, data }, golden.outputs['quality']!, golden.tolerance), model).toBeNull()
    }
  })

  test('examples: wine-checked names the rows of which a check failed', async () => {
    const { features: tensor } = wines(0, 3)
    const data = Float32Array.from(tensor.data as Float32Array)
    data[12 + 10] = 60
    const { checkFailures, rows } = await engine.infer('wine-checked', { inputs: { features: { ...tensor, data } } })
    expect(rows).toBe(3)
    expect(checkFailures.find(({ check }) => check === 'alcohol-in-range')).toEqual({
      check: 'alcohol-in-range',
      rows: [1],
    })
  })

  test('examples: wine-raw answers raw rows with a text and missing values as wine-mlp does the rows made by hand', async () => {
    const { features } = wines(0, 16)
    const [data, names] = [features.data as Float32Array, rawColumns()]
    const inputs = Object.fromEntries(
      names.map((name, column) => {
        const values = Array.from({ length: 16 }, (_, row) => data[row * 12 + column]!)
        return [
          name,
          name === 'type' ? values.map((value) => (value === 0 ? 'red' : 'white')) : Float32Array.from(values),
        ]
      }),
    )
    const expected = readGolden('wine-mlp').outputs['quality']!.data as number[]
    const { outputs } = await engine.infer('wine-raw', { inputs })
    expect([...(outputs['quality']!.data as Float32Array)]).toEqual(expected.map((value) => Math.round(value)))
    const missing = { ...inputs, alcohol: Float32Array.from({ length: 16 }, () => NaN) }
    const filled = await engine.infer('wine-raw', { inputs: missing })
    const mean = Float32Array.from(data, (value, at) => (at % 12 === 10 ? 10.49 : value))
    await engine.applyPipeline(
      { name: 'wine-by-hand', steps: [{ type: 'model', model: 'wine-mlp' }] },
      { deploy: true },
    )
    const byHand = await engine.infer('wine-by-hand', { inputs: { features: { ...features, data: mean } } })
    expect([...(filled.outputs['quality']!.data as Float32Array)]).toEqual(
      [...(byHand.outputs['quality']!.data as Float32Array)].map((value) => Math.round(value)),
    )
  })
})

function rawColumns(): string[] {
  const { fields } = JSON.parse(readFileSync(`${examplesPath}contracts/wine-raw.json`, 'utf8')) as Contract
  return fields.filter(({ role }) => role === undefined).map(({ name }) => name)
}

const page = readFileSync(`${examplesPath}README.md`, 'utf8')
const everything = [
  ...page.matchAll(/```sh\ncurl -s http:\/\/127\.0\.0\.1:8080(\S+) --json '([^']+)'\n```\n```json\n([^`]+)```/g),
].map(([, path, body, answer]) => ({ path: path!, body: body!, answer: JSON.parse(answer!) as Answer }))
const shown = everything.filter(({ path }) => !path.startsWith('/predict'))
const predicted = everything.filter(({ path }) => path.startsWith('/predict'))

/** Numbers as printed may differ in the last digits from processor to processor. */
function rounded(value: unknown): unknown {
  if (typeof value === 'number') return Number(Math.abs(value) < 0.01 ? value.toFixed(5) : value.toPrecision(4)) + 0
  return Array.isArray(value) ? value.map(rounded) : value
}

function roundedOutputs({ outputs }: Answer): Record<string, unknown> {
  return Object.fromEntries(Object.entries(outputs).map(([name, value]) => [name, rounded(value)]))
}

describe('examples: README', () => {
  test('examples: the page shows a request to every pipeline', () => {
    expect(shown.map(({ path }) => path.split('/')[3]).sort()).toEqual(definitions.map(({ name }) => name).sort())
  })

  test.each(shown)('examples: $path answers as the page shows', async ({ path, body, answer }) => {
    const response = await fetch(`${server.url}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'application/json' },
      body,
    })
    const received = (await response.json()) as Answer
    expect(response.status, JSON.stringify(received)).toBe(200)
    expect(Object.keys(received.outputs)).toEqual(Object.keys(answer.outputs))
    expect(roundedOutputs(received)).toEqual(roundedOutputs(answer))
    expect(received.check_failures).toEqual(answer.check_failures)
    expect(Object.keys(received.metadata).sort()).toEqual(Object.keys(answer.metadata).sort())
    for (const key of ['pipeline', 'pipeline_version', 'last_model', 'route']) {
      expect(received.metadata[key], key).toEqual(answer.metadata[key])
    }
  })
})

describe('examples: README, by name', () => {
  test('examples: the page shows a row of every contract', () => {
    const named = definitions.flatMap(({ name, contract }) => (contract === undefined ? [] : [`/predict/${name}`]))
    expect([...new Set(predicted.map(({ path }) => path))].sort()).toEqual(named.sort())
  })

  test.each(predicted)('examples: $path answers as the page shows', async ({ path, body, answer }) => {
    const response = await fetch(`${server.url}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
    })
    const roundedValues = (value: unknown): unknown =>
      JSON.parse(JSON.stringify(value), (_, one: unknown) => rounded(one))
    expect(roundedValues(await response.json())).toEqual(roundedValues(answer))
  })
})

/** Runs a program of examples/client to its end; resolves with what it printed. */
async function run(program: string, ...values: string[]): Promise<{ code: number | null; output: string }> {
  const child = spawn(process.execPath, [`${examplesPath}client/${program}`, ...values], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()))
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve))
  return { code, output }
}

describe('examples: README, your own model', () => {
  const commands = [...page.matchAll(/curl -s -X PUT 'http:\/\/127\.0\.0\.1:8080(\S+)' \\\n([^`]+?)(?=\ncurl|\n```)/g)]

  test('examples: the shown uploads are taken, and their pipeline answers as wine-gbt', async () => {
    expect(commands).toHaveLength(2)
    for (const [, path, rest] of commands) {
      const file = /--data-binary @(\S+)/.exec(rest!)?.[1]
      const response = await fetch(server.url + path!, {
        method: 'PUT',
        headers: { 'content-type': file === undefined ? 'application/json' : 'application/octet-stream' },
        body: file === undefined ? /--json '([^']+)'/.exec(rest!)![1]! : readFileSync(`${examplesPath}../${file}`),
      })
      expect(response.status, await response.text()).toBe(201)
    }
    const { outputs } = await engine.infer('mine', { inputs: wines(0, 16) })
    const golden = readGolden('wine-gbt')
    expect(difference(outputs['quality'], golden.outputs['quality']!, golden.tolerance)).toBeNull()
  })
})

describe('examples: programs', () => {
  test('examples: stream.mjs prints the routed answers and loses no request', async () => {
    const { code, output } = await run('stream.mjs', server.url.replace('http', 'ws'), '2000')
    expect(output).toContain(`white: quality ${quality('wine-gbt', 0).toFixed(2)}, scored by wine-gbt`)
    expect(output).toContain(`red: quality ${quality('wine-extra-trees', 1).toFixed(2)}, scored by wine-extra-trees`)
    expect(output).toContain(`rosé: quality ${quality('wine-forest', 2).toFixed(2)}, scored by wine-forest`)
    expect(output).toMatch(/^2000 of 2000 requests answered, \d+ a second$/m)
    expect(code).toBe(0)
  })

  test('examples: embedded.mjs scores before and after its promotion', async () => {
    const { code, output } = await run('embedded.mjs')
    const line = (model: string) => [0, 1, 2].map((row) => quality(model, row).toFixed(2)).join(', ')
    expect(output).toContain(`version 1, boosted trees: ${line('wine-gbt')}; 0 checks failed`)
    expect(output).toContain(`version 2, network: ${line('wine-mlp')}; 0 checks failed`)
    expect(code).toBe(0)
  })
})

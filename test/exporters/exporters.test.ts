/**
 * Every model that make_models.py could write is uploaded as its exporter left it and must answer as its trainer does:
 * all rows in one request, each alone, and 64 callers at once, as columns and as records, missing values as null.
 */
import { execFile } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { Engine, PenstockServer } from 'penstock'
import { afterAll, describe, expect, it } from 'vitest'
import { pythonWith } from '../interop/venv.js'

type Cell = number | string | boolean | null | Cell[]

interface Case {
  readonly tool: string
  readonly inputs: Readonly<Record<string, Cell[]>>
  readonly outputs: Readonly<Record<string, Cell[]>>
  readonly tolerance: number
  /** False: rows of different callers must not share a batch. */
  readonly rows: boolean
}

/** Rows are independent, but not provably: a Reshape whose rows only the whole graph explains. Right all the same, one request a run. */
const unproven = ['sk-k-neighbors', 'sk-k-neighbors-regressor', 'sk-ada-boost-regressor']

/** Graphs that are one tree ensemble: the kernels for them answer, which the inspection proves. */
const onTrees =
  /^(lightgbm|xgboost|catboost)-|^sk-(decision-tree|extra-tree|extra-trees|random-forest|(hist-)?gradient-boosting)(-regressor)?$/

const CALLERS = 64
/** Requests of every caller. */
const TURNS = 3

const here = fileURLToPath(new URL('.', import.meta.url))
const folder = await mkdtemp(join(tmpdir(), 'penstock-exporters-'))
const python = await pythonWith('exporters-python', join(here, 'requirements.txt'))
const quiet = { env: { ...process.env, PYTHONWARNINGS: 'ignore' }, maxBuffer: 2 ** 26 }
await promisify(execFile)(python, [join(here, 'make_models.py'), folder], quiet)
// TensorFlow has no wheel for every machine; its networks are left out there, with the reason.
const kerasMissing = await pythonWith('keras-python', join(here, 'requirements-keras.txt')).then(
  async (keras) => {
    await promisify(execFile)(keras, [join(here, 'make_keras.py'), folder], quiet)
    return ''
  },
  (error: unknown) => `TensorFlow does not install here: ${String(error).slice(0, 300)}`,
)

const names = readdirSync(folder)
  .filter((name) => name.endsWith('.onnx'))
  .map((name) => name.slice(0, -'.onnx'.length))
const unwritten = JSON.parse(readFileSync(join(folder, 'unwritten.json'), 'utf8')) as Record<string, string>
const engine = await Engine.open({ inferWorkers: 2, calibration: 'off' })
const server = await PenstockServer.start({ engine, port: 0 })

afterAll(async () => {
  await server.close()
  await engine.close()
  await rm(folder, { recursive: true, force: true })
})

async function send(method: string, path: string, type: string, body: Buffer | string): Promise<unknown> {
  const response = await fetch(server.url + path, {
    method,
    headers: { 'content-type': type },
    body: typeof body === 'string' ? body : new Uint8Array(body),
  })
  const text = await response.text()
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`)
  return JSON.parse(text)
}

const json = 'application/json'

async function deploy(name: string): Promise<{ batching: string; runner: { name: string; reason: string } }> {
  const version = await send(
    'PUT',
    `/v1/models/${name}/versions?alias=champion`,
    'application/octet-stream',
    readFileSync(join(folder, `${name}.onnx`)),
  )
  const steps = [{ type: 'model', model: `${name}@champion` }]
  await send('PUT', `/v1/pipelines/${name}?deploy=true`, json, JSON.stringify({ steps }))
  return version as Awaited<ReturnType<typeof deploy>>
}

/** The answer's outputs to the rows `chosen`. */
async function askColumns(name: string, { inputs }: Case, chosen: readonly number[]): Promise<Record<string, Cell[]>> {
  const columns = Object.entries(inputs).map(([key, rows]) => [key, chosen.map((row) => rows[row] as Cell)])
  const body = JSON.stringify({ inputs: Object.fromEntries(columns) as unknown })
  const answer = await send('POST', `/v1/pipelines/${name}/infer`, json, body)
  return (answer as { outputs: Record<string, Cell[]> }).outputs
}

async function askRecords(name: string, { inputs }: Case, chosen: readonly number[]): Promise<Record<string, Cell[]>> {
  const records = chosen.map((row) =>
    Object.fromEntries(Object.entries(inputs).map(([key, rows]) => [key, rows[row] as Cell])),
  )
  const answer = await send('POST', `/v1/pipelines/${name}/infer`, json, JSON.stringify(records))
  const rows = answer as { out: Record<string, Cell> }[]
  const outputs = Object.keys(rows[0]?.out ?? {})
  return Object.fromEntries(outputs.map((key) => [key, rows.map(({ out }) => out[key] as Cell)]))
}

const flat = (cell: Cell): Cell[] => (Array.isArray(cell) ? cell.flatMap(flat) : [cell])

/** What differs from the trainer's answers to `chosen`, or ''. */
function difference(made: Case, chosen: readonly number[], outputs: Record<string, Cell[]>): string {
  for (const [name, expected] of Object.entries(made.outputs)) {
    const answered = outputs[name]
    if (answered === undefined) return `there is no output ${name}, but ${Object.keys(outputs).join(', ')}`
    if (answered.length !== chosen.length) return `${name} has ${answered.length} rows for ${chosen.length}`
    for (const [index, row] of chosen.entries()) {
      const [right, got] = [flat(expected[row] as Cell), flat(answered[index] as Cell)]
      const isSame =
        right.length === got.length && right.every((cell, at) => isClose(cell, got[at] ?? null, made.tolerance))
      if (!isSame) return `${name} of row ${row}: ${JSON.stringify(got)} is not the trainer's ${JSON.stringify(right)}`
    }
  }
  return ''
}

function isClose(right: Cell, got: Cell, tolerance: number): boolean {
  if (typeof right === 'boolean') return Number(right) === Number(got)
  if (typeof right !== 'number' || typeof got !== 'number') return right === got
  return Math.abs(right - got) <= tolerance * Math.max(1, Math.abs(right))
}

describe('exporters', () => {
  it('write every model of the suite', () => {
    expect(unwritten).toEqual({})
    expect(names.filter((name) => name.startsWith('sk-')).length).toBeGreaterThanOrEqual(35)
  })

  it('write networks of Keras', (context) => {
    if (kerasMissing !== '') context.skip(kerasMissing)
    expect(names.filter((name) => name.startsWith('keras-'))).toHaveLength(3)
  })

  it.each(names)('%s: answers as its trainer does', async (name) => {
    const made = JSON.parse(readFileSync(join(folder, `${name}.json`), 'utf8')) as Case
    const { batching, runner } = await deploy(name)
    expect(runner.name, runner.reason).toBe(onTrees.test(name) ? 'native-trees' : 'onnxruntime')
    if (made.rows) expect(batching).toBe(unproven.includes(name) ? 'whole' : 'rows')
    else expect(batching).not.toBe('rows')
    const all = Object.values(made.inputs)[0]?.map((_row, index) => index) ?? []
    const wrong: string[] = []
    const check = (how: string, chosen: readonly number[], outputs: Record<string, Cell[]>): void => {
      const found = difference(made, chosen, outputs)
      if (found !== '') wrong.push(`${how}: ${found}`)
    }
    // Companions of one request may mix where the model mixes rows: only rows alone have one right answer then.
    if (made.rows) check('in one request', all, await askColumns(name, made, all))
    if (made.rows) check('as records', all, await askRecords(name, made, all))
    for (const row of all.slice(0, 12)) check('alone', [row], await askColumns(name, made, [row]))
    await Promise.all(
      Array.from({ length: CALLERS }, async (_, caller) => {
        for (let turn = 0; turn < TURNS; turn++) {
          const row = (caller * 7 + turn * 13) % all.length
          const ask = caller % 2 === 0 ? askColumns : askRecords
          check(`one of ${CALLERS} callers`, [row], await ask(name, made, [row]))
        }
      }),
    )
    expect(wrong, `${made.tool}\n${wrong.slice(0, 5).join('\n')}`).toEqual([])
    await send('POST', `/v1/pipelines/${name}/undeploy`, json, '')
  })
})

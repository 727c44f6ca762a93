/**
 * Embeddings by the clients that OpenAI and Ollama publish, in JavaScript and in Python, against one server with keys: the same
 * vectors as the pipeline answers, the same errors as these clients know.
 */
import { execFile } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Engine, Home, PenstockServer } from 'penstock'
import { examplesPath, modelPath } from '../../support/goldens.js'
import { interopPath, pythonWith } from '../venv.js'

const here = fileURLToPath(new URL('.', import.meta.url))
const run = promisify(execFile)
const texts = ['The staff was friendly.', 'what a waste of money', 'Ünïcödé 東京 👍']

interface OpenAiClient {
  readonly embeddings: {
    create(body: object): Promise<{ data: { embedding: number[] }[]; usage: { prompt_tokens: number }; model: string }>
  }
}
interface OllamaClient {
  embed(body: object): Promise<{ embeddings: number[][]; prompt_eval_count: number; total_duration: number }>
  embeddings(body: object): Promise<{ embedding: number[] }>
  list(): Promise<{ models: { name: string }[] }>
}
interface Failure {
  readonly status?: number
  readonly status_code?: number
  readonly code?: string
  readonly message: string
}

let engine: Engine
let server: PenstockServer
let home: Home
let folder = ''
let key = ''
let bound = ''
let expected: number[][] = []
let OpenAI: new (options: object) => OpenAiClient
let Ollama: new (options: object) => OllamaClient

/** Installs the clients of clients.json below build/interop, once. */
async function installed(): Promise<string> {
  const place = join(interopPath, 'embeddings-clients')
  const wanted = readFileSync(join(here, 'clients.json'), 'utf8')
  const isThere =
    existsSync(join(place, 'node_modules', 'openai')) && readFileSync(join(place, 'package.json'), 'utf8') === wanted
  if (isThere) return place
  rmSync(place, { recursive: true, force: true })
  mkdirSync(place, { recursive: true })
  cpSync(join(here, 'clients.json'), join(place, 'package.json'))
  await run('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--no-package-lock'], { cwd: place })
  return place
}

beforeAll(async () => {
  const require = createRequire(join(await installed(), 'index.js'))
  const load = async (name: string): Promise<Record<string, unknown>> =>
    (await import(pathToFileURL(require.resolve(name)).href)) as Record<string, unknown>
  OpenAI = ((await load('openai'))['OpenAI'] ?? (await load('openai'))['default']) as typeof OpenAI
  Ollama = (await load('ollama'))['Ollama'] as typeof Ollama
  folder = mkdtempSync(join(tmpdir(), 'penstock-embeddings-'))
  home = await Home.open({ path: folder })
  const { models, pipelines, tokenizers } = home
  engine = await Engine.open({ inferWorkers: 1, calibration: 'off', models, pipelines, tokenizers })
  await engine.addModel('review-encoder', readFileSync(modelPath('review-encoder')), { alias: 'champion' })
  await engine.tokenizers.add('reviews', readFileSync(`${examplesPath}tokenizers/reviews.json`))
  const definition = JSON.parse(readFileSync(`${examplesPath}pipelines/embed.json`, 'utf8')) as never
  await engine.applyPipeline(definition, { deploy: true })
  key = (await home.keys.create('infers', { scopes: ['infer'] })).key
  bound = (await home.keys.create('elsewhere', { scopes: ['infer'], pipelines: ['other'] })).key
  server = await PenstockServer.start({ engine, port: 0, keys: home.keys })
  const { outputs } = await engine.infer('embed', { inputs: { text: texts } })
  const data = outputs['embedding']?.data as Float32Array
  expected = texts.map((_, row) => [...data.slice(row * 48, (row + 1) * 48)])
}, 300_000)

afterAll(async () => {
  await server?.close()
  await engine?.close()
  await home?.close()
  rmSync(folder, { recursive: true, force: true })
})

const openAi = (apiKey = key): OpenAiClient => new OpenAI({ baseURL: `${server.url}/v1`, apiKey, maxRetries: 0 })
const ollama = (apiKey = key): OllamaClient =>
  new Ollama({ host: server.url, headers: { authorization: `Bearer ${apiKey}` } })

const failureOf = (call: Promise<unknown>): Promise<Failure> =>
  call.then(
    () => Promise.reject(new Error('expected a failure')),
    (error: unknown) => error as Failure,
  )

describe('clients of embeddings', () => {
  it('openai for JavaScript gets the vectors, as base64 which it asks for by itself and as numbers', async () => {
    const answer = await openAi().embeddings.create({ model: 'embed', input: texts })
    expect(answer.data.map(({ embedding }) => [...embedding])).toEqual(expected)
    expect(answer.model).toBe('embed')
    expect(answer.usage.prompt_tokens).toBeGreaterThan(15)
    const one = await openAi().embeddings.create({ model: 'embed', input: texts[0], encoding_format: 'float' })
    expect(Float32Array.from(one.data[0]?.embedding ?? [])).toEqual(Float32Array.from(expected[0] ?? []))
  })

  it('openai for JavaScript knows the errors', async () => {
    const ask = (body: object, apiKey = key): Promise<Failure> => failureOf(openAi(apiKey).embeddings.create(body))
    expect(await ask({ model: 'embedd', input: 'a' })).toMatchObject({ status: 404, code: 'model_not_found' })
    expect((await ask({ model: 'embed', input: 'a', dimensions: 7 })).message).toMatch(/dimensions to be 48/)
    expect(await ask({ model: 'embed', input: 'a' }, 'wrong')).toMatchObject({ status: 401 })
    expect(await ask({ model: 'embed', input: 'a' }, bound)).toMatchObject({ status: 403 })
  })

  it('ollama for JavaScript gets the vectors, the list, and its errors', async () => {
    const answer = await ollama().embed({ model: 'embed', input: texts })
    expect(answer.embeddings.map((row) => [...Float32Array.from(row)])).toEqual(expected)
    expect(answer.prompt_eval_count).toBeGreaterThan(15)
    expect(answer.total_duration).toBeGreaterThan(0)
    const elder = await ollama().embeddings({ model: 'embed', prompt: texts[0] })
    expect([...Float32Array.from(elder.embedding)]).toEqual(expected[0])
    expect((await ollama().list()).models.map(({ name }) => name)).toEqual(['embed:latest'])
    const failed = await failureOf(ollama().embed({ model: 'nobody', input: 'a' }))
    expect([failed.status_code, failed.message]).toEqual([404, expect.stringMatching(/no pipeline nobody/)])
    const cut = await failureOf(ollama().embed({ model: 'embed', input: 'a '.repeat(99), truncate: false }))
    expect(cut.message).toMatch(/longer than the context/)
    expect((await failureOf(ollama(bound).embed({ model: 'embed', input: 'a' }))).status_code).toBe(403)
  })

  it('both for Python get the same, and know the errors', async () => {
    const python = await pythonWith('embeddings', join(here, 'requirements.txt'))
    const env = { ...process.env, PENSTOCK_URL: server.url, PENSTOCK_KEY: key }
    const { stdout } = await run(python, [join(here, 'clients.py'), JSON.stringify(texts)], { env })
    const told = JSON.parse(stdout) as {
      openai: number[][]
      plain: number[]
      tokens: number
      ollama: number[][]
      counted: number
      elder: number[]
      listed: string[]
      failures: ([string, number, string | null, string] | null)[]
    }
    const asFloats = (rows: number[][]): number[][] => rows.map((row) => [...Float32Array.from(row)])
    expect(asFloats(told.openai)).toEqual(expected)
    expect(asFloats(told.ollama)).toEqual(expected)
    expect(asFloats([told.plain, told.elder])).toEqual([expected[0], expected[0]])
    expect(told.counted).toBe(told.tokens)
    expect(told.listed).toEqual(['embed:latest'])
    expect(told.failures.map((failure) => failure?.slice(0, 3))).toEqual([
      ['NotFoundError', 404, 'model_not_found'],
      ['BadRequestError', 400, 'ERR_ARGUMENT'],
      ['AuthenticationError', 401, 'ERR_UNAUTHORIZED'],
      ['ResponseError', 404, null],
    ])
  }, 300_000)
})

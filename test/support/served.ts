/**
 * A real engine behind a real server on an ephemeral port, with the pipelines that the HTTP and WebSocket suites talk to.
 * `call` checks every answer against the schema that OpenAPI promises for it.
 */
import { readFileSync } from 'node:fs'
import { Engine, PenstockServer } from 'penstock'
import { Router } from '../../src/transport/http/router.js'
import { routes } from '../../src/transport/routes.js'
import { schemas } from '../../src/transport/dialects/penstock/schemas/schemas.js'
import { testModelsPath } from './goldens.js'
import { mismatch } from './json-schema.js'

type ServerOptions = Parameters<typeof PenstockServer.start>[0]

export interface Served {
  readonly engine: Engine
  readonly server: PenstockServer
  close(): Promise<void>
}

export const modelBytes = (name: string): Buffer => readFileSync(`${testModelsPath}${name}.onnx`)

/** Model → the pipeline of one step that runs it. */
const plain = {
  add: 'add-one',
  both: 'sum-and-difference',
  mixed: 'mixed-dtypes',
  wide: 'identity-int64',
  small: 'identity-uint8',
  echo: 'identity-float32',
  bool: 'identity-bool',
  text: 'upper-string',
  tokens: 'double-tokens',
  whole: 'sum-rows',
  fixed: 'fixed-one',
  table: 'gather-ten',
  slow: 'slow',
} as const

const definitions = {
  checked: [
    { type: 'model', model: 'add' },
    { type: 'check', name: 'too-high', flag: 'out.y[0] > 10' },
    { type: 'check', name: 'small-input', require: 'in.x[0] < 5' },
  ],
  split: [{ type: 'key-split', default: 'one', key: 'region', options: { eu: 'two' } }],
  weighted: [
    {
      type: 'random-split',
      options: [
        { weight: 1, model: 'one' },
        { weight: 1, model: 'two' },
      ],
      hashKey: 'u',
    },
  ],
  shadowed: [{ type: 'shadow', champion: 'one', challengers: ['two'] }],
} as const

/** Opens an engine with every pipeline above deployed, and serves it. */
export async function serve(
  options: Partial<ServerOptions> = {},
  engineOptions: Parameters<typeof Engine.open>[0] = {},
): Promise<Served> {
  const engine = await Engine.open({ inferWorkers: 1, calibration: 'off', ...engineOptions })
  for (const [name, model] of Object.entries(plain)) {
    await engine.addModel(name, modelBytes(model))
    await engine.applyPipeline({ name, steps: [{ type: 'model', model: name }] }, { deploy: true })
  }
  await engine.addModel('one', modelBytes('constant-v1'))
  await engine.addModel('two', modelBytes('constant-v2'))
  const server = await PenstockServer.start({ engine, port: 0, partition: 'test', ...options })
  for (const [name, steps] of Object.entries(definitions)) {
    const response = await fetch(`${server.url}/v1/pipelines/${name}?deploy=true`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json', ...keyHeader(options) },
      body: JSON.stringify({ steps }),
    })
    if (response.status !== 201) throw new Error(`${name}: ${await response.text()}`)
  }
  return {
    engine,
    server,
    close: async () => {
      await server.close()
      await engine.close()
    },
  }
}

export const testKey = 'psk_test'
const keyHeader = (options: Partial<ServerOptions>): Record<string, string> =>
  options.keys === undefined ? {} : { authorization: `Bearer ${testKey}` }

export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  /** Parsed when it is JSON. */
  readonly json: Readonly<Record<string, unknown>>
  readonly bytes: Uint8Array
}

const router = new Router(routes)

/** Sends one request; the body goes as JSON unless it is bytes or text. @throws when the answer breaks its schema. */
export async function call(
  url: string,
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const isRaw = typeof body === 'string' || body instanceof Uint8Array
  const response = await fetch(url + path, {
    method,
    headers: {
      ...(body === undefined || body instanceof Uint8Array ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: isRaw ? (body as string) : JSON.stringify(body) }),
  })
  const bytes = new Uint8Array(await response.arrayBuffer())
  const text = Buffer.from(bytes).toString()
  const isJson = response.headers.get('content-type')?.startsWith('application/json') === true
  const json = (isJson && text !== '' ? JSON.parse(text) : {}) as Record<string, unknown>
  if (isJson && text !== '') expectDocumented(method, path, response.status, json)
  return { status: response.status, headers: response.headers, text, json, bytes }
}

function expectDocumented(method: string, target: string, status: number, json: unknown): void {
  const [path = '', query] = target.split('?')
  const route = router.find(method, path)
  const documented =
    route.kind === 'route' ? route.route.document.responses[String(status)]?.content?.['application/json'] : undefined
  const success = documented === 'InferAnswer' && query === undefined ? 'FullAnswer' : documented
  const schema = status >= 400 ? 'Error' : success
  if (schema === undefined) throw new Error(`${method} ${path} ${status} is not in the OpenAPI document`)
  if (schema === null) return
  const found = mismatch(json, { $ref: schema }, schemas)
  if (found !== null) throw new Error(`${method} ${path} ${status}: ${found}`)
}

/** Waits until `condition` holds; fails after `limitMs` with what it was. */
export async function until(what: string, condition: () => boolean, limitMs = 10_000): Promise<void> {
  const endMs = Date.now() + limitMs
  while (!condition()) {
    if (Date.now() > endMs) throw new Error(`waited ${limitMs} ms in vain until ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

/**
 * `penstock/client` as a browser gets it: bundled by the bundler that vitest brings, run in a realm of its own that has
 * web globals only, against the real server. The socket is the one thing lent to it: ws, behind the browser's interface.
 */
import { createRequire } from 'node:module'
import { fileURLToPath, pathToFileURL } from 'node:url'
import vm from 'node:vm'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { Stage } from '../support/client-harness.js'

interface Bundler {
  rolldown(
    options: object,
  ): Promise<{ generate(options: object): Promise<{ output: { code: string }[] }>; close(): Promise<void> }>
}

const entry = fileURLToPath(new URL('../../dist/src/client/index.js', import.meta.url))
let stage: Stage
let code: string

beforeAll(async () => {
  stage = await Stage.open({ 'add-one': 'add-one' })
  const require = createRequire(createRequire(import.meta.url).resolve('vitest/package.json'))
  const { rolldown } = (await import(pathToFileURL(require.resolve('rolldown')).href)) as Bundler
  const warnings: string[] = []
  const bundle = await rolldown({
    input: entry,
    platform: 'browser',
    onLog: (_level: string, log: { message: string }) => warnings.push(log.message),
  })
  const { output } = await bundle.generate({ format: 'iife', name: 'penstock', codeSplitting: false })
  await bundle.close()
  expect(warnings).toEqual([])
  code = output[0]?.code ?? ''
})
afterAll(() => stage?.close())

/** What a page has, and no more: no process, no Buffer, no require. */
function browserGlobals(sockets: string[]): Record<string, unknown> {
  class BrowserSocket extends WebSocket {
    constructor(url: string, protocols: string[]) {
      super(url, protocols)
      sockets.push(url)
    }
  }
  const {
    URL,
    TextEncoder,
    TextDecoder,
    AbortController,
    setTimeout,
    clearTimeout,
    performance,
    queueMicrotask,
    ArrayBuffer,
  } = globalThis
  return {
    URL,
    TextEncoder,
    TextDecoder,
    AbortController,
    setTimeout,
    clearTimeout,
    performance,
    queueMicrotask,
    ArrayBuffer,
    WebSocket: BrowserSocket,
  }
}

describe('client: in a browser’s realm', () => {
  it('client: the bundle has nothing of Node in what a browser runs', () => {
    expect(code).not.toMatch(/\brequire\(["']node:/)
    expect(code).not.toMatch(/from ["']node:/)
    expect(code.length).toBeGreaterThan(10_000)
  })

  it('client: the bundle connects with the browser’s WebSocket and infers', async () => {
    const sockets: string[] = []
    const realm = vm.createContext(browserGlobals(sockets))
    const run = vm.runInContext(
      `${code}
      ;(async (url) => {
        const client = await penstock.PenstockClient.connect(url)
        const channel = await client.open('add-one')
        const results = await Promise.all([1, 2, 3].map((value) => channel.infer({ x: [[value, 0, 0]] })))
        const refused = await channel.infer({ x: [[1]] }).catch((error) => [error.code, penstock.isPenstockError(error)])
        await client.close()
        return JSON.stringify({ values: results.map(({ outputs }) => outputs.y.data[0]), refused, node: [typeof process, typeof Buffer, typeof require] })
      })`,
      realm,
    ) as (url: string) => Promise<string>
    expect(JSON.parse(await run(stage.url))).toEqual({
      values: [2, 3, 4],
      refused: ['ERR_SHAPE', true],
      node: ['undefined', 'undefined', 'undefined'],
    })
    expect(sockets).toEqual([`${stage.url.replace('http', 'ws')}/v1/stream`])
  })
})

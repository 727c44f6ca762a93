/**
 * Penstock as a criterion needs it: a home with models and pipelines deployed, and servers over it. What is deployed
 * stays in the home, the calibration too, so a fresh server a trial starts as a restarted one in life does.
 */
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { projectRoot } from '../harness/project.js'
import { awaitReady, startPenstock, type RunningServer } from '../harness/servers.js'
import type { Bench } from './row.js'

export interface Setup {
  /** Name → file. */
  readonly models: Readonly<Record<string, string>>
  /**
   * Name → what PUT /v1/pipelines/{name} takes, or its steps alone: then nothing is logged, for what is compared with
   * others is the bare data path.
   */
  readonly pipelines: Readonly<
    Record<
      string,
      | readonly object[]
      | { readonly steps: readonly object[]; readonly log: object; readonly contract?: string; readonly cache?: object }
    >
  >
  /** Name → what PUT /v1/contracts/{name} takes. */
  readonly contracts?: Readonly<Record<string, object>>
}

/**
 * Makes the home `name` unless an earlier row did: deploys everything, stops the server.
 * @param root of the checkout whose server deploys; absent: this one's.
 * @returns the home's path.
 */
export async function prepareHome(
  bench: Bench,
  name: string,
  setup: Setup,
  root: string = projectRoot,
): Promise<string> {
  const home = join(bench.folder, name)
  if (existsSync(home)) return home
  // Measured now, while nothing else runs: a server that calibrates beside its load measures the load, too.
  const server = await startPenstock(home, ['--calibration', 'deploy'], root)
  try {
    for (const [model, path] of Object.entries(setup.models)) {
      await put(server, `/v1/models/${model}/versions`, 'application/octet-stream', await readFile(path))
    }
    for (const [contract, document] of Object.entries(setup.contracts ?? {}))
      await put(server, `/v1/contracts/${contract}`, 'application/json', Buffer.from(JSON.stringify(document)))
    for (const [pipeline, given] of Object.entries(setup.pipelines)) {
      const definition = 'steps' in given ? given : { steps: given, log: { durability: 'off' } }
      const body = Buffer.from(JSON.stringify(definition))
      await put(server, `/v1/pipelines/${pipeline}?deploy=true`, 'application/json', body)
    }
    await awaitReady(server)
  } finally {
    await server.stop()
  }
  return home
}

/** A home with one model, served by a pipeline of the same name. */
export async function prepareModel(bench: Bench, name: string, path: string): Promise<string> {
  return prepareHome(bench, name, { models: { [name]: path }, pipelines: { [name]: [{ type: 'model', model: name }] } })
}

/** Runs `use` against a server of `root`'s checkout over `home`, and stops it whatever happens. */
export async function withPenstock<Result>(
  home: string,
  use: (server: RunningServer) => Promise<Result>,
  root: string = projectRoot,
): Promise<Result> {
  return withServer(startPenstock(home, [], root), async (server) => {
    await awaitReady(server)
    return use(server)
  })
}

export async function withServer<Result>(
  starting: Promise<RunningServer>,
  use: (server: RunningServer) => Promise<Result>,
): Promise<Result> {
  const server = await starting
  try {
    return await use(server)
  } finally {
    await server.stop()
  }
}

async function put(server: RunningServer, path: string, type: string, body: Buffer): Promise<void> {
  const url = `http://127.0.0.1:${server.port}${path}`
  const response = await fetch(url, { method: 'PUT', headers: { 'content-type': type }, body: new Uint8Array(body) })
  if (!response.ok) throw new Error(`PUT ${url} answered ${response.status}: ${await response.text()}`)
  await response.arrayBuffer()
}

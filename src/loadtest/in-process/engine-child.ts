/**
 * The child process of the in-process target: an engine, and the load on it. A process of its own, so that the harness
 * neither shares its CPU time nor is blocked by it, and so that a crash of native code ends a run and not the report.
 */
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { systemClock } from '../../base/clock.js'
import { isPenstockError, PenstockError } from '../../base/errors.js'
import { type Contract, parseContractReference } from '../../contract/contract.js'
import { Engine } from '../../engine/engine.js'
import { Metrics } from '../../metrics/metrics.js'
import { Home } from '../../registry/home.js'
import { parseDefinition } from '../../steps/index.js'
import { runEngineLoad } from './engine-load.js'
import type { EngineCall, EngineReply, EngineSource } from './engine-messages.js'

let engine: Engine | null = null
let source: EngineSource | null = null

process.on('message', (call: EngineCall) => {
  answer(call).then(
    (result) => reply({ kind: 'result', id: call.id, result }),
    (error: unknown) => reply(failureOf(call.id, error)),
  )
})
// The harness is gone, or has what it wanted: idle threads of the engine would keep the process.
process.once('disconnect', () => process.kill(process.pid, 'SIGKILL'))

async function answer(call: EngineCall): Promise<unknown> {
  switch (call.call) {
    case 'open':
      source = call.argument
      engine = await openEngine(source)
      return null
    case 'signature': {
      await deploy(call.argument)
      const { inputs, outputs, isNonBatching, rowsMax, routes } = opened().describePipeline(call.argument)
      return { inputs, outputs, isNonBatching, rowsMax, isSplit: routes.length > 0 }
    }
    case 'ask': {
      const { pipeline, inputs, meta } = call.argument
      return (await opened().infer(pipeline, { inputs, ...(meta === null ? {} : { meta }) })).outputs
    }
    case 'metrics':
      return metricsText()
    case 'run':
      return runEngineLoad(call.argument, { engine: opened(), clock: systemClock }, (event) =>
        reply({ kind: 'interval', event }),
      )
  }
}

async function openEngine(from: EngineSource): Promise<Engine> {
  if (from.kind !== 'home') return Engine.open()
  const home = await Home.open({ path: from.path })
  return Engine.open({ models: home.models, pipelines: home.pipelines, contracts: home.contracts })
}

/** Models and pipelines come when they are asked for: all examples would take seconds to load. */
async function deploy(name: string): Promise<void> {
  if (
    source === null ||
    source.kind === 'home' ||
    opened()
      .listPipelines()
      .some((known) => known.name === name)
  )
    return
  if (source.kind === 'model') {
    await opened().addModel(name, await readFile(source.path))
    await opened().applyPipeline(parseDefinition(name, { steps: [{ type: 'model', model: name }] }), { deploy: true })
    return
  }
  const path = join(source.directory, 'pipelines', `${name}.json`)
  // The engine then says that there is none, in its own words.
  if (!/^[A-Za-z0-9-]+$/.test(name) || !existsSync(path)) return
  const json = JSON.parse(await readFile(path, 'utf8')) as unknown
  for (const model of modelsNamedIn(json)) await addExample(source.directory, model)
  const definition = parseDefinition(name, json)
  if (definition.contract !== undefined) await putContract(source.directory, definition.contract)
  await opened().applyPipeline(definition, { deploy: true })
}

/** Without a file the engine says that there is none; an equal contract makes no new version. */
async function putContract(directory: string, reference: string): Promise<void> {
  const path = join(directory, 'contracts', `${parseContractReference(reference).name}.json`)
  if (existsSync(path)) await opened().contracts.put(JSON.parse(await readFile(path, 'utf8')) as Contract)
}

async function addExample(directory: string, model: string): Promise<void> {
  const path = join(directory, 'models', model, 'model.onnx')
  const isKnown = opened()
    .listModels()
    .some(({ name }) => name === model)
  if (!isKnown && existsSync(path)) await opened().addModel(model, await readFile(path), { alias: 'champion' })
}

/** Every text of the definition that could name a model, without its alias; which of them exist shows later. */
function modelsNamedIn(json: unknown): Set<string> {
  if (typeof json === 'string') return new Set(/^([A-Za-z0-9_-]+)(@[A-Za-z0-9-]+)?$/.exec(json)?.slice(1, 2) ?? [])
  if (typeof json !== 'object' || json === null) return new Set()
  return new Set(Object.values(json).flatMap((value) => [...modelsNamedIn(value)]))
}

const metrics = new Metrics(() => ({
  engine: opened().metrics(),
  transport: {
    tcpConnections: 0,
    webSocketConnections: 0,
    grpcConnections: 0,
    refusedConnections: 0,
    httpRequests: new Map(),
  },
  sources: [],
  version: '',
}))

async function metricsText(): Promise<string> {
  const { body } = await metrics.expose('text')
  return typeof body === 'string' ? body : ''
}

function opened(): Engine {
  if (engine === null) throw new Error('The engine is asked before it is opened')
  return engine
}

function failureOf(id: number, error: unknown): EngineReply {
  const code = isPenstockError(error) ? error.code : ''
  const text = error instanceof Error ? (code === '' ? error.stack : error.message) : String(error)
  return { kind: 'error', id, code, message: text ?? new PenstockError('ERR_INTERNAL').message }
}

function reply(message: EngineReply): void {
  process.send?.(message)
}

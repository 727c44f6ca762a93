/**
 * The two lists that a Wallaroo server answers at its edge, in its words, beside its infer address (infer.ts): what
 * serves, for clients and probes that were written against it.
 */
import type { EngineApi, PipelineState } from '../../../engine/api/api.js'
import { READ } from '../../access/scopes.js'
import { jsonReply } from '../../http/replies.js'
import type { Route } from '../../http/route.js'

const statusWords: Readonly<Record<Exclude<PipelineState, 'undeployed'>, string>> = {
  starting: 'Starting',
  running: 'Running',
  error: 'Error',
}

export const wallarooRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/pipelines',
    access: READ,
    document: {
      summary: 'The pipelines that serve, as Wallaroo lists them',
      responses: { 200: { description: 'The list', content: { 'application/json': 'WallarooPipelines' } } },
    },
    handle: ({ context }) => jsonReply({ pipelines: pipelinesOf(context.engine) }),
  },
  {
    method: 'GET',
    path: '/models',
    access: READ,
    document: {
      summary: 'The models of the pipelines that serve, as Wallaroo lists them',
      responses: { 200: { description: 'The list', content: { 'application/json': 'WallarooModels' } } },
    },
    handle: ({ context }) => jsonReply({ models: modelsOf(context.engine) }),
  },
]

function pipelinesOf(engine: EngineApi): unknown[] {
  return engine.listPipelines().flatMap(({ name }) => {
    const { state, version, failure } = engine.pipelineStatus(name)
    if (state === 'undeployed') return []
    return [{ id: name, version: String(version ?? failure?.version ?? ''), status: statusWords[state] }]
  })
}

function modelsOf(engine: EngineApi): unknown[] {
  const serving = engine.listPipelines().filter(({ name }) => engine.pipelineStatus(name).deployed)
  const models = serving.flatMap(({ name }) => engine.describePipeline(name).models)
  const byKey = new Map(models.map((model) => [`${model.name}@${model.version}`, model]))
  return [...byKey.values()].map(({ name, version, sha256 }) => {
    return { name, version: String(version), sha: sha256, status: 'Running' }
  })
}

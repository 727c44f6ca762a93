/** The table of everything that is served over HTTP. */
import { ANY_KEY, SIGNATURE } from './access/scopes.js'
import { ollamaRoutes } from './dialects/embeddings/ollama.js'
import { openAiRoutes } from './dialects/embeddings/openai.js'
import { contractRoutes } from './dialects/penstock/contracts.js'
import { datasetRoutes } from './dialects/penstock/datasets.js'
import { tokenizerRoutes } from './dialects/penstock/models/tokenizers.js'
import { docsRoutes } from './dialects/penstock/docs/docs.js'
import { explainRoutes } from './dialects/penstock/explain.js'
import { inferRoutes } from './dialects/penstock/infer.js'
import { logRoutes } from './dialects/penstock/logs.js'
import { modelRoutes } from './dialects/penstock/models/models.js'
import { openApiDocument } from './dialects/penstock/schemas/openapi.js'
import { predictDocument } from './dialects/penstock/predict/document.js'
import { predictRoutes } from './dialects/penstock/predict/predict.js'
import { promotionRoutes } from './dialects/penstock/models/promotions.js'
import { sourceRoutes, type SourcesContext } from './dialects/penstock/models/sources.js'
import { pipelineRoutes } from './dialects/penstock/pipelines.js'
import { jsonReply } from './http/replies.js'
import type { Route } from './http/route.js'
import { systemRoutes } from './dialects/penstock/system.js'
import { tagRoutes } from './dialects/penstock/tags.js'
import { mlflowRoutes } from './dialects/invocations/mlflow/routes.js'
import { sageMakerRoutes, type SageMakerContext } from './dialects/invocations/sagemaker/routes.js'
import { wallarooRoutes } from './dialects/wallaroo/wallaroo.js'
import { v2Routes, type V2Context } from './dialects/oip/http/routes.js'

/** The two servers whose `/invocations` a server can answer. */
export type Invocations = 'mlflow' | 'sagemaker'

const openApiRoute: Route<ServerContext> = {
  method: 'GET',
  path: '/openapi.json',
  access: ANY_KEY,
  document: {
    summary: 'This description',
    responses: { 200: { description: 'OpenAPI 3.1', content: { 'application/json': null } } },
  },
  handle: ({ context, grant }) => {
    // What a key may neither infer on nor read, it is not told the fields of.
    const isTold = (pipeline: string): boolean =>
      grant === null || (grant.hasScope(SIGNATURE) && grant.allows(pipeline))
    const served = context.engine.servedContracts().filter(({ pipeline }) => isTold(pipeline))
    const described = routesOf(context.invocations)
    return jsonReply(openApiDocument(described, context.product.version, predictDocument(served)))
  },
}

/** What the handlers of all dialects need of a server. */
export interface ServerContext extends V2Context, SageMakerContext, SourcesContext {
  /** Whose `/invocations` it answers; null: nobody's. */
  readonly invocations: Invocations | null
}

export const routes: readonly Route<ServerContext>[] = [
  ...systemRoutes,
  openApiRoute,
  ...docsRoutes,
  ...modelRoutes,
  ...promotionRoutes,
  ...sourceRoutes,
  ...pipelineRoutes,
  ...contractRoutes,
  ...datasetRoutes,
  ...tokenizerRoutes,
  ...tagRoutes,
  ...explainRoutes,
  ...inferRoutes,
  ...predictRoutes,
  ...openAiRoutes,
  ...ollamaRoutes,
  ...wallarooRoutes,
  ...logRoutes,
  ...v2Routes,
]

/** Those and the addresses of `invocations`, which go before others of the same method and path. */
export function routesOf(invocations: Invocations | null): readonly Route<ServerContext>[] {
  if (invocations === null) return routes
  const own: readonly Route<ServerContext>[] = invocations === 'mlflow' ? mlflowRoutes : sageMakerRoutes
  const addressOf = ({ method, path }: Pick<Route, 'method' | 'path'>): string => `${method} ${path}`
  const taken = new Set(own.map(addressOf))
  return [...routes.filter((route) => !taken.has(addressOf(route))), ...own]
}

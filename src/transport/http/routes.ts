/** The table of everything that is served over HTTP. */
import { ANY_KEY } from '../access/scopes.js'
import { explainRoutes } from './explain.js'
import { inferRoutes } from './infer.js'
import { logRoutes } from './logs.js'
import { modelRoutes } from './models.js'
import { openApiDocument } from './openapi.js'
import { pipelineRoutes } from './pipelines.js'
import { jsonReply } from './replies.js'
import type { Route } from './route.js'
import { systemRoutes } from './system.js'
import { tagRoutes } from './tags.js'
import { wallarooRoutes } from './wallaroo.js'
import { v2Routes } from '../v2/routes.js'

const openApiRoute: Route = {
  method: 'GET',
  path: '/openapi.json',
  access: ANY_KEY,
  document: {
    summary: 'This description',
    responses: { 200: { description: 'OpenAPI 3.1', content: { 'application/json': null } } },
  },
  handle: ({ context }) => jsonReply(openApiDocument(routes, context.product.version)),
}

export const routes: readonly Route[] = [
  ...systemRoutes,
  openApiRoute,
  ...modelRoutes,
  ...pipelineRoutes,
  ...tagRoutes,
  ...explainRoutes,
  ...inferRoutes,
  ...wallarooRoutes,
  ...logRoutes,
  ...v2Routes,
]

/**
 * The OpenAPI 3.1 document, made from the table of routes: an address that is served is described, and the other way
 * round. GET /openapi.json serves it.
 */
import type { Route } from '../../../http/route.js'
import { schemas } from './schemas.js'
import { topicOf, topicTags } from './topics.js'

type Json = Readonly<Record<string, unknown>>
type DescribedRoute = Pick<Route, 'method' | 'path' | 'access' | 'document'>

export const errorResponse: Json = {
  description: 'An error',
  content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } },
}

/** Addresses and schemas that depend on what is deployed. */
export interface DeployedDocument {
  readonly paths: Json
  readonly schemas: Json
}

/** @returns a plain object, ready for JSON.stringify. */
export function openApiDocument(
  routes: readonly DescribedRoute[],
  version: string,
  deployed: DeployedDocument = { paths: {}, schemas: {} },
): Json {
  const paths: Record<string, Record<string, unknown>> = {}
  for (const route of routes) {
    const path = (paths[route.path] ??= {})
    path[route.method.toLowerCase()] = operation(route)
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Penstock',
      version,
      description:
        'Inference engine for ONNX models: models, pipelines, inference. Every non-2xx body is {"error", "code"}.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    security: [{}, { apiKey: [] }],
    tags: topicTags,
    paths: { ...paths, ...deployed.paths },
    components: {
      schemas: { ...schemas, ...deployed.schemas },
      securitySchemes: {
        apiKey: {
          type: 'http',
          scheme: 'bearer',
          description: 'Needed when the server has API keys; an operation names the scopes of which the key needs one',
        },
      },
    },
  }
}

/** OpenAPI 3.1 takes an array of roles here; alternatives are entries of their own. */
export function securityOf(scopes: readonly string[]): Json[] {
  return scopes.length === 0 ? [{ apiKey: [] }] : scopes.map((scope) => ({ apiKey: [scope] }))
}

function operation(route: DescribedRoute): Json {
  const { summary, request, isRequestOptional, responses, answerHeaders = [] } = route.document
  const headers = Object.fromEntries(
    answerHeaders.map(({ name, description }) => [name, { description, schema: { type: 'string' } }]),
  )
  const described = Object.entries(responses).map(([status, { description, content: types }]) => [
    status,
    {
      description,
      ...(answerHeaders.length === 0 ? {} : { headers }),
      ...(types === undefined ? {} : { content: content(types) }),
    },
  ])
  return {
    operationId: operationId(route),
    summary,
    tags: [topicOf(route.path)],
    security: route.access === 'open' ? [{}] : [{}, ...securityOf(route.access)],
    parameters: [...pathParameters(route), ...queryParameters(route), ...headerParameters(route.document)],
    ...(request === undefined
      ? {}
      : { requestBody: { required: isRequestOptional !== true, content: content(request) } }),
    responses: { default: errorResponse, ...(Object.fromEntries(described) as Json) },
  }
}

function content(types: Readonly<Record<string, string | null>>): Json {
  const entries = Object.entries(types).map(([type, schema]) => [
    type,
    { schema: schema === null ? {} : { $ref: `#/components/schemas/${schema}` } },
  ])
  return Object.fromEntries(entries) as Json
}

function pathParameters(route: DescribedRoute): Json[] {
  return [...route.path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => ({
    name,
    in: 'path',
    required: true,
    schema: name === 'version' ? { type: 'integer', minimum: 1 } : { type: 'string' },
  }))
}

function queryParameters(route: DescribedRoute): Json[] {
  return (route.document.query ?? []).map(({ name, description, isRepeated }) => ({
    name,
    in: 'query',
    description,
    schema: isRepeated === true ? { type: 'array', items: { type: 'string' } } : { type: 'string' },
  }))
}

export function headerParameters({ headers = [] }: Pick<Route['document'], 'headers'>): Json[] {
  return headers.map(({ name, description }) => ({ name, in: 'header', description, schema: { type: 'string' } }))
}

/** `PUT /v1/models/{model}/versions` → putModelsVersions… unique because method and path are. */
function operationId({ method, path }: DescribedRoute): string {
  const segments = path === '/' ? [] : path.split('/').slice(1)
  const words = segments.map((segment) => (segment === '' ? 'slash' : segment.replaceAll(/[^A-Za-z0-9]/g, '')))
  return method.toLowerCase() + words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('')
}

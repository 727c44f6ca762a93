/** The addresses of the Open Inference Protocol over HTTP. Each handler reads, calls the service, and writes. */
import { PenstockError } from '../../../../base/errors.js'
import { expectRecord } from '../../../../base/expect.js'
import { CONTROL_BODY_BYTES_MAX } from '../../../../base/limits/limits.js'
import { ADMIN, ANY_KEY, INFER, READ, SIGNATURE, WRITE } from '../../../access/scopes.js'
import { readJson, type JsonValue } from '../../../../formats/json/json-reader.js'
import { metaHeaders, repeatedHeaders } from '../../../header-options.js'
import { jsonReply } from '../../../http/replies.js'
import { parameter, type Call, type HttpContext, type Route, type RouteAccess } from '../../../http/route.js'
import type { HttpReply } from '../../../socket/seam.js'
import { badRequest, failureStatus, notSupported } from '../failures.js'
import { inferOverHttp } from './infer.js'
import { notReady } from '../models.js'
import { notAllowed } from '../shared-memory.js'
import type { V2Service } from '../service.js'

/** What these addresses need of a server beside what all share. */
export interface V2Context extends HttpContext {
  /** The Open Inference Protocol on the same engine. */
  readonly v2: V2Service
}
export type V2Route = Route<V2Context>

type Handle = (call: Call, service: V2Service) => HttpReply | Promise<HttpReply>
type Responses = Route['document']['responses']

const done: HttpReply = { status: 200 }
// Triton answers health with nothing and its clients read the status; KServe's read these.
const live = jsonReply({ live: true })
const isReady = jsonReply({ ready: true })
const answers = (description: string, schema: string): Responses => ({
  200: { description, content: { 'application/json': schema } },
})
const nothing = (description: string): Responses => ({ 200: { description } })

function serve(
  method: string,
  path: string,
  access: RouteAccess,
  document: Route['document'],
  handle: Handle,
  more: Partial<V2Route> = {},
): V2Route {
  return {
    method,
    path,
    access,
    document,
    failureStatus,
    handle: (call) => handle(call, call.context.v2),
    ...more,
  }
}

/** A body that may be absent, JSON, or what libcurl calls a form. */
const optionalBody: Partial<V2Route> = { bodyBytesMax: CONTROL_BODY_BYTES_MAX }

/** With and without `/versions/{version}`. A key that is bound to pipelines may ask for those. */
function both(suffix: string, make: (path: string) => V2Route): readonly V2Route[] {
  const pipelineOf: V2Route['pipelineOf'] = ([name = ''], { v2 }) => v2.models.pipelineNamed(name)
  const paths = ['/v2/models/{model}', '/v2/models/{model}/versions/{version}']
  return paths.map((path) => ({ ...make(path + suffix), pipelineOf }))
}

const health: readonly V2Route[] = [
  serve(
    'GET',
    '/v2/health/live',
    'open',
    { summary: 'Whether the process answers at all', responses: answers('It does', 'Live') },
    () => live,
  ),
  serve(
    'GET',
    '/v2/health/ready',
    'open',
    { summary: 'Whether requests should be sent here', responses: answers('Ready', 'V2ServerReady') },
    (_call, service) => {
      service.expectReady()
      return isReady
    },
  ),
]

const serverMetadata: readonly V2Route[] = ['/v2', '/v2/'].map((path) =>
  serve(
    'GET',
    path,
    ANY_KEY,
    { summary: 'Name, version and extensions of this server', responses: answers('The server', 'V2Server') },
    (_call, service) => jsonReply(service.serverMetadata()),
  ),
)

const modelRoutes: readonly V2Route[] = [
  serve(
    'GET',
    '/v2/models',
    READ,
    { summary: 'The names that can be asked for', responses: answers('The names', 'V2ModelList') },
    (_call, service) => jsonReply({ models: [...new Set(service.models.list().map(({ name }) => name))] }),
  ),
  // Before /v2/models/{model}: no model can be called stats here.
  serve(
    'GET',
    '/v2/models/stats',
    READ,
    { summary: 'Statistics of everything that is ready', responses: answers('The statistics', 'V2Statistics') },
    (_call, service) => jsonReply({ model_stats: service.statistics('', '') }),
  ),
  ...both('', (path) =>
    serve(
      'GET',
      path,
      SIGNATURE,
      { summary: 'Inputs and outputs of a model or pipeline', responses: answers('The model', 'V2Model') },
      metadata,
    ),
  ),
  ...both('/ready', (path) =>
    serve(
      'GET',
      path,
      SIGNATURE,
      { summary: 'Whether a model or pipeline takes requests', responses: answers('It does', 'V2Ready') },
      ready,
    ),
  ),
  ...both('/config', (path) =>
    serve(
      'GET',
      path,
      SIGNATURE,
      {
        summary: 'How a model or pipeline is set up, in the words of Triton',
        responses: answers('The config', 'V2Config'),
      },
      config,
    ),
  ),
  ...both('/stats', (path) =>
    serve(
      'GET',
      path,
      SIGNATURE,
      { summary: 'Counts and times of a model or pipeline', responses: answers('The statistics', 'V2Statistics') },
      stats,
    ),
  ),
  ...both('/infer', (path) =>
    serve(
      'POST',
      path,
      INFER,
      {
        summary: 'Runs a model or pipeline',
        headers: metaHeaders,
        answerHeaders: repeatedHeaders,
        request: { 'application/json': 'V2InferRequest', 'application/octet-stream': null },
        responses: {
          200: {
            description: 'The outputs: JSON, or JSON and the bytes of the binary ones',
            content: { 'application/json': 'V2InferAnswer', 'application/octet-stream': null },
          },
        },
      },
      (call, service) => inferOverHttp(call, service, parameter(call, 0), versionOf(call)),
      { bodyBytesMax: (context) => context.bodyBytesMax },
    ),
  ),
]

async function metadata(call: Call, service: V2Service): Promise<HttpReply> {
  return jsonReply(await service.modelMetadata(parameter(call, 0), versionOf(call)))
}

async function config(call: Call, service: V2Service): Promise<HttpReply> {
  return jsonReply(await service.modelConfig(parameter(call, 0), versionOf(call)))
}

function stats(call: Call, service: V2Service): HttpReply {
  return jsonReply({ model_stats: service.statistics(parameter(call, 0), versionOf(call)) })
}

function ready(call: Call, service: V2Service): HttpReply {
  service.expectReady()
  const served = service.models.find(parameter(call, 0), versionOf(call))
  if (!service.models.isReady(served)) throw notReady(served)
  return jsonReply({ name: served.name, ready: true })
}

const repository: readonly V2Route[] = [
  serve(
    'POST',
    '/v2/repository/index',
    READ,
    {
      summary: 'Every version of every model and pipeline, and whether it is ready',
      request: { 'application/json': 'V2IndexRequest' },
      isRequestOptional: true,
      responses: answers('The index', 'V2Index'),
    },
    (call, service) => {
      const { ready: isReadyOnly } = readBody(call)
      return jsonReply(service.index(isReadyOnly === true))
    },
    optionalBody,
  ),
  serve(
    'POST',
    '/v2/repository/models/{model}/load',
    WRITE,
    {
      summary: 'Loads the newest version of a model, or deploys a pipeline',
      request: { 'application/json': 'V2LoadRequest' },
      isRequestOptional: true,
      responses: nothing('Loaded'),
    },
    async (call, service) => {
      const { parameters } = readBody(call)
      if (parameters !== undefined) expectNoOverrides(Object.keys(expectRecord('parameters', parameters)))
      await service.models.load(parameter(call, 0))
      return done
    },
    { ...optionalBody, control: 'model.load' },
  ),
  serve(
    'POST',
    '/v2/repository/models/{model}/unload',
    WRITE,
    {
      summary: 'Unloads every version of a model that is served by itself, or undeploys a pipeline',
      request: { 'application/json': 'V2LoadRequest' },
      isRequestOptional: true,
      responses: nothing('Unloaded'),
    },
    async (call, service) => {
      readBody(call)
      await service.models.unload(parameter(call, 0))
      return done
    },
    { ...optionalBody, control: 'model.unload' },
  ),
]

/** What a load would change of a stored model is refused: versions are immutable. */
export function expectNoOverrides(parameters: readonly string[]): void {
  const [override] = parameters
  if (override === undefined) return
  throw notSupported(
    `load takes no '${override.slice(0, 100)}' here: versions are immutable. Upload the file with PUT /v1/models/{model}/versions`,
  )
}

const region = '/region/{region}'
const memory: readonly V2Route[] = (['systemsharedmemory', 'cudasharedmemory'] as const).flatMap((kind) => {
  const isCuda = kind === 'cudasharedmemory'
  const path = `/v2/${kind}`
  const what = isCuda ? 'CUDA' : 'system'
  const status: Handle = (call, { memory: regions }) =>
    jsonReply(
      isCuda
        ? []
        : regions
            .status(parameter(call, 0))
            .map(({ name, key, offset, byteSize }) => ({ name, key, offset, byte_size: byteSize })),
    )
  const unregister: Handle = (call, { memory: regions }) => {
    if (!isCuda) regions.unregister(parameter(call, 0))
    return done
  }
  const listed = { summary: `Regions of ${what} shared memory`, responses: answers('The regions', 'V2Regions') }
  const forgets: Partial<V2Route> = { ...optionalBody, control: 'memory.unregister' }
  const removed = { summary: `Forgets regions of ${what} shared memory`, responses: nothing('Forgotten') }
  return [
    serve('GET', `${path}/status`, READ, listed, status),
    serve('GET', `${path}${region}/status`, READ, listed, status),
    serve(
      'POST',
      `${path}${region}/register`,
      ADMIN,
      {
        summary: `Makes a region of ${what} shared memory known`,
        request: { 'application/json': 'V2RegisterRequest' },
        responses: nothing('Registered'),
      },
      isCuda ? refuseCuda : register,
      { ...optionalBody, control: 'memory.register' },
    ),
    serve('POST', `${path}/unregister`, ADMIN, removed, unregister, forgets),
    serve('POST', `${path}${region}/unregister`, ADMIN, removed, unregister, forgets),
  ]
})

function refuseCuda(): HttpReply {
  throw notSupported('CUDA shared memory is not supported on this server')
}

function register(call: Call, { memory: regions }: V2Service): HttpReply {
  if (!regions.isAllowed) throw notAllowed()
  const { key, offset = 0, byte_size: byteSize } = readBody(call)
  if (typeof key !== 'string' || !isCount(offset) || !isCount(byteSize))
    throw badRequest("Expected 'key', 'offset' and 'byte_size' to register a region of shared memory")
  regions.register({ name: parameter(call, 0), key, offset, byteSize })
  return done
}

function isCount(value: JsonValue | undefined): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}

export const v2Routes: readonly V2Route[] = [...health, ...serverMetadata, ...modelRoutes, ...repository, ...memory]

/** Digits, or '' where the address has none. @throws PenstockError ERR_MODEL_NOT_FOUND */
function versionOf(call: Call): string {
  const version = parameter(call, 1)
  if (version === '' || /^\d{1,15}$/.test(version)) return version
  throw new PenstockError(
    'ERR_ROUTE_NOT_FOUND',
    `Expected the version in the path to be a number but received ${version.slice(0, 100)}`,
  )
}

/** An absent body is an empty object. @throws PenstockError ERR_BODY, ERR_ARGUMENT. */
function readBody(call: Call): Record<string, JsonValue | undefined> {
  if (call.body.length === 0) return {}
  return expectRecord('the body', readJson(call.body)) as Record<string, JsonValue | undefined>
}

/** The server about itself: index, health, metrics, its own description, and the address of the WebSocket. */
import { PenstockError } from '../../../base/errors.js'
import { writeAnswer } from '../../../protocol/answers/mapping.js'
import { STREAM_PATH, SUBPROTOCOL } from '../../../protocol/messages.js'
import { ANY_KEY, INFER, READ } from '../../access/scopes.js'
import { METRICS_TYPES, metricsForm } from '../../http/media-types.js'
import { jsonReply } from '../../http/replies.js'
import type { Route } from '../../http/route.js'

const ok = (description: string, schema: string): Route['document']['responses'] => ({
  200: { description, content: { 'application/json': schema } },
})

export const systemRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/',
    access: ANY_KEY,
    document: { summary: 'Name, version and addresses of this server', responses: ok('The index', 'Index') },
    handle: ({ context }) => jsonReply(writeAnswer('Index', { ...context.product, links })),
  },
  {
    method: 'GET',
    path: '/healthz/live',
    access: 'open',
    document: { summary: 'Whether the process answers at all', responses: ok('It does', 'Live') },
    handle: () => jsonReply(writeAnswer('Live', { live: true })),
  },
  {
    method: 'GET',
    path: '/healthz/ready',
    access: 'open',
    document: {
      summary:
        'Whether requests should be sent here: 503 while starting and while draining; logs that cannot be written',
      responses: {
        ...ok('Ready', 'Ready'),
        503: { description: 'ERR_NOT_READY or ERR_DRAINING', content: { 'application/json': 'Error' } },
      },
    },
    handle: ({ context }) => {
      if (context.isDraining()) throw new PenstockError('ERR_DRAINING')
      if (!context.engine.isReady) throw new PenstockError('ERR_NOT_READY')
      return jsonReply(writeAnswer('Ready', { ready: true, failingLogs: context.engine.failingLogs() }))
    },
  },
  {
    method: 'GET',
    path: '/metrics',
    access: READ,
    document: {
      summary: 'Metrics as Prometheus text, OpenMetrics, or protobuf with native histograms, as accept prefers',
      responses: {
        200: { description: 'The metrics', content: Object.fromEntries(METRICS_TYPES.map((type) => [type, null])) },
        404: { description: 'ERR_ROUTE_NOT_FOUND: metrics are off', content: { 'application/json': 'Error' } },
      },
    },
    handle: async ({ context, httpRequest }) => {
      if (context.metrics === null)
        throw new PenstockError(
          'ERR_ROUTE_NOT_FOUND',
          'Metrics are off on this server. Start it without --metrics off (or the engine option metrics: false)',
        )
      return { status: 200, ...(await context.metrics(metricsForm(httpRequest.header('accept')))) }
    },
  },
  {
    method: 'GET',
    path: STREAM_PATH,
    access: INFER,
    document: {
      summary: `WebSocket handshake, subprotocol ${SUBPROTOCOL}; docs/reference/wire-protocol.md describes the messages`,
      responses: {
        101: { description: 'The connection is a WebSocket from here on' },
        400: { description: 'ERR_SUBPROTOCOL', content: { 'application/json': 'Error' } },
      },
    },
    // A handshake never gets here: the socket server takes it before the routes.
    handle: () => {
      throw new PenstockError(
        'ERR_SUBPROTOCOL',
        `Expected a WebSocket handshake (upgrade: websocket, sec-websocket-protocol: ${SUBPROTOCOL}) but received a plain GET`,
      )
    },
  },
]

const links = {
  models: '/v1/models',
  pipelines: '/v1/pipelines',
  stream: STREAM_PATH,
  metrics: '/metrics',
  live: '/healthz/live',
  ready: '/healthz/ready',
  openapi: '/openapi.json',
  docs: '/docs',
} as const

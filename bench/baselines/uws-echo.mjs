/**
 * The floor of a WebSocket request: bare uWebSockets.js that answers every Infer frame at once with a Results frame of
 * the same size as the model's, and does nothing else. It speaks as much of penstock.v1 as the load generator needs to
 * begin (Hello, Opened). Of an Infer frame it reads the request's number, which lies at the same place in every frame
 * of a load; where that is, the first frame shows.
 *   node bench/baselines/uws-echo.mjs OUTPUT_BYTES      prints {"port":N}; takes ws://127.0.0.1:N/v1/stream
 */
import uWS from 'uWebSockets.js'
import { ByteBuffer } from 'flatbuffers'
import { decodeMessage, encodeMessage } from '../../dist/src/protocol/codec.js'
import { Infer } from '../../dist/src/protocol/generated/infer.js'
import { Message } from '../../dist/src/protocol/generated/message.js'

/** Offset in the vtable of Infer.request, field 1. */
const REQUEST_SLOT = 6
const MARK = 0x5eed5eed
const limits = { maxPayloadLength: 64 * 2 ** 20, maxBackpressure: 64 * 2 ** 20 }

const results = Buffer.from(
  encodeMessage({
    kind: 'results',
    channel: 1,
    requests: [MARK],
    rows: null,
    data: new Uint8Array(Number(process.argv[2])),
    dims: null,
    checkFailures: null,
    routes: null,
    texts: null,
  }),
)
const markAt = results.indexOf(Buffer.from(Uint32Array.of(MARK).buffer))
const hello = encodeMessage({ kind: 'hello', windowRequests: 1024, server: 'echo', frameBytesMax: 64 * 2 ** 20 })

/** Open is answered with an empty signature: the generator compares nothing of an echo. */
function answerOpen(socket, bytes) {
  const message = decodeMessage(bytes)
  if (message.kind !== 'open') return false
  const signature = {
    version: 1,
    inputs: [],
    outputs: [],
    checks: [],
    routes: [],
    isNonBatching: false,
    rowsMax: 65536,
  }
  socket.send(
    encodeMessage({ kind: 'opened', channel: message.channel, pipeline: message.pipeline, ...signature }),
    true,
  )
  return true
}

function placeOfRequest(bytes) {
  const infer = Message.getRootAsMessage(new ByteBuffer(bytes)).body(new Infer())
  return infer.bb_pos + infer.bb.__offset(infer.bb_pos, REQUEST_SLOT)
}

const app = uWS.App().ws('/*', {
  ...limits,
  upgrade: (response, request, context) => {
    const header = (name) => request.getHeader(name)
    const key = header('sec-websocket-key')
    response.upgrade({ isOpen: false, requestAt: -1 }, key, 'penstock.v1', header('sec-websocket-extensions'), context)
  },
  open: (socket) => void socket.send(hello, true),
  message: (socket, message) => {
    const state = socket.getUserData()
    if (!state.isOpen) {
      state.isOpen = answerOpen(socket, new Uint8Array(message))
      return
    }
    if (state.requestAt < 0) state.requestAt = placeOfRequest(new Uint8Array(message.slice(0)))
    results.writeUInt32LE(new DataView(message).getUint32(state.requestAt, true), markAt)
    socket.send(results, true)
  },
})
app.listen('127.0.0.1', 0, (listening) => {
  process.stdout.write(`${JSON.stringify({ port: uWS.us_socket_local_port(listening) })}\n`)
})
process.on('SIGTERM', () => process.exit(0))

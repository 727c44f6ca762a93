/**
 * How fast JSON over HTTP can be at all in Node: a bare uWebSockets.js server that parses the body with JSON.parse and
 * answers one number, without a model, a check or a limit.
 *   node bench/baselines/uws-json.mjs      prints {"port":N}; POST /predict {"<input>":[[…]]} → {"output":[[rows]]}
 */
import uws from 'uWebSockets.js'

const app = uws.App()
app.post('/predict', (response) => {
  let isAborted = false
  let earlier = null
  response.onAborted(() => (isAborted = true))
  response.onData((chunk, isLast) => {
    const bytes = Buffer.from(chunk)
    if (!isLast) {
      // The chunk is lent: what waits for more is copied.
      earlier = earlier === null ? Buffer.from(bytes) : Buffer.concat([earlier, bytes])
      return
    }
    const body = JSON.parse((earlier === null ? bytes : Buffer.concat([earlier, bytes])).toString())
    const [rows] = Object.values(body)
    if (isAborted) return
    response.cork(() => {
      response.writeHeader('content-type', 'application/json')
      response.end(JSON.stringify({ output: [[rows.length]] }))
    })
  })
})

app.listen('127.0.0.1', 0, (listener) => {
  process.stdout.write(`${JSON.stringify({ port: uws.us_socket_local_port(listener) })}\n`)
})
process.on('SIGTERM', () => process.exit(0))

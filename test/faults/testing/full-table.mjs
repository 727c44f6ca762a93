/**
 * A server whose process fills its own table of file descriptors, as an application around an embedded server might, or a
 * leak. Arguments: `uws` or `node`, or `bare`: the socket library alone, without what keeps it from spinning (the canary).
 * Prints its port; then a line of stdin is a command: `fill` opens files until no more can be opened, `free` closes them.
 */
import { closeSync, openSync } from 'node:fs'
import { createRequire } from 'node:module'
import { createInterface } from 'node:readline'

const kind = process.argv[2]
const opened = []
const commands = {
  fill() {
    try {
      for (;;) opened.push(openSync('/dev/null', 'r'))
    } catch (error) {
      console.log(`full ${error.code}`)
    }
  },
  free() {
    for (const descriptor of opened.splice(0)) closeSync(descriptor)
    console.log('free')
  },
}

console.log(`port ${await listen()}`)
createInterface({ input: process.stdin }).on('line', (line) => commands[line]())

async function listen() {
  if (kind === 'bare') {
    const library = createRequire(import.meta.url)('uWebSockets.js')
    const app = library.App().any('/*', (response) => response.end('ok'))
    return new Promise((resolve) => {
      app.listen('127.0.0.1', 0, 1, (socket) => resolve(library.us_socket_local_port(socket)))
    })
  }
  const { Engine, PenstockServer } = await import('penstock')
  const engine = await Engine.open({ inferWorkers: 1, backgroundWorkers: 0, calibration: 'off' })
  const server = await PenstockServer.start({
    engine,
    port: 0,
    grpcPort: 0,
    ...(kind === 'grpc' ? {} : { sockets: kind }),
  })
  if (kind === 'grpc') return server.grpcPort
  console.log(`grpc ${server.grpcPort}`)
  return server.port
}

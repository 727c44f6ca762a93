/**
 * A Penstock server. Whatever the load travels by, the signature and the answers to compare with are asked over the
 * WebSocket, which says both exactly.
 */
import { PenstockClient } from '../../client/client.js'
import type { Meta } from '../../engine/api/api.js'
import type { Tensor } from '../../tensor/tensor.js'
import { addressOf, keyHeaders, textOf, type ServerAddress } from './server-address.js'
import { runNative } from './native-run.js'
import { findServerPid } from './server-pid.js'
import type { LoadTarget } from '../native/load-plan.js'
import type { Signature } from '../scenario/signature.js'
import type { Target, TargetDescription } from '../scenario/target.js'

export interface PenstockTargetOptions {
  readonly transport: 'websocket' | 'http-json' | 'http-binary'
  readonly url: string
  readonly apiKey: string | null
  /** null: found by the port, when the server is on this machine. */
  readonly serverPid: number | null
}

/** @throws PenstockError ERR_CONNECTION_LOST, ERR_UNAUTHORIZED … when it cannot be asked. */
export async function openPenstockTarget(options: PenstockTargetOptions): Promise<Target> {
  const address = addressOf(options.url)
  const { apiKey } = options
  const client = await PenstockClient.connect(address.url, {
    reconnect: false,
    ...(apiKey === null ? {} : { apiKey }),
  })
  const headers = keyHeaders(apiKey)
  const description = await describe(address, headers, options.serverPid)
  const target: LoadTarget = {
    transport: options.transport,
    host: address.host,
    port: address.port,
    headers,
    serverPid: description.pid,
  }
  return {
    description,
    signature: async (pipeline) => signatureOf(await client.open(pipeline)),
    ask: async (pipeline, inputs, meta) => ask(client, pipeline, inputs, meta),
    metrics: () => textOf(`${address.url}/metrics`, headers),
    run: (kinds, settings, onInterval, signal) =>
      runNative({ target, prefix: address.prefix, kinds, settings }, onInterval, signal),
    close: () => client.close(),
  }
}

async function describe(
  address: ServerAddress,
  headers: Readonly<Record<string, string>>,
  serverPid: number | null,
): Promise<TargetDescription> {
  const text = await textOf(`${address.url}/`, headers)
  const { name = 'Penstock', version = '' } = (text === '' ? {} : JSON.parse(text)) as {
    name?: string
    version?: string
  }
  const pid = serverPid ?? (address.isLoopback ? findServerPid(address.port) : 0)
  return { server: `${name} ${version}`.trim(), url: address.url, pid }
}

type Channel = Awaited<ReturnType<PenstockClient['open']>>

function signatureOf({ inputs, outputs, isNonBatching, rowsMax, routes }: Channel): Signature {
  return { inputs, outputs, isNonBatching, rowsMax, isSplit: routes.length > 0 }
}

async function ask(
  client: PenstockClient,
  pipeline: string,
  inputs: Readonly<Record<string, Tensor>>,
  meta: Meta | null,
): Promise<Readonly<Record<string, Tensor>>> {
  const { outputs } = await client.infer(pipeline, inputs, meta === null ? {} : { meta })
  return outputs
}

/**
 * What a model of the Open Inference Protocol says of itself, asked for when a step is deployed: its tensors, and whether
 * it takes them as bytes.
 */
import type { RemoteOipStep } from '../pipeline/remote-step.js'
import { dtypeOfOip } from '../tensor/dtype.js'
import type { Dtype } from '../tensor/tensor.js'
import { isObject, kindOf, readAnswer } from './columns/answer-json.js'
import { Unfit } from './columns/read-columns.js'
import type { CallContext, RemoteClient } from './client.js'
import type { RemoteFailures } from './failures.js'
import { below } from './kinds/mlflow.js'
import { modelUrl } from './kinds/oip.js'
import type { JsonValue } from '../formats/json/json-reader.js'

export interface DiscoveredTensor {
  readonly name: string
  readonly dtype: Dtype
  /** Dims of a row; null: free. */
  readonly dims: readonly (number | null)[]
}

export interface DiscoveredModel {
  readonly inputs: readonly DiscoveredTensor[]
  readonly outputs: readonly DiscoveredTensor[]
  /** Whether tensors may be bytes behind the JSON. */
  readonly isBinary: boolean
}

export interface DiscoverOptions {
  readonly client: RemoteClient
  readonly failures: RemoteFailures
  readonly headers: Readonly<Record<string, string>>
  readonly context: CallContext
}

/** @throws PenstockError ERR_REMOTE_FAILED, ERR_REMOTE_UNAVAILABLE, ERR_REMOTE_TIMEOUT */
export async function discoverModel(step: RemoteOipStep, url: URL, options: DiscoverOptions): Promise<DiscoveredModel> {
  const [metadata, server] = await Promise.all([
    getJson(modelUrl(step, url), options),
    // Some servers answer for one model alone and say nothing of themselves.
    step.binary === undefined ? getJson(below(url, '/v2'), options).catch(() => null) : null,
  ])
  const extensions = isObject(server ?? undefined) ? (server as { extensions?: JsonValue }).extensions : []
  const isBinary = step.binary ?? (Array.isArray(extensions) && extensions.includes('binary_tensor_data'))
  try {
    if (!isObject(metadata)) throw new Unfit(`the model's metadata are ${kindOf(metadata)}`)
    return { inputs: tensorsOf(metadata['inputs']), outputs: tensorsOf(metadata['outputs']), isBinary }
  } catch (error) {
    if (error instanceof Unfit) throw options.failures.unfit(error.message, error)
    throw error
  }
}

async function getJson(url: URL, { client, context, headers, failures }: DiscoverOptions): Promise<JsonValue> {
  const request = { method: 'GET' as const, path: url.pathname + url.search, headers, body: null }
  const { body } = await client.call(() => request, context)
  try {
    return readAnswer(body)
  } catch (error) {
    if (error instanceof Unfit) throw failures.unfit(`the metadata: ${error.message}`, error)
    throw error
  }
}

function tensorsOf(value: JsonValue | undefined): DiscoveredTensor[] {
  if (!Array.isArray(value))
    throw new Unfit('the model\'s metadata have no tensors. Declare "inputs" and "outputs" in the step')
  return value.map((tensor) => {
    const { name, datatype, shape } = isObject(tensor) ? tensor : {}
    const dtype = typeof datatype === 'string' ? dtypeOfOip(datatype) : undefined
    if (typeof name !== 'string' || dtype === undefined || !Array.isArray(shape))
      throw new Unfit(
        `a tensor of the model's metadata is ${kindOf(tensor)}, without a name, a known datatype or a shape`,
      )
    if (shape[0] !== -1)
      throw new Unfit(
        `${name} of the model's metadata has the shape ${JSON.stringify(shape)}, whose first dim is not that of rows (-1)`,
      )
    return { name, dtype, dims: shape.slice(1).map((dim) => (typeof dim === 'number' && dim >= 0 ? dim : null)) }
  })
}

/**
 * Any server that speaks the Open Inference Protocol (v2) over HTTP: Triton, MLServer, KServe and others. The signature
 * comes from `GET /v2/models/{model}`; dtypes that Penstock has no name for are refused with a sentence.
 *
 * @source https://github.com/kserve/open-inference-protocol, specification/protocol/inference_rest.md
 */
import { PenstockError } from '../../base/errors.js'
import { argumentError } from '../../base/expect.js'
import { REQUEST_ROWS_MAX } from '../../base/limits/limits.js'
import { dtypeInfo, dtypeOfOip } from '../../tensor/dtype.js'
import { nestedToTensor } from '../../tensor/nested.js'
import { writeNested } from '../../tensor/print.js'
import type { Tensor, TensorField } from '../../tensor/tensor.js'
import { addressOf, keyHeaders, textOf, type ServerAddress } from './server-address.js'
import { runNative } from './native-run.js'
import { findServerPid } from './server-pid.js'
import type { Signature } from '../scenario/signature.js'
import type { Target } from '../scenario/target.js'

export interface OipTargetOptions {
  readonly transport: 'oip-json' | 'oip-binary'
  readonly url: string
  readonly apiKey: string | null
  readonly serverPid: number | null
}

export async function openOipTarget(options: OipTargetOptions): Promise<Target> {
  const address = addressOf(options.url)
  const headers = keyHeaders(options.apiKey)
  const pid = options.serverPid ?? (address.isLoopback ? findServerPid(address.port) : 0)
  const { name = 'an OIP server', version = '' } = parseOr<{ name?: string; version?: string }>(
    await textOf(`${address.url}/v2`, headers),
    {},
  )
  const call = (method: string, path: string, body?: string) => callOip(address, headers, method, path, body)
  const signature = async (model: string) => readSignature(model, await call('GET', modelPath(model)))
  const { transport } = options
  const target = { transport, host: address.host, port: address.port, headers, serverPid: pid }
  return {
    description: { server: `${name} ${version}`.trim(), url: address.url, pid },
    signature,
    ask: async (model, inputs) =>
      readOutputs(await signature(model), await call('POST', `${modelPath(model)}/infer`, bodyOf(inputs))),
    metrics: () => textOf(`${address.url}/metrics`, headers),
    run: (kinds, settings, onInterval, signal) =>
      runNative({ target, prefix: address.prefix, kinds, settings }, onInterval, signal),
    close: () => Promise.resolve(),
  }
}

export function modelPath(model: string): string {
  return `/v2/models/${encodeURIComponent(model)}`
}

async function callOip(
  address: ServerAddress,
  headers: Readonly<Record<string, string>>,
  method: string,
  path: string,
  body?: string,
): Promise<unknown> {
  const request = body === undefined ? {} : { body }
  let response: Response
  try {
    response = await fetch(address.url + path, {
      method,
      headers: { ...headers, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      ...request,
    })
  } catch (error) {
    const reason = error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error)
    throw new PenstockError('ERR_CONNECTION_LOST', `Cannot reach a server at ${address.url}: ${reason}`, {
      cause: error,
    })
  }
  const text = await response.text()
  const json = parseOr<unknown>(text, null)
  if (response.ok && json !== null) return json
  const reason = (json as { error?: unknown } | null)?.error
  const said = typeof reason === 'string' ? reason : text.slice(0, 200)
  throw new PenstockError('ERR_ARGUMENT', `${method} ${address.url}${path} answered ${response.status}: ${said}`)
}

interface OipField {
  readonly name: string
  readonly datatype: string
  readonly shape: readonly number[]
}

/** A signature whose tensors all begin with a free dim has rows. @throws PenstockError ERR_ARGUMENT. */
function readSignature(model: string, json: unknown): Signature {
  const { inputs, outputs } = (json ?? {}) as { inputs?: OipField[]; outputs?: OipField[] }
  if (!Array.isArray(inputs) || inputs.length === 0 || !Array.isArray(outputs))
    throw argumentError(`the metadata of ${model}`, 'inputs and outputs as the Open Inference Protocol has them', json)
  const fields = inputs.map((field) => fieldOf(model, field))
  const isNonBatching = fields.some(({ shape }) => shape[0] !== null)
  return {
    inputs: fields,
    outputs: outputs.map((field) => fieldOf(model, field)),
    isNonBatching,
    rowsMax: isNonBatching ? 1 : REQUEST_ROWS_MAX,
    isSplit: false,
  }
}

function fieldOf(model: string, { name, datatype, shape }: OipField): TensorField {
  const dtype = dtypeOfOip(datatype)
  if (dtype === undefined) throw argumentError(`the datatype of ${model}.${name}`, 'one such as FP32', datatype)
  return { name, dtype, shape: shape.map((dim) => (dim < 0 ? null : dim)) }
}

function bodyOf(inputs: Readonly<Record<string, Tensor>>): string {
  const entries = Object.entries(inputs).map(
    ([name, tensor]) =>
      `{"name":${JSON.stringify(name)},"datatype":"${dtypeInfo(tensor.dtype).oip}",` +
      `"shape":[${tensor.shape.join(',')}],"data":${writeNested(tensor)}}`,
  )
  return `{"inputs":[${entries.join(',')}]}`
}

/** Outputs of the signature; `data` may be flat or nested, the protocol allows both. */
function readOutputs({ outputs: fields }: Signature, json: unknown): Record<string, Tensor> {
  const { outputs } = json as { outputs?: (OipField & { data?: unknown })[] }
  const tensors: Record<string, Tensor> = {}
  for (const { name, shape, data } of Array.isArray(outputs) ? outputs : []) {
    const field = fields.find((candidate) => candidate.name === name)
    if (field === undefined || !Array.isArray(data)) continue
    const flat = data.flat(Infinity)
    tensors[name] = { ...nestedToTensor({ name, dtype: field.dtype, shape: [flat.length] }, flat, true), shape }
  }
  return tensors
}

function parseOr<T>(text: string, fallback: T): T {
  try {
    return JSON.parse(text) as T
  } catch {
    return fallback
  }
}

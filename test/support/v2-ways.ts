/**
 * One request of the Open Inference Protocol by every way that this server reads it: JSON by the fast path and by the one
 * that takes everything, the binary extension, gRPC with raw and with typed contents. All answers come in one form.
 */
import { fileURLToPath } from 'node:url'
import {
  credentials,
  loadPackageDefinition,
  type Client,
  type ClientDuplexStream,
  type ClientUnaryCall,
  type Metadata,
} from '@grpc/grpc-js'
import { loadSync } from '@grpc/proto-loader'
import type { PenstockServer } from 'penstock'

type Element = number | bigint | string | boolean | null
type Parameters = Readonly<Record<string, unknown>>

export interface WayTensor {
  readonly name: string
  readonly datatype: string
  readonly shape: readonly number[]
  /** null in a float becomes NaN where the form is binary. */
  readonly data: readonly Element[]
  readonly parameters?: Parameters
}

export interface WayRequest {
  readonly inputs: readonly WayTensor[]
  readonly outputs?: readonly { readonly name: string; readonly parameters?: Parameters }[]
  readonly parameters?: Parameters
}

export interface WayAnswer {
  readonly way: string
  /** '' when it was answered. */
  readonly error: string
  /** The HTTP status or the gRPC code of a refusal. */
  readonly status: number
  readonly outputs: Readonly<Record<string, { readonly shape: readonly number[]; readonly data: readonly unknown[] }>>
}

export type Way = (model: string, request: WayRequest) => Promise<WayAnswer>

export interface Ways {
  readonly all: Readonly<Record<string, Way>>
  /** By each of them. */
  ask(model: string, request: WayRequest): Promise<WayAnswer[]>
  close(): void
}

export function waysOf(server: PenstockServer): Ways {
  const client = grpcClient(server)
  const all: Record<string, Way> = {
    'JSON, fast path': (model, request) => overHttp(server, model, json(request), { 'accept-encoding': '' }),
    'JSON, fall-back': (model, request) => overHttp(server, model, json(request), { 'accept-encoding': 'identity' }),
    'binary, fast path': (model, request) => overHttp(server, model, ...binary(request, '')),
    'binary, fall-back': (model, request) => overHttp(server, model, ...binary(request, 'identity')),
    'gRPC, raw': (model, request) => overGrpc(client, model, request, true),
    'gRPC, typed': (model, request) => overGrpc(client, model, request, false),
  }
  return {
    all,
    ask: (model, request) =>
      Promise.all(Object.entries(all).map(async ([way, ask]) => ({ ...(await ask(model, request)), way }))),
    close: () => client.close(),
  }
}

// ── HTTP ────────────────────────────────────────────────────────────────────────────────────────

const json = (request: WayRequest): Buffer =>
  Buffer.from(
    JSON.stringify(request, (_, value: unknown) => (typeof value === 'bigint' ? `#${value}#` : value)).replace(
      /"#(-?\d+)#"/g,
      '$1',
    ),
  )

function binary(request: WayRequest, encoding: string): [Buffer, Record<string, string>] {
  const tails = request.inputs.map(bytesOf)
  const inputs = request.inputs.map(({ name, datatype, shape, parameters }, index) => ({
    name,
    datatype,
    shape,
    parameters: { ...parameters, binary_data_size: (tails[index] as Buffer).length },
  }))
  const head = Buffer.from(JSON.stringify({ ...request, inputs }))
  const headers = { 'accept-encoding': encoding, 'inference-header-content-length': String(head.length) }
  return [Buffer.concat([head, ...tails]), headers]
}

interface JsonAnswer {
  readonly error?: string
  readonly outputs?: readonly { name: string; datatype: string; shape: number[]; data: unknown[] }[]
}

async function overHttp(
  server: PenstockServer,
  model: string,
  body: Buffer,
  headers: Record<string, string>,
): Promise<WayAnswer> {
  const response = await fetch(`${server.url}/v2/models/${model}/infer`, { method: 'POST', body, headers })
  const { error = '', outputs = [] } = (await response.json()) as JsonAnswer
  const named = outputs.map(({ name, datatype, shape, data }) => {
    // JSON has the shortest decimals of a float32.
    const rounded =
      datatype === 'FP32' ? data.map((value) => (value === null ? null : Math.fround(value as number))) : data
    return [name, { shape, data: rounded }] as const
  })
  return { way: '', error, status: response.status === 200 ? 0 : response.status, outputs: Object.fromEntries(named) }
}

// ── gRPC ────────────────────────────────────────────────────────────────────────────────────────

interface GrpcAnswer {
  readonly outputs: readonly { name: string; datatype: string; shape: number[] }[]
  readonly raw_output_contents: readonly Buffer[]
  readonly parameters: Readonly<Record<string, { readonly string_param: string }>>
}
type OnGrpcAnswer = (error: { code: number; details: string } | null, answer: GrpcAnswer) => void
type GrpcClient = Client & {
  ModelInfer(request: object, done: OnGrpcAnswer): void
  ModelInfer(request: object, metadata: Metadata, done: OnGrpcAnswer): ClientUnaryCall
  ModelStreamInfer(metadata: Metadata): ClientDuplexStream<object, { readonly error_message: string }>
}

/** @param ca of an encrypted server: the PEM of what its certificate was signed with. */
export function grpcClient(server: PenstockServer, ca?: string): GrpcClient {
  const proto = fileURLToPath(new URL('../../src/transport/dialects/oip/grpc/proto/inference.proto', import.meta.url))
  const loaded = loadPackageDefinition(loadSync(proto, { keepCase: true, longs: Number, defaults: true }))
  const { GRPCInferenceService } = loaded['inference'] as unknown as Record<string, new (...parts: unknown[]) => Client>
  if (GRPCInferenceService === undefined) throw new Error('the proto has no GRPCInferenceService')
  const how = ca === undefined ? credentials.createInsecure() : credentials.createSsl(Buffer.from(ca))
  return new GRPCInferenceService(`127.0.0.1:${server.grpcPort}`, how) as GrpcClient
}

function overGrpc(client: GrpcClient, model: string, request: WayRequest, isRaw: boolean): Promise<WayAnswer> {
  const message = {
    model_name: model,
    parameters: grpcParameters(request.parameters),
    inputs: request.inputs.map((tensor) => ({
      name: tensor.name,
      datatype: tensor.datatype,
      shape: tensor.shape,
      parameters: grpcParameters(tensor.parameters),
      ...(isRaw ? {} : { contents: contentsOf(tensor) }),
    })),
    outputs: (request.outputs ?? []).map(({ name, parameters }) => ({ name, parameters: grpcParameters(parameters) })),
    ...(isRaw ? { raw_input_contents: request.inputs.map(bytesOf) } : {}),
  }
  return new Promise((resolve) => {
    client.ModelInfer(message, (error, answer) => {
      if (error !== null) return resolve({ way: '', error: error.details, status: error.code, outputs: {} })
      const named = answer.outputs.map(({ name, datatype, shape }, index) => {
        const data = valuesOf(datatype, answer.raw_output_contents[index] ?? Buffer.alloc(0))
        return [name, { shape, data }] as const
      })
      resolve({ way: '', error: '', status: 0, outputs: Object.fromEntries(named) })
    })
  })
}

function grpcParameters(parameters: Parameters = {}): object {
  const choice = (value: unknown): object => {
    if (typeof value === 'boolean') return { bool_param: value }
    if (typeof value === 'string') return { string_param: value }
    return Number.isInteger(value) ? { int64_param: value } : { double_param: value }
  }
  return Object.fromEntries(Object.entries(parameters).map(([name, value]) => [name, choice(value)]))
}

function contentsOf({ datatype, data }: WayTensor): object {
  if (datatype === 'BYTES') return { bytes_contents: data.map((text) => Buffer.from(String(text ?? ''))) }
  const field = { FP32: 'fp32', FP64: 'fp64', INT64: 'int64', UINT64: 'uint64', BOOL: 'bool' }[datatype]
  const kind = field ?? (datatype.startsWith('UINT') ? 'uint' : 'int')
  const isFloat = kind.startsWith('fp')
  return {
    [`${kind}_contents`]: data.map((value) => (isFloat ? Number(value ?? NaN) : String(value) === 'true' || value)),
  }
}

// ── bytes ───────────────────────────────────────────────────────────────────────────────────────

const arrays = {
  FP32: Float32Array,
  FP64: Float64Array,
  INT8: Int8Array,
  INT16: Int16Array,
  INT32: Int32Array,
  UINT8: Uint8Array,
  UINT16: Uint16Array,
  UINT32: Uint32Array,
  BOOL: Uint8Array,
} as const

function bytesOf({ datatype, data }: WayTensor): Buffer {
  if (datatype === 'BYTES')
    return Buffer.concat(
      data.flatMap((text) => {
        const bytes = Buffer.from(String(text ?? ''))
        const length = Buffer.alloc(4)
        length.writeUInt32LE(bytes.length)
        return [length, bytes]
      }),
    )
  if (datatype === 'INT64') return Buffer.from(BigInt64Array.from(data as number[], BigInt).buffer)
  if (datatype === 'UINT64') return Buffer.from(BigUint64Array.from(data as number[], BigInt).buffer)
  const numbers = data.map((value) => (value === null ? NaN : Number(value)))
  return Buffer.from(arrays[datatype as keyof typeof arrays].from(numbers).buffer)
}

function valuesOf(datatype: string, bytes: Buffer): unknown[] {
  const { buffer } = Uint8Array.from(bytes)
  if (datatype === 'INT64') return Array.from(new BigInt64Array(buffer), Number)
  if (datatype === 'UINT64') return Array.from(new BigUint64Array(buffer), Number)
  // As JSON has it.
  if (datatype !== 'BYTES')
    return Array.from(new arrays[datatype as keyof typeof arrays](buffer), (value) =>
      Number.isFinite(value) ? (datatype === 'BOOL' ? value === 1 : value) : null,
    )
  const texts: string[] = []
  for (let at = 0; at < bytes.length; at += 4 + bytes.readUInt32LE(at))
    texts.push(bytes.toString('utf8', at + 4, at + 4 + bytes.readUInt32LE(at)))
  return texts
}

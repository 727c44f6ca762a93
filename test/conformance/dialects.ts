/**
 * The ways to ask one server the same thing: native HTTP, WebSocket, and the Open Inference Protocol over HTTP (as JSON
 * and with binary tensors) and gRPC. Each takes a case as it is and gives the answer in one form, so that answers can be
 * compared.
 */
import { credentials, loadPackageDefinition, type Client } from '@grpc/grpc-js'
import { loadSync } from '@grpc/proto-loader'
import { fileURLToPath } from 'node:url'
import { PenstockClient, type PenstockServer, type Tensor } from 'penstock'

export interface Case {
  readonly title: string
  readonly pipeline: string
  readonly inputs: Readonly<Record<string, Tensor>>
  readonly meta?: Readonly<Record<string, string | number>>
}

/** Values flat, as text: 64-bit integers and NaN survive that. */
export interface Outcome {
  readonly outputs?: Readonly<Record<string, { readonly shape: readonly number[]; readonly values: readonly string[] }>>
  readonly checks?: readonly string[]
  readonly route?: string | null
  /** Whose fault a refusal is, in the words of errors.json. */
  readonly fault?: 'missing' | 'argument'
}

export interface Dialect {
  readonly name: string
  ask(example: Case): Promise<Outcome>
  close(): void
}

const oipNames: Readonly<Record<string, string>> = {
  float32: 'FP32',
  float64: 'FP64',
  float16: 'FP16',
  int8: 'INT8',
  uint8: 'UINT8',
  int16: 'INT16',
  int32: 'INT32',
  int64: 'INT64',
  uint64: 'UINT64',
  bool: 'BOOL',
  string: 'BYTES',
}

/** Where a server is: of this process or of another. */
export type Address = Pick<PenstockServer, 'url' | 'grpcPort'>

export async function openDialects(server: Address): Promise<Dialect[]> {
  return [
    nativeHttp(server.url),
    await webSocket(server.url),
    oipJson(server.url),
    oipBinary(server.url),
    oipGrpc(server),
  ]
}

function nativeHttp(url: string): Dialect {
  return {
    name: 'native HTTP',
    async ask({ pipeline, inputs, meta }) {
      const columns = Object.entries(inputs).map(([name, tensor]) => `${JSON.stringify(name)}:${nested(tensor)}`)
      const rest = meta === undefined ? '' : `,"meta":${JSON.stringify(meta)}`
      const { status, text } = await post(
        `${url}/v1/pipelines/${pipeline}/infer`,
        `{"inputs":{${columns.join(',')}}${rest}}`,
      )
      if (status !== 200) return { fault: faultOf(status) }
      // 64-bit integers would be rounded by JSON.parse.
      const answer = JSON.parse(text.replaceAll(/([[,])(-?\d{16,})(?=[\],])/g, '$1"$2"')) as {
        outputs: Record<string, unknown[]>
        check_failures: { check: string }[]
        metadata: { route?: string[] }
      }
      const outputs = Object.entries(answer.outputs).map(([name, values]) => [
        name,
        { shape: nestedShape(values), values: values.flat(9).map(String) },
      ])
      return {
        outputs: Object.fromEntries(outputs) as Outcome['outputs'] & object,
        checks: answer.check_failures.map(({ check }) => check),
        route: answer.metadata.route?.[0] ?? null,
      }
    },
    close: () => undefined,
  }
}

async function webSocket(url: string): Promise<Dialect> {
  const client = await PenstockClient.connect(url)
  return {
    name: 'WebSocket',
    async ask({ pipeline, inputs, meta }) {
      try {
        const { outputs, checkFailures, route } = await client.infer(
          pipeline,
          inputs,
          meta === undefined ? {} : { meta },
        )
        return {
          outputs: Object.fromEntries(
            Object.entries(outputs).map(([name, tensor]) => [name, { shape: tensor.shape, values: valuesOf(tensor) }]),
          ),
          checks: checkFailures.map(({ check }) => check),
          route: route?.[0] ?? null,
        }
      } catch (error) {
        const { code } = error as { code: string }
        return { fault: code.endsWith('_NOT_FOUND') ? 'missing' : 'argument' }
      }
    },
    close: () => void client.close(),
  }
}

function oipJson(url: string): Dialect {
  return {
    name: 'OIP, JSON',
    async ask({ pipeline, inputs, meta }) {
      const parts = Object.entries(inputs).map(
        ([name, tensor]) => `{${described(name, tensor)},"data":${nested(tensor)}}`,
      )
      const { status, text } = await post(
        `${url}/v2/models/${pipeline}/infer`,
        `{"inputs":[${parts.join(',')}]${parametersOf(meta)}}`,
      )
      if (status !== 200) return { fault: faultOf(status) }
      return oipOutcome(
        JSON.parse(text.replaceAll(/([[,])(-?\d{16,})(?=[\],])/g, '$1"$2"')) as OipAnswer,
        ({ data = [] }) => data.map(String),
      )
    },
    close: () => undefined,
  }
}

function oipBinary(url: string): Dialect {
  return {
    name: 'OIP, binary',
    async ask({ pipeline, inputs, meta }) {
      const tails = Object.values(inputs).map(bytesOf)
      const parts = Object.entries(inputs).map(
        ([name, tensor], index) =>
          `{${described(name, tensor)},"parameters":{"binary_data_size":${tails[index]?.length}}}`,
      )
      const head = Buffer.from(`{"inputs":[${parts.join(',')}]${parametersOf({ ...meta, binary_data_output: true })}}`)
      const { status, bytes, headers } = await post(
        `${url}/v2/models/${pipeline}/infer`,
        Buffer.concat([head, ...tails]),
        {
          'inference-header-content-length': String(head.length),
        },
      )
      if (status !== 200) return { fault: faultOf(status) }
      let position = Number(headers.get('inference-header-content-length'))
      return oipOutcome(JSON.parse(bytes.toString('utf8', 0, position)) as OipAnswer, ({ datatype, parameters }) => {
        const start = position
        position += Number(parameters?.['binary_data_size'])
        return readValues(datatype, bytes.subarray(start, position))
      })
    },
    close: () => undefined,
  }
}

interface GrpcAnswer {
  readonly outputs: OipAnswer['outputs']
  readonly raw_output_contents: Buffer[]
  readonly parameters: Record<string, { string_param: string }>
}

function oipGrpc(server: Address): Dialect {
  const proto = fileURLToPath(new URL('../../src/transport/dialects/oip/grpc/proto/inference.proto', import.meta.url))
  const loaded = loadPackageDefinition(loadSync(proto, { keepCase: true, longs: Number, defaults: true }))
  const { GRPCInferenceService } = loaded['inference'] as unknown as Record<string, new (...parts: unknown[]) => Client>
  if (GRPCInferenceService === undefined) throw new Error('the proto has no GRPCInferenceService')
  const client = new GRPCInferenceService(`127.0.0.1:${server.grpcPort}`, credentials.createInsecure()) as Client & {
    ModelInfer(request: object, done: (error: { code: number } | null, answer: GrpcAnswer) => void): void
  }
  return {
    name: 'OIP, gRPC',
    ask: ({ pipeline, inputs, meta = {} }) =>
      new Promise((resolve) => {
        const request = {
          model_name: pipeline,
          parameters: Object.fromEntries(
            Object.entries(meta).map(([key, value]) => [
              key,
              typeof value === 'string' ? { string_param: value } : { double_param: value },
            ]),
          ),
          inputs: Object.entries(inputs).map(([name, { dtype, shape }]) => ({
            name,
            datatype: oipNames[dtype],
            shape,
          })),
          raw_input_contents: Object.values(inputs).map(bytesOf),
        }
        client.ModelInfer(request, (error, answer) => {
          if (error !== null) return resolve({ fault: error.code === 5 ? 'missing' : 'argument' })
          const parameters = Object.fromEntries(
            Object.entries(answer.parameters).map(([key, value]) => [key, value.string_param]),
          )
          let index = 0
          resolve(
            oipOutcome({ outputs: answer.outputs, parameters }, ({ datatype }) =>
              readValues(datatype, answer.raw_output_contents[index++] ?? Buffer.alloc(0)),
            ),
          )
        })
      }),
    close: () => client.close(),
  }
}

interface OipOutput {
  readonly name: string
  readonly datatype: string
  readonly shape: number[]
  readonly data?: unknown[]
  readonly parameters?: Record<string, unknown>
}
interface OipAnswer {
  readonly outputs: readonly OipOutput[]
  readonly parameters?: Readonly<Record<string, string>>
}

function oipOutcome({ outputs, parameters = {} }: OipAnswer, values: (output: OipOutput) => string[]): Outcome {
  const { check_failures: failures, route } = parameters
  return {
    outputs: Object.fromEntries(
      outputs.map((output) => [output.name, { shape: output.shape, values: values(output) }]),
    ),
    checks: failures === undefined ? [] : (JSON.parse(failures) as { check: string }[]).map(({ check }) => check),
    route: route === undefined ? null : ((JSON.parse(route) as string[])[0] ?? null),
  }
}

const described = (name: string, { dtype, shape }: Tensor): string =>
  `"name":${JSON.stringify(name)},"datatype":"${oipNames[dtype]}","shape":[${shape.join(',')}]`

const parametersOf = (meta?: object): string => (meta === undefined ? '' : `,"parameters":${JSON.stringify(meta)}`)

async function post(url: string, body: string | Buffer, headers: Record<string, string> = {}) {
  const response = await fetch(url, {
    method: 'POST',
    body: body as string,
    headers: { 'content-type': 'application/json', ...headers },
  })
  const bytes = Buffer.from(await response.arrayBuffer())
  return { status: response.status, headers: response.headers, bytes, text: bytes.toString() }
}

const faultOf = (status: number): 'missing' | 'argument' => (status === 404 ? 'missing' : 'argument')

function nested({ dtype, shape, data }: Tensor): string {
  const text = (index: number): string => {
    const value = (data as ArrayLike<unknown>)[index]
    if (dtype === 'bool') return value === 1 ? 'true' : 'false'
    if (Number.isNaN(value)) return 'null'
    return typeof value === 'string' ? JSON.stringify(value) : String(value)
  }
  const level = (axis: number, start: number, count: number): string => {
    if (axis === shape.length) return text(start)
    const length = shape[axis] as number
    return `[${Array.from({ length }, (_, i) => level(axis + 1, start + (i * count) / length, count / length)).join(',')}]`
  }
  return level(
    0,
    0,
    shape.reduce((a, b) => a * b, 1),
  )
}

/** As far as nested arrays show it: nothing below one without elements. */
export function nestedShape(values: unknown): number[] {
  return Array.isArray(values) ? [values.length, ...nestedShape(values[0])] : []
}

/** The outcome as far as every dialect can express it: dims behind a 0 have no elements, and JSON has no place for them. */
export function comparable({ outputs, ...rest }: Outcome): Outcome {
  if (outputs === undefined) return rest
  const known = Object.entries(outputs).map(([name, { shape, values }]) => [name, { shape: knownDims(shape), values }])
  return { ...rest, outputs: Object.fromEntries(known) as Outcome['outputs'] & object }
}

export function knownDims(shape: readonly number[]): readonly number[] {
  const zero = shape.indexOf(0)
  return zero < 0 ? shape : shape.slice(0, zero + 1)
}

export function valuesOf({ dtype, data }: Tensor): string[] {
  return Array.from(data as ArrayLike<unknown>, (value) =>
    dtype === 'bool' ? String(value === 1) : shortest(dtype, value),
  )
}

/** JSON has the shortest decimal of a float32, JavaScript that of its double. */
function shortest(dtype: string, value: unknown): string {
  if (dtype !== 'float32') return String(value)
  const number = value as number
  for (let digits = 1; digits <= 9; digits++) {
    const candidate = Number(number.toPrecision(digits))
    if (Math.fround(candidate) === number) return String(candidate)
  }
  return String(number)
}

function bytesOf({ data }: Tensor): Buffer {
  if (ArrayBuffer.isView(data)) return Buffer.from(data.buffer, data.byteOffset, data.byteLength)
  return Buffer.concat(
    data.flatMap((text) => {
      const length = Buffer.alloc(4)
      length.writeUInt32LE(Buffer.byteLength(text))
      return [length, Buffer.from(text)]
    }),
  )
}

function readValues(datatype: string, bytes: Buffer): string[] {
  const aligned = Uint8Array.from(bytes).buffer
  const dtype = Object.keys(oipNames).find((name) => oipNames[name] === datatype) ?? ''
  const views: Readonly<Record<string, () => Tensor['data']>> = {
    FP32: () => new Float32Array(aligned),
    FP64: () => new Float64Array(aligned),
    FP16: () => new Uint16Array(aligned),
    INT8: () => new Int8Array(aligned),
    UINT8: () => new Uint8Array(aligned),
    INT16: () => new Int16Array(aligned),
    INT32: () => new Int32Array(aligned),
    INT64: () => new BigInt64Array(aligned),
    UINT64: () => new BigUint64Array(aligned),
    BOOL: () => new Uint8Array(aligned),
    BYTES: () => readTexts(bytes),
  }
  return valuesOf({ dtype: dtype as Tensor['dtype'], shape: [], data: views[datatype]?.() ?? [] })
}

function readTexts(bytes: Buffer): string[] {
  const texts: string[] = []
  for (let position = 0; position < bytes.length;) {
    const length = bytes.readUInt32LE(position)
    texts.push(bytes.toString('utf8', position + 4, position + 4 + length))
    position += 4 + length
  }
  return texts
}

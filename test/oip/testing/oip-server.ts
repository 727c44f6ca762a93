/**
 * The smallest server of the Open Inference Protocol, for a model `plus` that adds one to float32 [n, 3]: its metadata, and
 * inference as JSON or with binary tensors (the extension of Triton and MLServer: a JSON head, its length in a header).
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

const LENGTH = 'inference-header-content-length'
const metadata = {
  name: 'plus',
  platform: 'test',
  inputs: [{ name: 'x', datatype: 'FP32', shape: [-1, 3] }],
  outputs: [{ name: 'y', datatype: 'FP32', shape: [-1, 3] }],
}

interface Head {
  readonly inputs: readonly { readonly shape: readonly number[]; readonly data?: readonly unknown[] }[]
}

export async function startOipServer(): Promise<{ readonly url: string; close(): void }> {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => answer(request, Buffer.concat(chunks), response))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => {
      server.closeAllConnections()
      server.close()
    },
  }
}

function answer(request: IncomingMessage, body: Buffer, response: ServerResponse): void {
  if (request.url === '/v2') return send(response, 200, { name: 'test-server', version: '9' })
  if (request.url === '/v2/models/plus') return send(response, 200, metadata)
  if (request.url !== '/v2/models/plus/infer') return send(response, 404, { error: `no ${request.url}` })
  const headBytes = request.headers[LENGTH] === undefined ? body.length : Number(request.headers[LENGTH])
  const head = JSON.parse(body.subarray(0, headBytes).toString()) as Head
  const [input] = head.inputs
  const isBinary = headBytes < body.length
  const bytes = Uint8Array.from(body.subarray(headBytes))
  const values = isBinary ? [...new Float32Array(bytes.buffer)] : ((input?.data ?? []).flat(Infinity) as number[])
  const data = Float32Array.from(values, (value) => value + 1)
  const output = { name: 'y', datatype: 'FP32', shape: input?.shape }
  if (!isBinary) return send(response, 200, { model_name: 'plus', outputs: [{ ...output, data: [...data] }] })
  const text = JSON.stringify({ outputs: [{ ...output, parameters: { binary_data_size: data.byteLength } }] })
  const answered = Buffer.concat([Buffer.from(text), Buffer.from(data.buffer)])
  const headers = { 'content-type': 'application/octet-stream', 'content-length': answered.length }
  response.writeHead(200, { ...headers, [LENGTH]: Buffer.byteLength(text) }).end(answered)
}

function send(response: ServerResponse, status: number, json: object): void {
  const text = JSON.stringify(json)
  response
    .writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) })
    .end(text)
}

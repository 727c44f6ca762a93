/**
 * Well-behaved callers over HTTP and WebSocket, and the small arithmetic that the heavy suites share: seeded chance,
 * percentiles, pauses. Every answer is handed to the suite, which knows what it must be.
 */
import { Agent, request as httpRequest } from 'node:http'
import type { Tensor } from 'penstock'

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** The seed of a suite: fixed, or STRESS_SEED to replay or vary; printed, so that a failure can be replayed. */
export function suiteSeed(suite: string, fallback: number): number {
  const seed = Number(process.env['STRESS_SEED'] ?? fallback)
  console.info(`${suite}: STRESS_SEED=${seed}`)
  return seed
}

/** @param share in [0, 1]; of an unsorted list. 0 for an empty one. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0
}

export interface HttpAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly json: Readonly<Record<string, unknown>>
  /** From the call to the last byte. */
  readonly ms: number
}

/** A keep-alive HTTP client; rejects when the connection fails, which no test of a healthy server expects. */
export class HttpCaller {
  readonly #agent: Agent
  readonly #url: URL

  constructor(url: string, socketsMax = 64) {
    this.#url = new URL(url)
    this.#agent = new Agent({ keepAlive: true, maxSockets: socketsMax })
  }

  call(
    method: string,
    path: string,
    body?: unknown,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<HttpAnswer> {
    const startMs = performance.now()
    const bytes = body === undefined ? null : body instanceof Uint8Array ? body : Buffer.from(JSON.stringify(body))
    const type = body instanceof Uint8Array ? 'application/octet-stream' : 'application/json'
    const sent = bytes === null ? headers : { 'content-type': type, 'content-length': String(bytes.length), ...headers }
    return new Promise((resolve, reject) => {
      const { hostname: host, port } = this.#url
      const request = httpRequest({ agent: this.#agent, host, port, method, path, headers: sent }, (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('error', reject)
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString()
          const isJson = response.headers['content-type']?.startsWith('application/json') === true
          const json = isJson ? (JSON.parse(text) as HttpAnswer['json']) : {}
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            json,
            ms: performance.now() - startMs,
          })
        })
      })
      request.on('error', reject)
      request.end(bytes ?? undefined)
    })
  }

  /** Rows of `x` through a pipeline. */
  infer(pipeline: string, x: readonly (readonly number[])[], more: object = {}): Promise<HttpAnswer> {
    return this.call('POST', `/v1/pipelines/${pipeline}/infer`, { inputs: { x }, ...more })
  }

  close(): void {
    this.#agent.destroy()
  }
}

/** Runs `turn` again and again until it is stopped; the promise settles after the last turn, with the number of turns. */
export async function loop(isStopped: () => boolean, turn: (index: number) => Promise<void>): Promise<number> {
  let turns = 0
  while (!isStopped()) await turn(turns++)
  return turns
}

/** [rows, width] float32, element i = first + i. */
export function ramp(rows: number, width: number, first: number): Tensor {
  return {
    dtype: 'float32',
    shape: [rows, width],
    data: Float32Array.from({ length: rows * width }, (_, index) => first + index),
  }
}

/** The same numbers as nested rows. */
export function rampRows(rows: number, width: number, first: number): number[][] {
  return Array.from({ length: rows }, (_, row) =>
    Array.from({ length: width }, (_unused, column) => first + row * width + column),
  )
}

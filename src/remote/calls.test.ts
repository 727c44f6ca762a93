/** Calls of remote steps: faults, retries, time, the breaker, bounds, headers, hosts, signatures. */
import { createHash, createHmac } from 'node:crypto'
import { createServer, type AddressInfo } from 'node:net'
import { SignatureV4 } from '@smithy/signature-v4'
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { PenstockError } from '../base/errors.js'
import {
  floats,
  ManualClock,
  openSteps,
  RemoteServer,
  run,
  type OpenOptions,
  type Opened,
  texts,
  type Asked,
} from './testing/remote-server.js'
import { parseStep } from '../steps/parse.js'

const server = await RemoteServer.start(() => ({}))
const openStep = (step: object, options?: OpenOptions): Promise<Opened> =>
  openSteps(parseStep('steps[0]', { type: 'remote', ...step }), options)
beforeEach(() => void server.asked.splice(0))
afterAll(() => server.close())

const step = {
  kind: 'mlflow',
  url: server.url,
  inputs: [{ name: 'x', dtype: 'float32' }],
  outputs: [{ name: 'y', dtype: 'float32' }],
  backoffMs: 1,
}
const one = { x: floats(1) }
const good = { body: [2] }

async function failureOf(promise: Promise<unknown>): Promise<PenstockError> {
  const error: unknown = await promise.then(
    () => null,
    (cause: unknown) => cause,
  )
  if (!(error instanceof PenstockError)) throw new Error('expected a PenstockError', { cause: error })
  return error
}

describe('failures', () => {
  it.each([
    ['400', { status: 400, body: '{"error": "no\\nsuch column"}' }, 'ERR_REMOTE_FAILED', 'answered 400: {"error": "no\\nsuch column"}', 1],
    ['404 without a body', { status: 404 }, 'ERR_REMOTE_FAILED', 'answered 404', 1],
    ['500', { status: 500, body: 'x'.repeat(900) }, 'ERR_REMOTE_FAILED', `answered 500: ${'x'.repeat(300)}…`, 1],
    ['a redirect', { status: 302, headers: { location: 'http://169.254.169.254/' } }, 'ERR_REMOTE_FAILED', 'answered 302, a redirect to "http://169.254.169.254/". Redirects are not followed', 1],
    ['429', { status: 429, headers: { 'retry-after': '0' } }, 'ERR_REMOTE_UNAVAILABLE', 'answered 429', 3],
    ['503', { status: 503 }, 'ERR_REMOTE_UNAVAILABLE', 'answered 503', 3],
  ])('%s: the step, the address, the status, a part of the body', async (_, reply, code, words, calls) => {
    const { stage } = await openStep(step)
    server.handler = () => reply
    const error = await failureOf(run(stage, one))
    expect([error.code, server.asked.length]).toEqual([code, calls])
    expect(error.message.startsWith(`${server.url}/invocations ${words}`)).toBe(true)
    await stage.close()
  }) // prettier-ignore

  it('a secret that the remote repeats does not reach the caller', async () => {
    const { stage } = await openStep(
      { ...step, headers: { authorization: { env: 'T', prefix: 'Bearer ' }, 'x-tenant': 'a' } },
      { environment: { T: 'hidden-word' } },
    )
    server.handler = ({ headers }) => ({ status: 401, body: `who is ${headers.authorization ?? ''}?` })
    const error = await failureOf(run(stage, one))
    expect(server.asked[0]?.headers).toMatchObject({ authorization: 'Bearer hidden-word', 'x-tenant': 'a' })
    expect(error.message).toMatch(/answered 401: who is Bearer \*\*\*\?$/)
    await stage.close()
  })

  it('an answer that breaks off, and a connection that is reset', async () => {
    const { stage } = await openStep(step)
    server.handler = (_, response) => {
      response.writeHead(200, { 'content-length': '100' })
      response.write('[1')
      setTimeout(() => response.destroy(), 5)
      return undefined
    }
    expect(await failureOf(run(stage, one))).toMatchObject({
      code: 'ERR_REMOTE_FAILED',
      message: expect.stringMatching(/broke off/) as string,
    })
    server.handler = (_, response) => {
      response.socket?.resetAndDestroy()
      return undefined
    }
    expect(await failureOf(run(stage, one))).toMatchObject({ code: 'ERR_REMOTE_FAILED' })
    // Not repeated: the step does not say that it may be.
    expect(server.asked).toHaveLength(2)
    await stage.close()
  })

  it('an answer beyond the limit is not read to its end, whether it says its length or not', async () => {
    const { stage } = await openStep({ ...step, bodyBytesMax: 1000 })
    server.handler = () => ({ body: 'x'.repeat(1001) })
    expect((await failureOf(run(stage, one))).message).toMatch(/answered more than 1000 bytes.*bodyBytesMax/)
    let written = 0
    server.handler = (_, response) => {
      const more = (): void => {
        if (response.destroyed || written > 50e6) return
        written += 65_536
        response.write('x'.repeat(65_536))
        setImmediate(more)
      }
      more()
      return undefined
    }
    expect((await failureOf(run(stage, one))).message).toMatch(/answered more than 1000 bytes/)
    expect(written).toBeLessThan(20e6)
    await stage.close()
  })

  it('a request beyond the limit is not sent', async () => {
    const { stage } = await openStep({ ...step, bodyBytesMax: 10 })
    expect(await failureOf(run(stage, one))).toMatchObject({ code: 'ERR_BODY_TOO_LARGE' })
    expect(server.asked).toEqual([])
    await stage.close()
  })

  it('a remote that packs its answer is told apart from one that answers nonsense', async () => {
    const { stage } = await openStep(step)
    server.handler = () => ({ headers: { 'content-encoding': 'gzip' }, body: 'x' })
    expect((await failureOf(run(stage, one))).message).toMatch(/packed as gzip/)
    await stage.close()
  })
})

describe('retries', () => {
  it('repeats 500, resets and broken answers when the step is idempotent', async () => {
    const { stage } = await openStep({ ...step, idempotent: true })
    server.handler = (_, response, index) => {
      if (index === 0) return { status: 500 }
      if (index === 1) {
        response.socket?.resetAndDestroy()
        return undefined
      }
      return good
    }
    expect(await run(stage, one)).toEqual({ y: [2] })
    expect(stage.counts).toMatchObject({ calls: 3, retries: 2, failures: 2, breaker: 'closed' })
    await stage.close()
  })

  it('never repeats what the remote refuses', async () => {
    const { stage } = await openStep({ ...step, idempotent: true })
    server.handler = () => ({ status: 422 })
    await failureOf(run(stage, one))
    expect(server.asked).toHaveLength(1)
    await stage.close()
  })

  it('waits as long as the remote asks, unless the time is over before', async () => {
    const { stage } = await openStep({ ...step, timeoutMs: 900 })
    server.handler = () => ({ status: 503, headers: { 'retry-after': '1' } })
    const startedMs = performance.now()
    const error = await failureOf(run(stage, one))
    expect(performance.now() - startedMs).toBeLessThan(500)
    expect([error.code, error.retryAfterMs, server.asked.length]).toEqual(['ERR_REMOTE_UNAVAILABLE', 1000, 1])
    await stage.close()
  })

  it('repeats a connection that was refused, whatever the step', async () => {
    const probe = createServer()
    const port = await new Promise<number>((resolve) => {
      probe.listen(0, '127.0.0.1', () => resolve((probe.address() as AddressInfo).port))
    })
    await new Promise((resolve) => probe.close(resolve))
    const { stage } = await openStep({ ...step, url: `http://127.0.0.1:${port}` })
    const error = await failureOf(run(stage, one))
    expect([error.code, stage.counts.calls]).toEqual(['ERR_REMOTE_UNAVAILABLE', 3])
    expect(error.message).toMatch(/could not be reached \(ECONNREFUSED\)$/)
    await stage.close()
  })
})

describe('time', () => {
  const silent = (): undefined => undefined

  it('ends with the step: 504, and the connection with it', async () => {
    const { stage } = await openStep({ ...step, timeoutMs: 30 })
    server.handler = silent
    const error = await failureOf(run(stage, one))
    expect([error.code, error.httpStatus]).toEqual(['ERR_REMOTE_TIMEOUT', 504])
    expect(error.message).toMatch(/did not answer within 30 ms \(timeoutMs\)$/)
    await stage.close()
  })

  it('ends with the caller, who gets the error that ended it, and waits for nothing', async () => {
    const { stage } = await openStep({ ...step, concurrency: 1 })
    server.handler = silent
    const caller = new AbortController()
    const first = failureOf(run(stage, one, { signal: caller.signal }))
    const second = failureOf(run(stage, one, { signal: caller.signal }))
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(stage.counts).toMatchObject({ inFlight: 1, waiting: 1 })
    caller.abort(new PenstockError('ERR_ABORTED'))
    expect([(await first).code, (await second).code]).toEqual(['ERR_ABORTED', 'ERR_ABORTED'])
    // A caller's impatience says nothing of the remote.
    expect(stage.counts).toMatchObject({ inFlight: 0, waiting: 0, failures: 0, breaker: 'closed' })
    await stage.close()
  })

  it('is told to a remote that speaks the Open Inference Protocol, with the id and the trace of the request', async () => {
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
    const { stage } = await openStep({ ...step, kind: 'oip', model: 'm' })
    server.handler = () => ({ body: { outputs: [{ name: 'y', datatype: 'FP32', shape: [1], data: [2] }] } })
    await run(stage, one, { deadlineMs: 500, requestId: 'ours', meta: { traceparent, tracestate: 'a=b' } })
    const { headers } = server.asked[0] as Asked
    expect(headers).toMatchObject({ traceparent, tracestate: 'a=b', 'x-request-id': 'ours' })
    expect(Number(headers['penstock-deadline-ms'])).toBeGreaterThan(400)
    expect(Number(headers['penstock-deadline-ms'])).toBeLessThanOrEqual(500)
    await run(stage, one, { meta: { 'x-request-id': 'theirs', traceparent: 'nonsense' } })
    expect(server.asked[1]?.headers).toMatchObject({ 'x-request-id': 'theirs' })
    expect(server.asked[1]?.headers).not.toHaveProperty('traceparent')
    // Over a WebSocket an id may be anything; a header may not.
    await run(stage, one, { requestId: 'ours', meta: { 'x-request-id': 'a\r\nx: y' } })
    expect(server.asked[2]?.headers).toMatchObject({ 'x-request-id': 'ours' })
    await stage.close()
  })
})

describe('breaker', () => {
  it('opens after failures in a row, refuses at once, tries once, closes; the operator hears of both', async () => {
    const clock = new ManualClock()
    const { stage, notices } = await openStep({ ...step, breaker: { failures: 2, openMs: 5000 } }, { clock })
    server.handler = () => ({ status: 500 })
    await failureOf(run(stage, one))
    await failureOf(run(stage, one))
    expect([stage.counts.breaker, notices.length]).toEqual(['open', 1])
    const error = await failureOf(run(stage, one))
    expect([error.code, error.retryAfterMs, server.asked.length]).toEqual(['ERR_REMOTE_UNAVAILABLE', 5000, 2])
    expect(error.message).toMatch(/is not asked after 2 failures in a row/)
    clock.advanceMs(5000)
    server.handler = () => good
    expect(await run(stage, one)).toEqual({ y: [2] })
    expect(stage.counts).toMatchObject({ breaker: 'closed', openedCount: 1 })
    expect(notices.map(({ level, message }) => `${level} ${message}`)).toEqual([
      expect.stringMatching(/^warn steps\[0\] \(remote\) of pipeline far: the remote is left alone .* answered 500$/),
      'info steps[0] (remote) of pipeline far: the remote answers again',
    ])
    await stage.close()
  })
})

describe('bounds', () => {
  it('rows beyond maxRows go in several calls, side by side, and come back in order', async () => {
    const { stage } = await openStep({ ...step, maxRows: 3, concurrency: 2 })
    server.handler = ({ body }, response) => {
      const { dataframe_split: table } = JSON.parse(body.toString()) as { dataframe_split: { data: number[][] } }
      // The first is the slowest.
      setTimeout(
        () => response.end(JSON.stringify(table.data.map(([x]) => (x ?? 0) * 10))),
        table.data[0]?.[0] === 0 ? 20 : 1,
      )
      return undefined
    }
    const x = floats(...Array.from({ length: 8 }, (_, i) => i))
    expect(await run(stage, { x })).toEqual({ y: [0, 10, 20, 30, 40, 50, 60, 70] })
    expect(server.asked).toHaveLength(3)
    await stage.close()
  })

  it('many calls of one request are no leak to Node', async () => {
    const warned: string[] = []
    const onWarning = ({ message }: Error): void => void warned.push(message)
    process.on('warning', onWarning)
    const { stage } = await openStep({ ...step, maxRows: 1, concurrency: 32 })
    server.handler = (_, response) => {
      setTimeout(() => response.end('[1]'), 5)
      return undefined
    }
    await run(stage, { x: floats(...Array.from({ length: 64 }, (_, i) => i)) })
    await new Promise((resolve) => setImmediate(resolve))
    process.off('warning', onWarning)
    expect(warned).toEqual([])
    await stage.close()
  })

  it('one failing call ends the others of its request', async () => {
    const { stage } = await openStep({ ...step, maxRows: 1, concurrency: 4, retries: 0 })
    server.handler = (_, __, index) => (index === 1 ? { status: 400 } : undefined)
    const error = await failureOf(run(stage, { x: floats(1, 2, 3, 4, 5, 6) }))
    expect(error.message).toMatch(/answered 400/)
    await new Promise((resolve) => setTimeout(resolve, 10))
    expect([stage.counts.inFlight, server.asked.length]).toEqual([0, 4])
    await stage.close()
  })

  it('connections are kept, and as many at most as the step makes calls', async () => {
    const { stage } = await openStep({ ...step, concurrency: 2 })
    server.handler = () => good
    const before = server.connections
    await Promise.all(Array.from({ length: 20 }, () => run(stage, one)))
    expect(server.connections - before).toBeLessThanOrEqual(2)
    await stage.close()
  })
})

describe('hosts', () => {
  it('that the operator has not allowed are not called, not even for metadata', async () => {
    for (const members of [{}, { kind: 'oip', model: 'm', outputs: undefined }]) {
      const error = await failureOf(openStep({ ...step, ...members }, { hosts: [] }))
      expect(error.code).toBe('ERR_FORBIDDEN')
      expect(error.message).toContain(`--remote-hosts ${server.host}`)
    }
    expect(server.asked).toEqual([])
  })

  it('variables that are not set fail the deploy', async () => {
    const error = await failureOf(openStep({ ...step, headers: { 'x-key': { env: 'NONE' } } }))
    expect([error.code, error.message]).toEqual([
      'ERR_PIPELINE_INVALID',
      expect.stringMatching(/headers\.x-key.*NONE is not set/),
    ])
  })
})

/** SHA-256 and HMAC as the signer of AWS's own SDK takes them. */
class Sha256 {
  readonly #hash
  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    const key = secret === undefined || typeof secret === 'string' ? secret : Buffer.from(secret as Uint8Array)
    this.#hash = key === undefined ? createHash('sha256') : createHmac('sha256', key)
  }
  update(data: string | ArrayBuffer | ArrayBufferView): void {
    this.#hash.update(typeof data === 'string' ? data : Buffer.from(data as Uint8Array))
  }
  digest(): Promise<Uint8Array> {
    return Promise.resolve(this.#hash.digest())
  }
  reset(): void {
    return undefined
  }
}

const environment = {
  KEY_ID: 'AKIDEXAMPLE',
  SECRET: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY',
  SESSION: 'token/with+signs==',
}

/** A server that signs what it was sent with the SDK's own signer, and refuses what is signed otherwise. */
async function verify({ method, url, headers, body }: Asked, secretAccessKey = environment.SECRET): Promise<boolean> {
  const { authorization = '', host = '' } = headers
  const [, names = ''] = /SignedHeaders=([^,]+)/.exec(authorization) ?? []
  const signer = new SignatureV4({
    service: 'sagemaker',
    region: 'eu-west-1',
    credentials: { accessKeyId: environment.KEY_ID, secretAccessKey },
    sha256: Sha256,
    applyChecksum: false,
  })
  const at = headers['x-amz-date'] as string
  const date = new Date(at.replace(/^(....)(..)(..T..)(..)(..Z)$/, '$1-$2-$3:$4:$5'))
  const kept = names.split(';').map((name) => [name, String(headers[name])] as const)
  const signed = await signer.sign(
    { method, protocol: 'http:', hostname: host, path: url, query: {}, headers: Object.fromEntries(kept), body },
    { signingDate: date, signableHeaders: new Set(names.split(';')) },
  )
  return signed.headers['authorization'] === authorization
}

describe('sagemaker', () => {
  const sagemaker = {
    ...step,
    kind: 'sagemaker',
    endpoint: 'wine-1',
    region: 'eu-west-1',
    inputs: [
      { name: 'x', dtype: 'float32' },
      { name: 't', dtype: 'string' },
    ],
    credentials: {
      accessKeyId: { env: 'KEY_ID' },
      secretAccessKey: { env: 'SECRET' },
      sessionToken: { env: 'SESSION' },
    },
  }
  const columns = { x: floats(0.5, null), t: texts('a,b', 'c') }

  it.each([
    ['csv', 'text/csv', '0.5,"a,b"\n,c'],
    ['instances', 'application/json', '{"instances":[[0.5,"a,b"],[null,"c"]]}'],
    ['dataframe_split', 'application/json', '{"dataframe_split":{"columns":["x","t"],"data":[[0.5,"a,b"],[null,"c"]]}}'],
  ])('%s is signed as the SDK of AWS signs it, with the target model', async (format, type, body) => {
    const { stage } = await openStep({ ...sagemaker, format, targetModel: 'm 1.tar.gz' }, { environment })
    server.handler = () => ({ headers: { 'content-type': 'text/csv; charset=utf-8' }, body: '1.5\n2\n' })
    expect(await run(stage, columns, { requestId: 'r 1' })).toEqual({ y: [1.5, 2] })
    const [asked] = server.asked as [Asked]
    expect([asked.method, asked.url, asked.body.toString()]).toEqual(['POST', '/endpoints/wine-1/invocations', body])
    expect(asked.headers).toMatchObject({
      'content-type': type,
      'x-amzn-sagemaker-target-model': 'm 1.tar.gz',
      'x-amz-security-token': environment.SESSION,
    })
    expect(asked.headers.authorization).toMatch(/^AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE\/\d{8}\/eu-west-1\/sagemaker\/aws4_request, SignedHeaders=[^,]*\bhost;.*x-amz-date.*x-amzn-sagemaker-target-model/)
    expect(await verify(asked)).toBe(true)
    // The check would see a body or a key that is another one.
    expect(await verify({ ...asked, body: Buffer.from('0.6') })).toBe(false)
    expect(await verify(asked, 'another')).toBe(false)
    await stage.close()
  }) // prettier-ignore

  it('reads JSON of containers, several columns of CSV, and one line of many numbers', async () => {
    const outputs = [{ name: 'y', dtype: 'float32' }, { name: 'label', dtype: 'string' }] // prettier-ignore
    const { stage } = await openStep({ ...sagemaker, outputs }, { environment })
    server.handler = () => ({ headers: { 'content-type': 'text/csv' }, body: '1,"x ""y"", z"\r\n2.5,w\r\n' })
    expect(await run(stage, columns)).toEqual({ y: [1, 2.5], label: ['x "y", z', 'w'] })
    server.handler = () => ({ body: { predictions: [{ y: 1, label: 'a' }, { y: 2, label: 'b' }] } }) // prettier-ignore
    expect(await run(stage, columns)).toEqual({ y: [1, 2], label: ['a', 'b'] })
    await stage.close()
    const { stage: single } = await openStep(sagemaker, { environment })
    server.handler = () => ({ headers: { 'content-type': 'text/csv' }, body: '1.5,2.5' })
    expect(await run(single, columns)).toEqual({ y: [1.5, 2.5] })
    server.handler = () => ({ headers: { 'content-type': 'text/csv' }, body: '1.5\nabc' })
    expect((await failureOf(run(single, columns))).message).toMatch(
      /y\[1\] to be a number \(float32\) but received "abc"/,
    )
    server.handler = () => ({ headers: { 'content-type': 'text/csv' }, body: '1.5\n2\n3' })
    expect((await failureOf(run(single, columns))).message).toMatch(/it has 3 lines and not 2/)
    await single.close()
  })

  it('takes the variables of AWS when the step names none, and says which is not set', async () => {
    const { credentials: _, ...bare } = sagemaker
    const error = await failureOf(openStep(bare, { environment: { AWS_ACCESS_KEY_ID: 'a' } }))
    expect(error.message).toMatch(/credentials\.secretAccessKey .*AWS_SECRET_ACCESS_KEY is not set/)
  })
})

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isPenstockError, PenstockError } from '../base/errors.js'
import type { TensorField } from '../tensor/tensor.js'
import {
  decodeMessage,
  encodeMessage,
  errorOfFailure,
  failureMasks,
  failureMessage,
  failuresOfMasks,
  resultMessage,
  TensorLayout,
  type Message,
} from './codec.js'

const features: TensorField = { name: 'features', dtype: 'float32', shape: [null, 3] }
const samples: Message[] = [
  { kind: 'open', channel: 1, pipeline: 'wine' },
  { kind: 'cancel', channel: 1, request: 4_294_967_295 },
  { kind: 'close', channel: 7 },
  {
    kind: 'opened',
    channel: 1,
    pipeline: 'wine',
    version: 3,
    inputs: [features, { name: 'größe', dtype: 'int64', shape: [null, null, 2] }],
    outputs: [{ name: 'quality', dtype: 'bfloat16', shape: [null] }],
    checks: ['too-high', 'too-low'],
    routes: ['champion', 'challenger'],
    isNonBatching: false,
    rowsMax: 65_536,
  },
  {
    kind: 'opened',
    channel: 2,
    pipeline: 'wine',
    version: 3,
    inputs: [features],
    outputs: [features],
    checks: [],
    routes: [],
    isNonBatching: false,
    rowsMax: 1,
    instance: '0000abcd',
  },
  {
    kind: 'failure',
    channel: 1,
    request: 9,
    code: 'ERR_QUEUE_FULL',
    message: 'Full: try later',
    retryAfterMs: 12,
    isChannel: false,
  },
  {
    kind: 'failure',
    channel: 2,
    request: 0,
    code: 'ERR_PIPELINE_NOT_FOUND',
    message: '',
    retryAfterMs: 0,
    isChannel: true,
  },
  { kind: 'hello', windowRequests: 1024, server: 'penstock/0.1.0', frameBytesMax: 67_108_864 },
  { kind: 'credit', windowRequests: 16 },
  { kind: 'goaway', reason: 'restart', graceMs: 5000 },
]

/** Views become arrays, so that what two frames say can be compared. */
function plain(message: Message): unknown {
  return JSON.parse(
    JSON.stringify(message, (_, value: unknown) => {
      if (typeof value === 'bigint') return `${value}n`
      return ArrayBuffer.isView(value) ? Array.from(value as Uint8Array) : value
    }),
  )
}

describe('codec: every message', () => {
  for (const message of samples) {
    it(`codec: ${message.kind} comes back as it went`, () => {
      expect(decodeMessage(encodeMessage(message))).toEqual(message)
    })
  }

  it('codec: infer comes back with data, dims, meta, deadline, priority and texts', () => {
    const message: Message = {
      kind: 'infer',
      channel: 3,
      request: 11,
      rows: 2,
      data: new Uint8Array([1, 2, 3, 4, 5]),
      dims: [4, 5],
      meta: { region: ['eu', 'us'], session: 0.25, tenant: 'a b', weights: [0.5, 1] },
      deadlineMs: 250,
      priority: 'background',
      texts: ['', 'naïve', '漢字'],
    }
    expect(plain(decodeMessage(encodeMessage(message)))).toEqual(plain(message))
  })

  it('codec: results come back with rows, masks and routes', () => {
    const message: Message = {
      kind: 'results',
      channel: 3,
      requests: [5, 4],
      rows: [1, 2],
      data: new Uint8Array(24).fill(7),
      dims: null,
      checkFailures: [0n, 1n, 2n ** 63n],
      routes: [0, 1, 65_535],
      texts: null,
    }
    expect(plain(decodeMessage(encodeMessage(message)))).toEqual(plain(message))
  })

  it('codec: reads frames at any offset of their memory', () => {
    const frame = encodeMessage({ ...emptyResults, checkFailures: [3n], data: new Uint8Array([9]) })
    for (let offset = 0; offset < 9; offset++) {
      const memory = new Uint8Array(frame.length + offset)
      memory.set(frame, offset)
      const message = decodeMessage(memory.subarray(offset))
      expect(message.kind === 'results' && message.checkFailures?.[0]).toBe(3n)
    }
  })

  it('codec: data of results are a view of the frame, not a copy', () => {
    const frame = encodeMessage({ ...emptyResults, data: new Uint8Array([1, 2, 3, 4]) }).slice()
    const message = decodeMessage(frame)
    expect(message.kind === 'results' && message.data.buffer === frame.buffer).toBe(true)
  })

  it('codec: any string survives a frame, lone surrogates as U+FFFD', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (reason) => {
        const message = decodeMessage(encodeMessage({ kind: 'goaway', reason, graceMs: 0 }))
        expect(message.kind === 'goaway' && message.reason).toBe(reason.toWellFormed())
      }),
      { seed: 20_261_121, numRuns: 200 },
    )
  })
})

const emptyResults: Extract<Message, { kind: 'results' }> = {
  kind: 'results',
  channel: 1,
  requests: [1],
  rows: null,
  data: new Uint8Array(0),
  dims: null,
  checkFailures: null,
  routes: null,
  texts: null,
}

describe('codec: what the schema cannot say', () => {
  const refused: [string, Message, RegExp][] = [
    ['results without an id', { ...emptyResults, requests: [] }, /Results.requests to be at least one id/],
    ['rows that are not one per result', { ...emptyResults, rows: [1, 1] }, /Results.rows to be 1 but received 2/],
    [
      'masks that are not one per row',
      { ...emptyResults, rows: [2], checkFailures: [1n] },
      /check_failures to be 2 but received 1/,
    ],
    ['routes that are not one per row', { ...emptyResults, routes: [1, 2] }, /routes to be 1 but received 2/],
    ['dims in a frame of two results', { ...emptyResults, requests: [1, 2], dims: [1] }, /one id in a frame with dims/],
  ]
  for (const [title, message, reason] of refused) {
    it(`codec: refuses ${title}`, () => {
      expect(() => decodeMessage(encodeMessage(message))).toThrow(reason)
    })
  }

  it('codec: refuses a priority that is neither 0 nor 1', () => {
    const frame = encodeMessage({ ...emptyInfer, priority: 'background' })
    frame[52 + 36] = 2
    expect(() => decodeMessage(frame)).toThrow(
      /Infer.priority to be 0 \(interactive\) or 1 \(background\) but received 2/,
    )
  })
})

const emptyInfer: Extract<Message, { kind: 'infer' }> = {
  kind: 'infer',
  channel: 1,
  request: 1,
  rows: 1,
  data: new Uint8Array(0),
  dims: null,
  meta: null,
  deadlineMs: 0,
  priority: 'interactive',
  texts: null,
}

describe('codec: errors and results', () => {
  it('codec: a failure carries code, text and retryAfterMs there and back', () => {
    const error = new PenstockError('ERR_QUEUE_FULL', 'Expected room', { retryAfterMs: 1.2 })
    const back = errorOfFailure(decodeMessage(encodeMessage(failureMessage(1, 2, error))) as never)
    expect(isPenstockError(back)).toBe(true)
    expect([back.code, back.message, back.retryAfterMs, back.retryable]).toEqual([
      'ERR_QUEUE_FULL',
      'Expected room',
      2,
      true,
    ])
  })

  it('codec: a code of a newer server becomes ERR_INTERNAL and keeps its name', () => {
    const error = errorOfFailure({
      kind: 'failure',
      channel: 1,
      request: 2,
      code: 'ERR_TOMORROW',
      message: 'why',
      retryAfterMs: 0,
      isChannel: false,
    })
    expect([error.code, error.message]).toEqual(['ERR_INTERNAL', 'ERR_TOMORROW: why'])
    const hostile = errorOfFailure({
      kind: 'failure',
      channel: 1,
      request: 2,
      code: 'toString',
      message: 'why',
      retryAfterMs: 0,
      isChannel: false,
    })
    expect(hostile.code).toBe('ERR_INTERNAL')
  })

  it('codec: a result of a string-path pipeline survives the frame with strings, masks and routes', () => {
    const signature = {
      outputs: [
        { name: 'label', dtype: 'string', shape: [null, null] },
        { name: 'score', dtype: 'float64', shape: [null] },
      ] satisfies TensorField[],
      isNonBatching: false,
      checks: ['low', 'high'],
      routes: ['a', 'b'],
    }
    const result = {
      rows: 2,
      outputs: {
        score: { dtype: 'float64', shape: [2], data: Float64Array.of(0.5, -1) },
        label: { dtype: 'string', shape: [2, 2], data: ['a', 'b', '', 'd'] },
      },
      checkFailures: [{ check: 'high', rows: [1] }],
      route: ['b', 'a'],
    } as const
    const message = decodeMessage(encodeMessage(resultMessage(1, 2, signature, result)))
    if (message.kind !== 'results') throw new Error('not results')
    expect(Array.from(message.routes ?? [])).toEqual([1, 0])
    expect(failuresOfMasks(message.checkFailures ?? [], signature.checks, 0, 2)).toEqual(result.checkFailures)
    const tensors = new TensorLayout(signature.outputs, false).unpack(2, message.data, message.dims, message.texts)
    expect(tensors).toEqual([result.outputs.label, result.outputs.score])
  })

  it('codec: masks and failures are each other’s inverse, also for the 64th check', () => {
    const checks = Array.from({ length: 64 }, (_, index) => `c${index}`)
    const failures = [
      { check: 'c0', rows: [0, 2] },
      { check: 'c63', rows: [2] },
    ]
    const masks = failureMasks(failures, checks, 3)
    expect(Array.from(masks)).toEqual([1n, 0n, 1n | (1n << 63n)])
    expect(failuresOfMasks(masks, checks, 0, 3)).toEqual(failures)
  })
})

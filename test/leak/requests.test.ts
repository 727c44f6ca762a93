/**
 * Thousands of requests leave nothing behind, whatever became of them: answered, refused, failed, expired, cancelled,
 * audited, split over batches. A canary per kind of leak shows that the measure would notice.
 */
import { PenstockClient } from 'penstock'
import { describe, expect, test } from 'vitest'
import { ServerChild, type ChildSetup } from '../stress/testing/server-child.js'
import { HttpCaller, ramp, rampRows } from '../stress/testing/load.js'
import { expectNoLeak, measureLeaks, printLeakRun, repeat } from './leak.js'

/** Bytes a request. A promise and its closure alone are more than 100; measured: 2..6 (WebSocket), 6..31 (HTTP, fewer requests). */
const heapMax = 64
/** The allocator gives and takes whole pages: over 48,000 requests that is up to 90 bytes each, over 15,000 up to 500. */
const socketRssMax = 300
const httpRssMax = 1500

const setup: ChildSetup = {
  models: { add: 'add-one', table: 'gather-ten', tokens: 'double-tokens', two: 'times-two' },
  pipelines: {
    add: [{ type: 'model', model: 'add' }],
    table: [{ type: 'model', model: 'table' }],
    tokens: [{ type: 'model', model: 'tokens' }],
    shadowed: [
      { type: 'shadow', champion: 'add', challengers: ['two'] },
      { type: 'check', name: 'large', flag: 'out.y[0] > 10' },
    ],
    split: [
      {
        type: 'random-split',
        options: [
          { weight: 1, model: 'add' },
          { weight: 1, model: 'two' },
        ],
      },
    ],
  },
  engine: { inferWorkers: 2, pendingRowsMax: 4096 },
}

describe('leak: requests', () => {
  test('over a WebSocket: answers, shapes that vary, shadows, splits, failures', async () => {
    const server = await ServerChild.start(setup)
    const run = await measureLeaks(server, {
      warmRounds: 3,
      rounds: 6,
      round: async () => {
        const client = await PenstockClient.connect(server.url)
        const count = await repeat(8000, 32, (index) => {
          const rows = 1 + (index % 5)
          if (index % 10 === 1) return client.infer('shadowed', { x: ramp(rows, 3, index) })
          if (index % 10 === 2) return client.infer('split', { x: ramp(rows, 3, index) })
          if (index % 10 === 3) return client.infer('table', { index: [[99n]] })
          if (index % 10 === 4)
            return client.infer('tokens', { tokens: [Array.from({ length: 1 + (index % 13) }, () => 1n)] })
          if (index % 10 === 5) return client.infer('add', { x: ramp(rows, 3, index) }, { deadlineMs: 1 })
          if (index % 10 === 6)
            return client.infer('add', { x: ramp(rows, 3, index) }, { signal: AbortSignal.timeout(1) })
          if (index % 100 === 7) return client.infer('add', { x: ramp(2000, 3, index) })
          return client.infer('add', { x: ramp(rows, 3, index) })
        })
        await client.close()
        return count
      },
    })
    expectNoLeak('WebSocket requests', run, { heap: heapMax, rss: socketRssMax })
    expect(await server.close()).toBe(0)
  })

  test('over HTTP: answers, records, refusals, wrong bodies, wrong addresses', async () => {
    const server = await ServerChild.start(setup)
    const run = await measureLeaks(server, {
      warmRounds: 3,
      rounds: 6,
      round: async () => {
        const http = new HttpCaller(server.url, 16)
        const count = await repeat(2500, 16, (index) => {
          const x = rampRows(1 + (index % 5), 3, index)
          if (index % 8 === 1) return http.infer('shadowed', x)
          if (index % 8 === 2) return http.infer('table', [[99]])
          if (index % 8 === 3) return http.call('POST', '/pipelines/add', [{ x: [1, 2, 3] }])
          if (index % 8 === 4) return http.infer('add', [[1, 2]])
          if (index % 8 === 5) return http.call('GET', `/v1/nowhere/${index}`)
          if (index % 8 === 6) return http.infer('add', x, { deadlineMs: 1 })
          if (index % 64 === 7) return http.call('GET', '/metrics')
          return http.infer('add', x)
        })
        http.close()
        return count
      },
    })
    expectNoLeak('HTTP requests', run, { heap: heapMax, rss: httpRssMax })
    expect(await server.close()).toBe(0)
  })

  test.each([
    ['heap', 128, 'heapSlope', heapMax],
    ['memory', 8192, 'rssSlope', httpRssMax],
    ['handle', 0, 'handlesAdded', 0],
    ['descriptor', 0, 'descriptorsAdded', 0],
  ] as const)('canary: %s of %d bytes a request is noticed', async (kind, bytes, measure, limit) => {
    const server = await ServerChild.start({ ...setup, canary: { kind, bytes } })
    const run = await measureLeaks(server, {
      warmRounds: 1,
      rounds: 4,
      round: async () => {
        const http = new HttpCaller(server.url, 16)
        const count = await repeat(kind === 'descriptor' ? 20 : 800, 16, (index) =>
          http.infer('add', rampRows(1, 3, index)),
        )
        http.close()
        return count
      },
    })
    printLeakRun(`canary ${kind}`, run)
    expect(run[measure]).toBeGreaterThan(limit)
  })
})

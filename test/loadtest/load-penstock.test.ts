/**
 * The load generator against Penstock itself, over each of its transports: requests of several sizes and pipelines on
 * the same connections, so that frames of results mix them, and refusals that are expected.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { LoadTarget, RequestKind } from '../../src/loadtest/native/load-plan.js'
import { runLoad } from '../../src/loadtest/native/load-process.js'
import { writeRequestBodies } from '../../src/loadtest/native/request-bodies.js'
import { contentTypeOf, encodeRequest } from '../../src/loadtest/native/request-encoding.js'
import { closed, open, planOf } from '../support/load-target.js'
import { serve, type Served } from '../support/served.js'

type WebSocketTransport = LoadTarget['transport']

let folder: string
let served: Served

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'penstock-load-test-'))
  // Large requests that a busy machine lets queue up are no refusals.
  served = await serve({}, { pendingRowsMax: 1_000_000 })
})
afterAll(async () => {
  await served.close()
  await rm(folder, { recursive: true, force: true })
})

/** Requests of `rows` rows for pipeline `add` (y = x + 1) or `echo` (y = x); `width` other than 3 is refused. */
async function kindOf(
  transport: WebSocketTransport,
  pipeline: 'add' | 'echo',
  rows: number,
  { width = 3, priority = false } = {},
): Promise<RequestKind> {
  const name = `${pipeline}-${rows}-${width}-${transport}`
  const bodies = Array.from({ length: 7 }, (_, body) => {
    const data = Float32Array.from({ length: rows * width }, (_, index) => body * 100 + index / 16)
    const fields = [{ name: 'x', dtype: 'float32' as const, shape: [null, width] }]
    const tensors = [{ dtype: 'float32' as const, shape: [rows, width], data }]
    const content = {
      fields,
      tensors,
      ...(priority ? { priority: 'background' as const, meta: { region: 'eu' } } : {}),
    }
    const expected = width === 3 ? [data.map((value) => (pipeline === 'add' ? value + 1 : value))] : null
    return { ...encodeRequest(transport, content), expected }
  })
  const bodiesPath = join(folder, `${name}.bin`)
  const outputs = [{ name: 'y', dtype: 'float32' as const }]
  await writeRequestBodies(bodiesPath, { outputs, toleranceAbsolute: 1e-6, toleranceRelative: 1e-6, bodies })
  return {
    name,
    weight: 1,
    pipeline: transport === 'websocket' ? pipeline : null,
    path: transport === 'websocket' ? null : `/v1/pipelines/${pipeline}/infer`,
    contentType: contentTypeOf(transport),
    rows,
    bodiesPath,
    expect: width === 3 ? { kind: 'answer' } : { kind: 'refusal', status: 400 },
  }
}

const port = (): number => Number(new URL(served.server.url).port)

describe.skipIf(process.platform !== 'linux')('load: Penstock', () => {
  it('websocket: requests that share frames are answered as those that do not, refusals among them', async () => {
    const kinds = [
      await kindOf('websocket', 'add', 1),
      await kindOf('websocket', 'add', 5, { priority: true }),
      await kindOf('websocket', 'echo', 3),
      await kindOf('websocket', 'add', 1, { width: 2 }),
    ]
    const plan = planOf('websocket', port(), kinds, [closed(0.4, 16)], { requestsPerFrame: 8 })
    const { total, kinds: reports } = await runLoad(plan)
    expect(total).toMatchObject({ failures: 0, mismatches: 0, firstFailure: '' })
    for (const report of reports) expect(report.requests).toBeGreaterThan(5)
    expect(reports.map(({ rows, requests }) => rows / requests)).toEqual([1, 5, 3, 1])
    await expect(runLoad({ ...plan, requestsPerFrame: 5000 })).rejects.toMatchObject({ code: 'ERR_ARGUMENT' })
  })

  for (const transport of ['websocket', 'http-json', 'http-binary'] as const) {
    for (const phase of [closed(0.4, 16), open(0.4, 500)]) {
      it(`${transport}: answers a mix of sizes, pipelines and refusals in a loop that is ${phase.kind}`, async () => {
        const kinds = [
          await kindOf(transport, 'add', 1),
          await kindOf(transport, 'add', 5, { priority: true }),
          await kindOf(transport, 'echo', 3),
          await kindOf(transport, 'add', 1, { width: 2 }),
        ]
        const { total, kinds: reports } = await runLoad(planOf(transport, port(), kinds, [phase]))
        expect(total).toMatchObject({ failures: 0, mismatches: 0, firstFailure: '' })
        for (const report of reports) expect(report.requests).toBeGreaterThan(5)
        expect(reports.map(({ rows, requests }) => rows / requests)).toEqual([1, 5, 3, 1])
      })
    }

    it(`${transport}: carries tensors of more than half a megabyte`, async () => {
      const kind = await kindOf(transport, 'echo', 50_000)
      // Open: what is due counts however slow the machine is.
      const changes = { connections: 1, drainSeconds: 20 }
      const { total } = await runLoad(planOf(transport, port(), [kind], [open(0.4, 10)], changes))
      expect(total).toMatchObject({ failures: 0, mismatches: 0, firstFailure: '' })
      expect(total.requests).toBeGreaterThan(0)
    })
  }

  it('websocket: counts wrong answers, wherever in a frame they are', async () => {
    const right = await kindOf('websocket', 'add', 1)
    // The bodies and answers of `add`, sent to `echo`: every answer lacks one.
    const wrong = { ...right, name: 'wrong', pipeline: 'echo' }
    const { kinds } = await runLoad(planOf('websocket', port(), [right, wrong], [closed(0.3, 32)]))
    expect(kinds[0]).toMatchObject({ failures: 0, mismatches: 0 })
    expect(kinds[1]).toMatchObject({ requests: 0, failures: 0, firstFailure: 'a wrong answer' })
    expect(kinds[1]?.mismatches).toBeGreaterThan(10)
  })

  it('websocket: an answer where a refusal is expected fails, and a refusal where an answer is', async () => {
    const good = await kindOf('websocket', 'add', 1)
    const bad = await kindOf('websocket', 'add', 1, { width: 2 })
    const swapped = [
      { ...good, name: 'good', expect: bad.expect },
      { ...bad, name: 'bad', expect: good.expect },
    ]
    const { kinds } = await runLoad(planOf('websocket', port(), swapped, [closed(0.2, 4)]))
    expect(kinds[0]).toMatchObject({ requests: 0, firstFailure: 'an answer where a refusal was expected' })
    expect(kinds[1]).toMatchObject({ requests: 0, firstFailure: expect.stringMatching(/^ERR_SHAPE: /) })
  })

  it('websocket: says which pipeline it could not open', async () => {
    const kind = { ...(await kindOf('websocket', 'add', 1)), pipeline: 'none' }
    await expect(runLoad(planOf('websocket', port(), [kind], [closed(0.1)]))).rejects.toMatchObject({
      code: 'ERR_CONNECTION_LOST',
      message: expect.stringMatching(/refused to open a pipeline: ERR_PIPELINE_NOT_FOUND: .*none/),
    })
  })

  it('websocket: more in flight than the window is refused before the load', async () => {
    const kind = await kindOf('websocket', 'add', 1)
    await expect(runLoad(planOf('websocket', port(), [kind], [closed(0.1, 5000)]))).rejects.toMatchObject({
      code: 'ERR_ARGUMENT',
      message: "Expected in flight to be at most the server's window of 1024 requests but received 5000",
    })
  })
})

/**
 * The log as a test reads it: segments straight from the folder, by Apache Arrow's own reader, grouped into the requests
 * that their rows came from. Independent of what the product reads logs with.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { tableFromIPC, type Table } from 'apache-arrow'
import type { Engine } from 'penstock'
import { afterAll } from 'vitest'

export interface LoggedTensor {
  /** Elements of all rows of the request, one after the other. */
  readonly data: ArrayLike<unknown>
}

export interface LoggedRequest {
  readonly pipeline: string
  readonly pipelineVersion: number
  readonly requestId: string
  readonly requestNumber: bigint
  readonly timeMs: number
  readonly rows: number
  readonly inputs: Readonly<Record<string, LoggedTensor>>
  readonly outputs: Readonly<Record<string, LoggedTensor>>
  /** By label; null where the model was shed or failed. */
  readonly audited: Readonly<Record<string, Readonly<Record<string, LoggedTensor>> | null>>
  readonly checkFailures: readonly { readonly check: string; readonly rows: readonly number[] }[]
  readonly route: readonly string[] | null
  readonly elapsedNs: readonly number[]
}

const made: string[] = []
afterAll(() => {
  for (const path of made.splice(0)) rmSync(path, { recursive: true, force: true })
})

/** A folder for an engine's logs, removed when the suite ends. Its `path` is what the engine takes. */
export class TestLog {
  readonly path = mkdtempSync(join(tmpdir(), 'penstock-log-'))

  constructor() {
    made.push(this.path)
  }

  /** The requests that are in the files, in the order in which they were logged. */
  requests(pipeline?: string): LoggedRequest[] {
    return segmentPaths(this.path, pipeline).flatMap((path) => requestsOf(readSegment(path)))
  }

  /** The same, when there are `count` of them. */
  async requestsWhen(engine: Engine, count: number, pipeline?: string, limitMs = 10_000): Promise<LoggedRequest[]> {
    const end = performance.now() + limitMs
    for (;;) {
      await engine.flushLogs(pipeline)
      const requests = this.requests(pipeline)
      if (requests.length >= count) return requests
      if (performance.now() > end)
        throw new Error(`Expected ${count} logged requests within ${limitMs} ms but there are ${requests.length}`)
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
  }
}

/** All segments, of pipelines and versions by name, then by sequence. */
export function segmentPaths(directory: string, pipeline?: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.arrows') && (pipeline === undefined || name.startsWith(`${pipeline}/`)))
    .sort()
    .map((name) => join(directory, name))
}

/** A segment up to its last whole message. */
export function readSegment(path: string): Table {
  return tableFromIPC(wholeMessages(readFileSync(path)))
}

/** What a reader may use of a stream that a killed process has left: everything but a torn end. */
export function wholeMessages(bytes: Uint8Array): Uint8Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let end = 0
  while (end + 8 <= bytes.byteLength && view.getUint32(end, true) === 0xffffffff) {
    const metadataBytes = view.getUint32(end + 4, true)
    if (metadataBytes === 0 || end + 8 + metadataBytes > bytes.byteLength) break
    const next = end + 8 + metadataBytes + bodyBytes(view, end + 8)
    if (next > bytes.byteLength) break
    end = next
  }
  return bytes.subarray(0, end)
}

/** `bodyLength` of the Message at `at`: field 3 of the root table, absent for 0. */
function bodyBytes(view: DataView, at: number): number {
  const table = at + view.getUint32(at, true)
  const vtable = table - view.getInt32(table, true)
  const field = view.getUint16(vtable, true) > 10 ? view.getUint16(vtable + 10, true) : 0
  return field === 0 ? 0 : Number(view.getBigInt64(table + field, true))
}

function requestsOf(table: Table): LoggedRequest[] {
  const facts = JSON.parse(table.schema.metadata.get('penstock') ?? '{}') as {
    pipeline: string
    version: number
    instance: string
    routes: string[]
  }
  const numbers = columnOf<bigint>(table, 'metadata.request_number')
  const spans: [number, number][] = []
  for (let row = 0; row < table.numRows; row++) {
    const last = spans.at(-1)
    if (last !== undefined && numbers[row] === numbers[row - 1]) last[1] = row + 1
    else spans.push([row, row + 1])
  }
  const times = columnOf<number>(table, 'time')
  const routes = columnOf<number>(table, 'metadata.route')
  const elapsed = columnOf<Iterable<bigint>>(table, 'metadata.elapsed')
  return spans.map(([first, end]) => {
    const number = numbers[first] as bigint
    return {
      pipeline: facts.pipeline,
      pipelineVersion: facts.version,
      requestId: `${facts.instance}-${number.toString(36)}`,
      requestNumber: number,
      timeMs: times[first] as number,
      rows: end - first,
      inputs: tensorsOf(table, /^in\.(.*)$/, first, end),
      outputs: tensorsOf(table, /^out\.(.*)$/, first, end),
      audited: auditedOf(table, first, end),
      checkFailures: failuresOf(table, first, end),
      route: routes[first] === -1 ? null : routes.slice(first, end).map((option) => facts.routes[option] as string),
      elapsedNs: [...(elapsed[first] as Iterable<bigint>)].map(Number),
    }
  })
}

const cache = new WeakMap<Table, Map<string, unknown[]>>()

/** The values of a column, read once for each table. */
function columnOf<T>(table: Table, name: string): T[] {
  const columns = cache.get(table) ?? new Map<string, unknown[]>()
  cache.set(table, columns)
  const known = columns.get(name) ?? [...(table.getChild(name) ?? [])]
  columns.set(name, known)
  return known as T[]
}

function tensorsOf(table: Table, pattern: RegExp, first: number, end: number): Record<string, LoggedTensor> {
  const names = table.schema.fields.map(({ name }) => name).filter((name) => pattern.test(name))
  return Object.fromEntries(
    names.map((name) => [
      pattern.exec(name)?.[1] ?? '',
      { data: joined(columnOf<Iterable<unknown>>(table, name).slice(first, end)) },
    ]),
  )
}

/** Lists of one type as one: typed arrays stay what they are. */
function joined(lists: readonly Iterable<unknown>[]): ArrayLike<unknown> {
  const arrays = lists.map((list) => (list as { toArray?(): ArrayLike<unknown> }).toArray?.() ?? [...list])
  const all = arrays.flatMap((array) => Array.from(array))
  const [sample] = arrays
  if (!ArrayBuffer.isView(sample)) return all
  return (sample.constructor as unknown as { from(values: unknown[]): ArrayLike<unknown> }).from(all)
}

function auditedOf(table: Table, first: number, end: number): LoggedRequest['audited'] {
  const audited: Record<string, Record<string, LoggedTensor> | null> = {}
  for (const { name } of table.schema.fields) {
    const [, label, output] = /^out_(.*)\.([^.]*)$/.exec(name) ?? []
    if (label === undefined || output === undefined) continue
    const lists = columnOf<Iterable<unknown> | null>(table, name).slice(first, end)
    if (lists.includes(null)) audited[label] = null
    else audited[label] = { ...audited[label], [output]: { data: joined(lists as Iterable<unknown>[]) } }
  }
  return audited
}

function failuresOf(table: Table, first: number, end: number): LoggedRequest['checkFailures'] {
  const { checks } = JSON.parse(table.schema.metadata.get('penstock') ?? '{}') as { checks: string[] }
  const counts = columnOf<number>(table, 'anomaly.count').slice(first, end)
  const failures = checks.map((check) => {
    const flags = columnOf<boolean>(table, `anomaly.${check}`).slice(first, end)
    return { check, rows: flags.flatMap((hasFailed, row) => (hasFailed ? [row] : [])) }
  })
  counts.forEach((count, row) => {
    if (count !== failures.filter(({ rows }) => rows.includes(row)).length)
      throw new Error(`Expected anomaly.count of row ${first + row} to be the number of failed checks`)
  })
  return failures.filter(({ rows }) => rows.length > 0)
}

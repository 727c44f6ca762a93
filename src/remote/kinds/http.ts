// Any server that takes JSON and answers JSON, by JSON Pointers (RFC 6901): each column says where its values go, each
// output where they lie. A segment `*` is the row axis:
//
//   /instances/*/age    an object a row          /rows/*/0    a list a row
//   /input/*            a list of the values     /prompt      no axis: a call has one row
//
// @source RFC 6901, with `*` in the place of an index.
import type { JsonValue } from '../../formats/json/json-reader.js'
import type { RemoteHttpStep } from '../../pipeline/remote-step.js'
import { isObject, kindOf, readAnswer } from '../columns/answer-json.js'
import { columnOfValues, Unfit, type AnswerColumn } from '../columns/read-columns.js'
import { rowPrinter } from '../columns/write-columns.js'
import type { TransformColumn } from '../../transforms/draft/column.js'
import type { RemoteKind, SentColumn } from './kind.js'
import { valueOf } from './sagemaker.js'

/** What stands for the index of a row. */
export const ROW_AXIS = '*'

/** The segments of a pointer; null: it is none. */
export function readPointer(text: string): readonly string[] | null {
  if (!/^(\/([^~/]|~[01])*)+$/.test(text)) return null
  const segments = text.slice(1).split('/')
  if (segments.filter((segment) => segment === ROW_AXIS).length > 1) return null
  return segments.map((segment) => segment.replaceAll('~1', '/').replaceAll('~0', '~'))
}

/** @param sent and outputs with pointers that were read before. */
export function httpKind(step: RemoteHttpStep, url: URL, sent: readonly SentColumn[]): RemoteKind {
  const places = sent.map(({ name, as }) => ({ name, segments: readPointer(as) ?? [] }))
  const isBatch = places.some(({ segments }) => segments.includes(ROW_AXIS))
  return {
    url,
    ...(isBatch ? {} : { rowsMax: 1 }),
    request: (columns, { start, count }) => {
      const body = new Draft(step.body ?? {})
      for (const { name, segments } of places) {
        const print = rowPrinter(columns[name] as TransformColumn)
        for (let row = 0; row < count; row++) body.put(segments, row, print(start + row))
      }
      return {
        headers: { 'content-type': 'application/json', accept: 'application/json' },
        body: Buffer.from(body.text()),
      }
    },
    answer: ({ body }, outputs, rows) => {
      const value = readAnswer(body)
      return Object.fromEntries(
        outputs.map((output) => [output.name, columnOfValues(output, valuesAt(value, output, rows), rows)]),
      )
    },
  }
}

/** A container of the body that is being made: its members, or its elements by index. */
type Node = { readonly kind: 'object' | 'array'; readonly members: Map<string, Node | string> }

/** A body with values put into it. Values are JSON text already, exact as the column has them. */
class Draft {
  readonly #root: Node = { kind: 'object', members: new Map() }

  constructor(template: Readonly<Record<string, unknown>>) {
    this.#root = nodeOf(template) as Node
  }

  put(segments: readonly string[], row: number, json: string): void {
    let node = this.#root
    segments.forEach((segment, i) => {
      const key = segment === ROW_AXIS ? String(row) : segment
      const next = segments[i + 1]
      if (next === undefined) {
        node.members.set(key, json)
        return
      }
      let inner = node.members.get(key)
      if (inner === undefined || typeof inner === 'string') {
        inner = { kind: isIndex(next) ? 'array' : 'object', members: new Map() }
        node.members.set(key, inner)
      }
      node = inner
    })
  }

  text(): string {
    return textOf(this.#root)
  }
}

const isIndex = (segment: string): boolean => segment === ROW_AXIS || /^\d{1,4}$/.test(segment)

function nodeOf(value: unknown): Node | string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const members = new Map(Object.entries(value).map(([key, member]) => [key, nodeOf(member)] as const))
  return { kind: Array.isArray(value) ? 'array' : 'object', members }
}

function textOf(node: Node | string): string {
  if (typeof node === 'string') return node
  if (node.kind === 'object')
    return `{${[...node.members].map(([key, member]) => `${JSON.stringify(key)}:${textOf(member)}`).join(',')}}`
  const length = [...node.members.keys()].reduce((max, key) => Math.max(max, Number(key) + 1), 0)
  return `[${Array.from({ length }, (_, i) => textOf(node.members.get(String(i)) ?? 'null')).join(',')}]`
}

/** One value a row, from where the output's pointer leads. */
function valuesAt(value: JsonValue, output: AnswerColumn, rows: number): JsonValue[] {
  const segments = readPointer(output.from) ?? []
  const axis = segments.indexOf(ROW_AXIS)
  const asText = (found: JsonValue): JsonValue => (typeof found === 'string' ? valueOf(found, output) : found)
  if (axis < 0) {
    // Each row has a call of its own, or the values of all rows lie there as one list.
    const found = follow(value, segments, output.name)
    return rows === 1 && !isListOfOne(found, output) ? [asText(found)] : listOf(found, output.name).map(asText)
  }
  const list = listOf(follow(value, segments.slice(0, axis), output.name), output.name)
  return list.map((row) => asText(follow(row, segments.slice(axis + 1), output.name)))
}

/** Whether a list of one is the list of all rows and not the value of the only one. */
function isListOfOne(found: JsonValue, { shape }: AnswerColumn): boolean {
  if (!Array.isArray(found) || found.length !== 1) return false
  return shape.length === 0 || Array.isArray(found[0])
}

function follow(value: JsonValue, segments: readonly string[], name: string): JsonValue {
  let at: JsonValue | undefined = value
  for (const segment of segments) {
    const before: JsonValue | undefined = at
    if (Array.isArray(before)) at = /^\d{1,9}$/.test(segment) ? before[Number(segment)] : undefined
    else at = isObject(before) ? before[segment] : undefined
    if (at === undefined) throw new Unfit(`there is no ${segment} on the way to ${name}, only ${kindOf(before)}`)
  }
  return at
}

function listOf(value: JsonValue, name: string): JsonValue[] {
  if (Array.isArray(value)) return value
  throw new Unfit(`${name} is ${kindOf(value)} and not a list with an element a row`)
}

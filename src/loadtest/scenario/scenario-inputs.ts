/**
 * The members of a scenario's request that say what is sent and what must come back: `inputs`, `body`, `expect`. Files
 * are resolved here and read later, when the signature is known.
 */
import { resolve } from 'node:path'
import {
  argumentError,
  expectArray,
  expectInteger,
  expectNoOtherKeys,
  expectNumber,
  expectOneOf,
  expectRecord,
  expectString,
} from '../../base/expect.js'
import { BENCH_FREE_DIM_MAX, BODY_BYTES_MAX } from '../../base/limits/limits.js'
import {
  defaultTolerance,
  type AnswerCheck,
  type FieldRange,
  type InputSource,
  type ScenarioExpectation,
  type Tolerance,
} from './scenario.js'

/** Sizes of free dims unless the scenario says others: small enough for any model to take. */
export const defaultFreeDims = [16, 16] as const

type Entry = Readonly<Record<string, unknown>>

/** @param path of the request in the file. @param folder that relative names of files start from. */
export function readSource(path: string, entry: Entry, folder: string): InputSource {
  const { inputs, body, contentType } = entry
  if (inputs !== undefined && body !== undefined)
    throw argumentError(path, 'an object with either "inputs" or "body"', entry)
  if (body !== undefined) return readBody(path, body, contentType)
  if (contentType !== undefined) throw argumentError(`${path}.contentType`, 'absent without "body"', contentType)
  if (inputs === undefined) return { kind: 'ranges', fields: {}, freeDims: defaultFreeDims }
  const record = expectRecord(`${path}.inputs`, inputs)
  expectNoOtherKeys(`${path}.inputs`, record, ['ranges', 'freeDims', 'file', 'literal'])
  const { file, literal } = record
  const isMixed =
    [file, literal, record['ranges'] ?? record['freeDims']].filter((part) => part !== undefined).length > 1
  if (isMixed) throw argumentError(`${path}.inputs`, 'an object with one of "ranges", "file" and "literal"', record)
  if (file !== undefined) return { kind: 'file', path: resolve(folder, expectString(`${path}.inputs.file`, file)) }
  if (literal !== undefined) return { kind: 'inputs', inputs: expectRecord(`${path}.inputs.literal`, literal) }
  return readRanges(`${path}.inputs`, record)
}

function readBody(path: string, body: unknown, contentType: unknown): InputSource {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  return {
    kind: 'body',
    body: expectString(`${path}.body`, text, BODY_BYTES_MAX),
    contentType: contentType === undefined ? 'application/json' : expectString(`${path}.contentType`, contentType, 200),
  }
}

function readRanges(path: string, record: Entry): InputSource {
  const ranges = record['ranges'] === undefined ? {} : expectRecord(`${path}.ranges`, record['ranges'])
  const fields = Object.entries(ranges).map(
    ([name, range]) => [name, readRange(`${path}.ranges.${name}`, range)] as const,
  )
  const { freeDims } = record
  return {
    kind: 'ranges',
    fields: Object.fromEntries(fields),
    freeDims: freeDims === undefined ? defaultFreeDims : readFreeDims(`${path}.freeDims`, freeDims),
  }
}

/** `[0, 10]`, `[[0, 10], [5, 6], …]` or `{"values": [1, 2, 3]}`. */
function readRange(path: string, value: unknown): FieldRange {
  if (!Array.isArray(value)) {
    const record = expectRecord(path, value)
    expectNoOtherKeys(path, record, ['values'])
    const values = expectArray(`${path}.values`, record['values'])
    if (values.length === 0) throw argumentError(`${path}.values`, 'at least one value', values)
    return { kind: 'values', values: values as (number | string | boolean)[] }
  }
  if (!Array.isArray(value[0])) {
    const [min, max] = readPair(path, value)
    return { kind: 'range', min, max }
  }
  return { kind: 'elements', ranges: value.map((pair, index) => readPair(`${path}[${index}]`, pair)) }
}

function readPair(path: string, value: unknown): readonly [number, number] {
  const pair = expectArray(path, value)
  if (pair.length !== 2) throw argumentError(path, 'a pair [min, max]', value)
  const min = expectNumber(`${path}[0]`, pair[0], -Number.MAX_VALUE, Number.MAX_VALUE)
  return [min, expectNumber(`${path}[1]`, pair[1], min, Number.MAX_VALUE)]
}

function readFreeDims(path: string, value: unknown): readonly [number, number] {
  if (!Array.isArray(value)) {
    const size = expectInteger(path, value, 1, BENCH_FREE_DIM_MAX)
    return [size, size]
  }
  if (value.length !== 2) throw argumentError(path, 'an integer, or a pair [min, max]', value)
  const min = expectInteger(`${path}[0]`, value[0], 1, BENCH_FREE_DIM_MAX)
  return [min, expectInteger(`${path}[1]`, value[1], min, BENCH_FREE_DIM_MAX)]
}

export function readExpectation(path: string, value: unknown): ScenarioExpectation {
  if (value === undefined) return { kind: 'answer', answers: { kind: 'best' }, tolerance: defaultTolerance }
  const entry = expectRecord(path, value)
  expectNoOtherKeys(path, entry, ['status', 'outputs', 'answers', 'tolerance'])
  const { status, outputs, answers, tolerance } = entry
  if (status !== undefined) {
    if (Object.keys(entry).length > 1) throw argumentError(path, 'an object of "status" alone', value)
    return { kind: 'refusal', status: expectInteger(`${path}.status`, status, 400, 599) }
  }
  if (outputs !== undefined && answers !== undefined)
    throw argumentError(path, 'an object with either "outputs" or "answers"', value)
  return {
    kind: 'answer',
    answers: readAnswers(path, outputs, answers),
    tolerance: tolerance === undefined ? defaultTolerance : readTolerance(`${path}.tolerance`, tolerance),
  }
}

function readAnswers(path: string, outputs: unknown, answers: unknown): AnswerCheck {
  if (outputs !== undefined) return { kind: 'outputs', outputs: expectRecord(`${path}.outputs`, outputs) }
  return { kind: answers === undefined ? 'best' : expectOneOf(`${path}.answers`, answers, ['best', 'none']) }
}

function readTolerance(path: string, value: unknown): Tolerance {
  const entry = expectRecord(path, value)
  expectNoOtherKeys(path, entry, ['absolute', 'relative'])
  const { absolute = defaultTolerance.absolute, relative = defaultTolerance.relative } = entry
  return {
    absolute: expectNumber(`${path}.absolute`, absolute, 0, Number.MAX_VALUE),
    relative: expectNumber(`${path}.relative`, relative, 0, 1),
  }
}

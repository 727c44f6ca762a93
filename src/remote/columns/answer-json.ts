/**
 * The JSON of a remote's answer. Python's writers print NaN, which JSON does not have and whose readers take it: it is read
 * as null. Infinities stay mistakes. Integers beyond 2^53 are kept exact.
 */
import { isPenstockError } from '../../base/errors.js'
import { readJson, type JsonValue } from '../../formats/json/json-reader.js'
import { Unfit } from './read-columns.js'

export type JsonObject = { [key: string]: JsonValue }

/** @throws Unfit */
export function readAnswer(body: Buffer): JsonValue {
  try {
    return readJson(body, 'integers')
  } catch (error) {
    if (!isPenstockError(error)) throw error
    const text = body.toString('utf8')
    const withNulls = text.replaceAll(textOrNan, (found) => (found === 'NaN' ? 'null' : found))
    if (withNulls === text) throw new Unfit(`it is no JSON (${error.message})`, { cause: error })
    return readAnswer(Buffer.from(withNulls))
  }
}

/** Texts are matched to be passed over: a NaN inside one is a word. */
const textOrNan = /"(?:[^"\\]|\\.)*"|\bNaN\b/gs

export function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** A value as a few words. */
export function kindOf(value: JsonValue | undefined): string {
  if (value === undefined) return 'nothing'
  if (Array.isArray(value)) return `an array of ${value.length} elements`
  return isObject(value) ? `an object of ${Object.keys(value).slice(0, 8).join(', ')}` : JSON.stringify(String(value))
}

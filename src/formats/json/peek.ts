/** What is next in a JSON body, for whoever has to decide how to read it. */
import type { JsonReader } from './json-reader.js'

export type ValueKind = 'scalar' | 'array' | 'object'

/** Of the value that is next; what is no value is found out when it is read. */
export function kindOfNext(reader: JsonReader): ValueKind {
  return reader.isAtArray ? 'array' : reader.isAtObject ? 'object' : 'scalar'
}

/** The first key of the object that is next, without moving; null when there is no object, or none in it. */
export function firstKeyOfNext(reader: JsonReader): string | null {
  if (!reader.isAtObject) return null
  const { position } = reader
  reader.position++
  const key = reader.isAtString ? reader.readString() : null
  reader.position = position
  return key
}

const letters = [...'null'].map((letter) => letter.charCodeAt(0))

/** Steps over null. @returns false when something else is next. */
export function takeNull(reader: JsonReader): boolean {
  reader.peek()
  const { bytes, position } = reader
  if (letters.some((letter, index) => bytes[position + index] !== letter)) return false
  reader.position += letters.length
  return true
}

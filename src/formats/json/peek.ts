/** What is next in a JSON body, for readers that decide by it how to read on. */
import type { JsonReader } from './json-reader.js'

export type ValueKind = 'scalar' | 'array' | 'object'

/** Returns the kind of the next value; reading it finds out whether it is one. */
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

/**
 * A value of a JSON body as JavaScript has it, and nothing of a number lost: integers beyond 2^53 are bigints, all other
 * numbers the nearest double. For rows of named values, whose dtypes the reader does not know.
 */
import { JSON_CONTAINERS_MAX } from '../../base/limits/limits.js'
import { tooManyContainers } from './json-errors.js'
import type { JsonReader, JsonValue } from './json-reader.js'

/** Reads the next value. @throws PenstockError ERR_BODY, ERR_VALUE_RANGE: a number beyond float64. */
export function readExactValue(reader: JsonReader): JsonValue {
  let containers = 0
  const read = (): JsonValue => {
    if (reader.isAtNumber) return exactNumber(reader)
    const { isAtArray } = reader
    if (!isAtArray && !reader.isAtObject) return reader.readValue()
    if (++containers > JSON_CONTAINERS_MAX) throw tooManyContainers()
    if (isAtArray) {
      const values: JsonValue[] = []
      reader.readArray(() => values.push(read()))
      return values
    }
    const members = Object.create(null) as { [key: string]: JsonValue }
    reader.readObject((key) => (members[key] = read()))
    return members
  }
  return read()
}

function exactNumber(reader: JsonReader): number | bigint {
  const start = reader.position
  const value = reader.readNumber()
  if (Math.abs(value) <= Number.MAX_SAFE_INTEGER) return value
  const text = reader.slice(start, reader.position)
  return /^-?\d+$/.test(text) ? BigInt(text) : value
}

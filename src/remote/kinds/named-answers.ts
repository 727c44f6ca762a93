/**
 * The shapes of answers that scoring servers give, MLflow's and SageMaker's containers: one value a row, or one object a
 * row, bare or as `predictions` (or `outputs`, `results`), or a table in columns.
 *
 *   [0.1, 0.9]                                      {"predictions": [0.1, 0.9]}
 *   [[0.1, 0.9]]                                    {"predictions": [[0.1, 0.9]]}
 *   [{"label": "a", "score": 0.9}]                  {"predictions": [{"label": "a", "score": 0.9}]}
 *   {"columns": ["label"], "data": [["a"]]}         {"predictions": {"label": ["a"], "score": [0.9]}}
 */
import type { JsonValue } from '../../formats/json/json-reader.js'
import { isObject, kindOf, type JsonObject } from '../columns/answer-json.js'
import { columnOfValues, Unfit, type AnswerColumn } from '../columns/read-columns.js'
import type { Columns } from '../columns/write-columns.js'

const wrappers = ['predictions', 'outputs', 'results']

/** @throws Unfit */
export function columnsOfAnswer(value: JsonValue, outputs: readonly AnswerColumn[], rows: number): Columns {
  const rest = unwrapped(value, outputs)
  const valuesOf = Array.isArray(rest) ? byRow(rest, outputs) : byColumn(rest)
  return Object.fromEntries(
    outputs.map((output) => [output.name, columnOfValues(output, valuesOf(output), rows)] as const),
  )
}

function unwrapped(value: JsonValue, outputs: readonly AnswerColumn[]): JsonValue[] | JsonObject {
  if (Array.isArray(value)) return value
  if (!isObject(value)) throw new Unfit(`it is ${kindOf(value)} and neither a list nor an object`)
  const wrapper = wrappers.find((key) => value[key] !== undefined && !outputs.some(({ from }) => from === key))
  if (wrapper === undefined) {
    // One output that has a wrapper's name is in it, whichever form that has.
    const [only] = outputs
    const own = outputs.length === 1 && only !== undefined ? value[only.from] : undefined
    return own !== undefined && wrappers.includes((only as AnswerColumn).from) && Array.isArray(own) ? own : value
  }
  const inner = value[wrapper] as JsonValue
  if (Array.isArray(inner) || isObject(inner)) return inner
  throw new Unfit(`its ${wrapper} are ${kindOf(inner)} and neither a list nor an object`)
}

/** A list with an element a row. */
function byRow(list: JsonValue[], outputs: readonly AnswerColumn[]): (output: AnswerColumn) => JsonValue[] {
  if (list.every(isObject) && list.length > 0)
    return ({ from }) =>
      list.map((row, i) => {
        const value = row[from]
        if (value === undefined) throw new Unfit(`row ${i} has no ${from}: it is ${kindOf(row)}`)
        return value
      })
  const [only] = outputs
  if (outputs.length === 1 && only !== undefined) return () => list.map((value) => oneOf(value, only))
  // One list a row, an element an output.
  return (output) => {
    const place = outputs.indexOf(output)
    return list.map((row, i) => {
      if (!Array.isArray(row) || row.length !== outputs.length)
        throw new Unfit(`row ${i} is ${kindOf(row)} and has not the ${outputs.length} outputs of the step`)
      return row[place] as JsonValue
    })
  }
}

/** [0.1] of a column of single values is 0.1: a model with one output answers a column of one. */
function oneOf(value: JsonValue, { shape }: AnswerColumn): JsonValue {
  return shape.length === 0 && Array.isArray(value) && value.length === 1 ? (value[0] as JsonValue) : value
}

function byColumn(table: JsonObject): (output: AnswerColumn) => JsonValue[] {
  const { columns, data } = table
  if (Array.isArray(columns) && Array.isArray(data)) {
    return ({ from }) => {
      const place = columns.indexOf(from)
      if (place < 0) throw new Unfit(`it has no column ${from}: its columns are ${JSON.stringify(columns.slice(0, 8))}`)
      return data.map((row) => (Array.isArray(row) ? (row[place] ?? null) : null))
    }
  }
  return (output) => {
    const values = table[output.from]
    if (!Array.isArray(values)) throw new Unfit(`it has no list ${output.from}: it is ${kindOf(table)}`)
    return values.map((value) => oneOf(value, output))
  }
}

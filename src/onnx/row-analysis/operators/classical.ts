/**
 * Operators of ai.onnx.ml: tables of [n, features]. Where a tensor has one axis, they take it for one row of features, so
 * that the rows of a batch would be features of each other.
 */
import { fixed, ROW_COUNT, type Amount } from './linear.js'
import type { NodeView, Rule } from '../node-view.js'
import { isRows, NotKnown, originOf, plain, RowsMix, rowsAt, type Rows, type Value } from '../value.js'

/** Trees, linear models, machines: a label and scores, or one tensor of values, for each row. */
export const predictor: Rule = (node) => {
  const data = tableOf(node)
  if (data === null) return stringPathOutputs(node)
  const isClassifier = node.node.opType.endsWith('Classifier')
  if (isClassifier) return [rowsAt([ROW_COUNT], 0), rowsAt([ROW_COUNT, null], 0)]
  const width = node.has('n_targets')
    ? fixed(node.int('n_targets', 1))
    : node.has('targets')
      ? fixed(node.int('targets', 1))
      : null
  return [rowsAt([ROW_COUNT, node.node.opType === 'SVMRegressor' ? fixed(1) : width], 0)]
}

/** Scaler, Imputer, Normalizer: the features of each row with the settings of their columns. */
export const columnwise: Rule = (node) => {
  const data = tableOf(node)
  return data === null ? stringPathOutputs(node) : [data]
}

/** Text to columns of counts. */
export const textCounts: Rule = (node) => {
  const data = tableOf(node)
  return data === null ? stringPathOutputs(node) : [rowsAt([ROW_COUNT, null], 0)]
}

export const featureVectorizer: Rule = (node) => {
  const parts = node.inputs.map((_part, index) => node.required(index))
  if (!parts.some(isRows)) return stringPathOutputs(node)
  for (const part of parts) {
    if (!isRows(part)) throw new NotKnown('the rows meet a constant')
    expectTable(part)
  }
  return [rowsAt([ROW_COUNT, null], 0)]
}

/** One more axis at the end: a place for each category. */
export const oneHotEncoder: Rule = (node) => {
  const data = node.required(0)
  if (!isRows(data)) return stringPathOutputs(node)
  const count =
    (node.attribute('cats_int64s')?.ints.length ?? 0) + (node.attribute('cats_strings')?.strings.length ?? 0)
  return [rowsAt([...data.dims, count === 0 ? null : fixed(count)], data.axis, data)]
}

/** Takes elements of the last axis. */
export const arrayFeatureExtractor: Rule = (node) => {
  const data = node.required(0)
  const indices = node.required(1)
  if (isRows(indices)) {
    // A table of labels: one for each index, in a tensor of one line.
    if (isRows(data)) throw new RowsMix('each row takes from all rows')
    if (data.dims?.length !== 1) throw new NotKnown('its table is not a list')
    return [rowsAt([fixed(1), indices.dims[indices.axis] as Amount], 1, indices)]
  }
  if (!isRows(data)) return stringPathOutputs(node)
  if (data.axis === data.dims.length - 1) throw new RowsMix('it takes single rows of the batch')
  const count = indices.dims?.reduce<number | undefined>(
    (size, dim) => (size === undefined || dim === null ? undefined : size * dim.rest),
    1,
  )
  return [rowsAt([...data.dims.slice(0, -1), count === undefined ? null : fixed(count)], data.axis, data)]
}

/** Changes letters; with words to leave out, the number of elements depends on all of them. */
export const stringNormalizer: Rule = (node) => {
  const data = node.required(0)
  if (!isRows(data)) return stringPathOutputs(node)
  if ((node.attribute('stopwords')?.strings.length ?? 0) > 0)
    throw new RowsMix('it leaves out elements, so that a row moves up when another one goes')
  return [data]
}

function tableOf(node: NodeView): Rows | null {
  const data = node.required(0)
  if (!isRows(data)) return null
  expectTable(data)
  return data
}

function expectTable(data: Rows): void {
  if (data.axis !== 0 || data.dims.length === 1)
    throw new RowsMix('it takes the axis that holds the rows for the features of one row')
}

function stringPathOutputs(node: NodeView): readonly Value[] {
  return Array.from({ length: node.outputCount }, () => plain(null, originOf(node.inputs)))
}

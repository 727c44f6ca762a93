/**
 * A configuration bound to the tensors of one pipeline and to the rows that are to be explained: names resolved, indexes
 * and sizes checked, baselines encoded. Past this file nothing checks again, and every cost is known.
 */
import { argumentError, expectArray, expectNumber, expectOneOf } from '../base/expect.js'
import {
  EXPLAIN_EVALUATIONS_MAX,
  EXPLAIN_GROUPS_MAX,
  EXPLAIN_INPUT_BYTES_MAX,
  EXPLAIN_RESULT_VALUES_MAX,
  EXPLAIN_ROWS_MAX,
} from '../base/limits/limits.js'
import { toTensor } from '../tensor/convert.js'
import type { NumericDtype, Tensor, TensorField } from '../tensor/tensor.js'
import { EXPLAIN_REPEATS, type ExplainBaseline, type ExplainConfig, type ExplainGroup } from './config.js'
import { isIntegral, numberAt, rowBytes, rowLength, type Tensors } from './rows.js'

export interface BoundGroup {
  readonly name: string
  readonly input: string
  readonly elements: readonly number[]
}

export interface Problem {
  readonly config: ExplainConfig
  readonly inputs: Tensors
  readonly rows: number
  readonly groups: readonly BoundGroup[]
  readonly output: { readonly field: string; readonly element: number }
  /** One row of each input that has a group; only for occlusion. */
  readonly baselines: Tensors
  /** One per row; null without. */
  readonly targets: Float64Array | null
  /** Rows that will be run. */
  readonly evaluations: number
}

export interface ProblemOptions {
  readonly config: ExplainConfig
  readonly inputFields: readonly TensorField[]
  readonly outputFields: readonly TensorField[]
  /** All of the same number of rows, kept by the caller as long as the problem. */
  readonly inputs: Tensors
  readonly targets?: unknown
}

/** @throws PenstockError ERR_ARGUMENT naming the member of the configuration, or the limit. */
export function bindProblem(options: ProblemOptions): Problem {
  const { config, inputs } = options
  const rows = Object.values(inputs)[0]?.shape[0] ?? 0
  expectSizes(inputs, rows)
  const groups = config.groups?.map((group, index) => boundGroup(`groups[${index}]`, group, options))
  const problem = {
    config,
    inputs,
    rows,
    groups: groups ?? defaultGroups(options),
    output: boundOutput(options),
    targets: readTargets(config, rows, options.targets),
  }
  const repeats = config.method === 'permutation' ? (config.repeats ?? EXPLAIN_REPEATS) : 1
  const evaluations = rows * (1 + problem.groups.length * repeats)
  if (evaluations > EXPLAIN_EVALUATIONS_MAX) throw tooMuch('rows to run', EXPLAIN_EVALUATIONS_MAX, evaluations)
  const values = problem.groups.length * (config.method === 'permutation' ? repeats : rows)
  if (values > EXPLAIN_RESULT_VALUES_MAX) throw tooMuch('values of the result', EXPLAIN_RESULT_VALUES_MAX, values)
  return {
    ...problem,
    evaluations,
    baselines: config.method === 'occlusion' ? readBaselines(problem, config.baseline) : {},
  }
}

function expectSizes(inputs: Tensors, rows: number): void {
  if (rows === 0) throw argumentError('rows', 'at least 1', rows, 'There is nothing to explain without a row')
  if (rows > EXPLAIN_ROWS_MAX) throw argumentError('rows', `at most ${EXPLAIN_ROWS_MAX}`, rows, 'Take a sample of them')
  const bytes = rows * rowBytes(inputs)
  if (bytes <= EXPLAIN_INPUT_BYTES_MAX) return
  throw argumentError('the bytes of the inputs', `at most ${EXPLAIN_INPUT_BYTES_MAX}`, bytes, 'Take fewer rows')
}

function tooMuch(what: string, max: number, count: number): Error {
  return argumentError(what, `at most ${max}`, count, 'Take fewer rows or repeats, or put elements together in groups')
}

function boundGroup(path: string, group: ExplainGroup, { inputFields, inputs, config }: ProblemOptions): BoundGroup {
  const names = inputFields.map(({ name }) => name)
  const input = expectOneOf(`${path}.input`, group.input ?? names[0] ?? '', names)
  const tensor = inputs[input] as Tensor
  if (tensor.dtype === 'string' && config.method === 'occlusion')
    throw argumentError(`${path}.input`, 'an input of numbers, for strings have no baseline,', input)
  const length = rowLength(tensor)
  const elements = group.elements ?? Array.from({ length }, (_, index) => index)
  const outOfRange = elements.find((element) => element >= length)
  if (outOfRange !== undefined)
    throw argumentError(`${path}.elements`, `indexes in 0..${length - 1} of ${input}`, outOfRange)
  return { name: group.name, input, elements }
}

/** Each element by itself; where an input has one element a row, under the input's own name. */
function defaultGroups({ inputFields, inputs, config }: ProblemOptions): BoundGroup[] {
  const groups = inputFields.flatMap(({ name }) => {
    const tensor = inputs[name] as Tensor
    if (tensor.dtype === 'string' && config.method === 'occlusion') return []
    const length = rowLength(tensor)
    if (length > EXPLAIN_GROUPS_MAX) throw tooMuch(`the elements of ${name}`, EXPLAIN_GROUPS_MAX, length)
    return Array.from({ length }, (_, index) => ({
      name: length === 1 ? name : `${name}[${index}]`,
      input: name,
      elements: [index],
    }))
  })
  if (groups.length === 0) throw argumentError('the pipeline', 'one with an input of numbers', 'strings alone')
  if (groups.length > EXPLAIN_GROUPS_MAX) throw tooMuch('the elements of a row', EXPLAIN_GROUPS_MAX, groups.length)
  return groups
}

function boundOutput({ config, outputFields }: ProblemOptions): Problem['output'] {
  const names = outputFields.map(({ name }) => name)
  const field = expectOneOf('output.field', config.output?.field ?? names[0] ?? '', names)
  const found = outputFields.find(({ name }) => name === field) as TensorField
  if (found.dtype === 'string') throw argumentError('output.field', 'an output of numbers', field)
  const element = config.output?.element ?? 0
  const dims = found.shape.slice(1)
  // Free dims are known when the first rows were run.
  const length = dims.includes(null) ? Infinity : dims.reduce<number>((product, dim) => product * (dim ?? 1), 1)
  if (element < length) return { field, element }
  throw argumentError('output.element', `an index in 0..${length - 1} of ${field}`, element)
}

function readTargets(config: ExplainConfig, rows: number, targets: unknown): Float64Array | null {
  const isNeeded = config.method === 'permutation' && (config.metric ?? 'variance') !== 'variance'
  if (!isNeeded) {
    if (targets === undefined) return null
    throw argumentError('targets', 'absent, for this method and metric compare with none,', targets)
  }
  const list = expectArray('targets', targets, EXPLAIN_ROWS_MAX)
  if (list.length !== rows) throw argumentError('targets', `an array of one number per row, ${rows}`, targets)
  return Float64Array.from(list, (value, index) =>
    expectNumber(`targets[${index}]`, value, -Number.MAX_VALUE, Number.MAX_VALUE),
  )
}

type Unbound = Pick<Problem, 'inputs' | 'rows' | 'groups'>

function readBaselines(problem: Unbound, baseline: ExplainBaseline = 0): Tensors {
  if (typeof baseline === 'object') {
    const unknown = Object.keys(baseline).find((name) => !Object.hasOwn(problem.inputs, name))
    if (unknown !== undefined)
      throw argumentError('each key of baseline', `one of ${Object.keys(problem.inputs).join(', ')}`, unknown)
  }
  const used = [...new Set(problem.groups.map(({ input }) => input))]
  return Object.fromEntries(used.map((name) => [name, baselineRow(name, problem, baseline)]))
}

function baselineRow(name: string, { inputs, rows }: Unbound, baseline: ExplainBaseline): Tensor {
  const tensor = inputs[name] as Tensor
  const length = rowLength(tensor)
  const numbers = baseline === 'mean' ? meanRow(tensor, rows) : ownNumbers(name, baseline, length)
  // Through the reader of requests: a baseline that the dtype cannot hold is refused in its words.
  const field = { name: `baseline.${name}`, dtype: tensor.dtype, shape: [length] }
  return { ...toTensor(field, numbers, true), shape: [1, ...tensor.shape.slice(1)] }
}

function ownNumbers(name: string, baseline: Exclude<ExplainBaseline, 'mean'>, length: number): number[] {
  const own = typeof baseline === 'number' ? baseline : (baseline[name] ?? 0)
  if (typeof own === 'number') return new Array<number>(length).fill(own)
  if (own.length === length) return own.slice()
  throw argumentError(`baseline.${name}`, `a number or ${length} of them, as many as a row has`, own)
}

function meanRow(tensor: Tensor, rows: number): number[] {
  const length = rowLength(tensor)
  const mean = new Float64Array(length)
  for (let i = 0; i < rows * length; i++) mean[i % length] = (mean[i % length] ?? 0) + numberAt(tensor, i) / rows
  return Array.from(mean, (value) => (isIntegral(tensor.dtype as NumericDtype) ? Math.round(value) : value))
}

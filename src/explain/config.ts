/**
 * What is to be explained and how, as pure data: stored with a pipeline, sent, or written in place. Untrusted JSON becomes
 * one here; whether it fits a pipeline's tensors is found out when a job is started (problem.ts).
 *
 * Both methods look at the pipeline from outside, as a function f of a row: no gradients, no knowledge of the model.
 */
import {
  argumentError,
  expectArray,
  expectInteger,
  expectName,
  expectNoOtherKeys,
  expectNumber,
  expectOneOf,
  expectRecord,
  expectString,
} from '../base/expect.js'
import {
  EXPLAIN_GROUPS_MAX,
  EXPLAIN_REPEATS_MAX,
  TAG_CHARACTERS_MAX,
  TENSOR_ELEMENTS_MAX,
} from '../base/limits/limits.js'

/** One number of a row's outputs: f. */
export interface ExplainOutput {
  /** Absent: the first output. */
  readonly field?: string
  /** Flat index in the row, 0-based; absent: 0. */
  readonly element?: number
}

/** Elements of one input that are changed together: a pixel block, the columns of one category. */
export interface ExplainGroup {
  readonly name: string
  /** Absent: the first input. */
  readonly input?: string
  /** Flat indexes in the row, 0-based; absent: all. */
  readonly elements?: readonly number[]
}

/** One number for all; `mean`: of each element over the rows (rounded for integers); or by input, flat, one row. */
export type ExplainBaseline = number | 'mean' | Readonly<Record<string, number | readonly number[]>>

/** `variance` needs no targets; of the others a drop in the score is measured, so losses count with a minus sign. */
export const EXPLAIN_METRICS = ['variance', 'mse', 'mae', 'r2', 'accuracy'] as const
export type ExplainMetric = (typeof EXPLAIN_METRICS)[number]

interface CommonConfig {
  readonly name: string
  readonly output?: ExplainOutput
  /** Absent: each element of each input by itself, called `input[index]`. */
  readonly groups?: readonly ExplainGroup[]
}

export interface OcclusionConfig extends CommonConfig {
  readonly method: 'occlusion'
  /** What takes the place of a group; absent: 0. */
  readonly baseline?: ExplainBaseline
}

export interface PermutationConfig extends CommonConfig {
  readonly method: 'permutation'
  /** Absent: `variance`. */
  readonly metric?: ExplainMetric
  /** With `accuracy`: f and the target count as 1 above it, else as 0; absent: they must be equal. */
  readonly threshold?: number
  /** Permutations of each group; absent: 5. */
  readonly repeats?: number
  /** Seeds the permutations, 0..2^32-1; absent: 0. */
  readonly seed?: number
}

export type ExplainConfig = OcclusionConfig | PermutationConfig

export const EXPLAIN_REPEATS = 5
const SEED_MAX = 2 ** 32 - 1

const commonKeys = ['name', 'method', 'output', 'groups']
const keysByMethod = {
  occlusion: [...commonKeys, 'baseline'],
  permutation: [...commonKeys, 'metric', 'threshold', 'repeats', 'seed'],
} as const

/**
 * Reads a configuration.
 * @param name letters, digits and hyphens; a `name` in the JSON must be the same.
 * @returns its members in one order, absent ones left out.
 * @throws PenstockError ERR_ARGUMENT naming the member.
 * @example parseExplainConfig('by-feature', { method: 'occlusion', baseline: 'mean' })
 */
export function parseExplainConfig(name: string, json: unknown): ExplainConfig {
  const fields = expectRecord('the configuration', json)
  const method = expectOneOf('method', fields['method'], ['occlusion', 'permutation'])
  expectNoOtherKeys('the configuration', fields, keysByMethod[method])
  if (fields['name'] !== undefined && fields['name'] !== name)
    throw argumentError('name', `${JSON.stringify(name)}, as in the address`, fields['name'])
  const common = {
    name: expectName('name', name),
    ...optional('output', fields['output'], readOutput),
    ...optional('groups', fields['groups'], readGroups),
  }
  if (method === 'occlusion') return { ...common, method, ...optional('baseline', fields['baseline'], readBaseline) }
  return { ...common, method, ...readPermutation(fields) }
}

function readPermutation(fields: Readonly<Record<string, unknown>>) {
  const { metric, threshold } = fields
  if (threshold !== undefined && metric !== 'accuracy')
    throw argumentError('threshold', 'absent, for it is of the metric accuracy alone,', threshold)
  return {
    ...optional('metric', metric, (path, value) => expectOneOf(path, value, EXPLAIN_METRICS)),
    ...optional('threshold', threshold, (path, value) =>
      expectNumber(path, value, -Number.MAX_VALUE, Number.MAX_VALUE),
    ),
    ...optional('repeats', fields['repeats'], (path, value) => expectInteger(path, value, 1, EXPLAIN_REPEATS_MAX)),
    ...optional('seed', fields['seed'], (path, value) => expectInteger(path, value, 0, SEED_MAX)),
  }
}

/** `{ [key]: read value }`, or nothing where the value is absent. */
function optional<const K extends string, T>(
  key: K,
  value: unknown,
  read: (path: string, value: unknown) => T,
): { [P in K]?: T } {
  return value === undefined ? {} : ({ [key]: read(key, value) } as { [P in K]: T })
}

function readOutput(path: string, value: unknown): ExplainOutput {
  const fields = expectRecord(path, value)
  expectNoOtherKeys(path, fields, ['field', 'element'])
  return {
    ...(fields['field'] === undefined ? {} : { field: expectString(`${path}.field`, fields['field']) }),
    ...(fields['element'] === undefined ? {} : { element: expectElement(`${path}.element`, fields['element']) }),
  }
}

function readGroups(path: string, value: unknown): ExplainGroup[] {
  const groups = expectArray(path, value, EXPLAIN_GROUPS_MAX).map((group, index) =>
    readGroup(`${path}[${index}]`, group),
  )
  if (groups.length === 0) throw argumentError(path, 'an array of at least one group', '[]')
  const names = new Set<string>()
  for (const [index, { name }] of groups.entries()) {
    if (names.has(name)) throw argumentError(`${path}[${index}].name`, 'the name of no other group', name)
    names.add(name)
  }
  return groups
}

function readGroup(path: string, value: unknown): ExplainGroup {
  const fields = expectRecord(path, value)
  expectNoOtherKeys(path, fields, ['name', 'input', 'elements'])
  const { input, elements } = fields
  return {
    name: expectString(`${path}.name`, fields['name'], TAG_CHARACTERS_MAX),
    ...(input === undefined ? {} : { input: expectString(`${path}.input`, input) }),
    ...(elements === undefined ? {} : { elements: readElements(`${path}.elements`, elements) }),
  }
}

function readElements(path: string, value: unknown): number[] {
  const elements = expectArray(path, value).map((element, index) => expectElement(`${path}[${index}]`, element))
  if (elements.length === 0) throw argumentError(path, 'an array of at least one index', '[]')
  return elements
}

function expectElement(path: string, value: unknown): number {
  return expectInteger(path, value, 0, TENSOR_ELEMENTS_MAX)
}

function readBaseline(path: string, value: unknown): ExplainBaseline {
  if (value === 'mean') return value
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return expectFinite(path, value)
  const entries = Object.entries(value).map(([input, own]: [string, unknown]) => [
    input,
    Array.isArray(own)
      ? own.map((element, index) => expectFinite(`${path}.${input}[${index}]`, element))
      : expectFinite(`${path}.${input}`, own),
  ])
  return Object.fromEntries(entries) as Record<string, number | number[]>
}

function expectFinite(path: string, value: unknown): number {
  if (typeof value === 'number' && Number.isFinite(value)) return value
  throw argumentError(path, 'a number, "mean", or numbers by input', value)
}

/**
 * The result of an inference as a flat table, and the columns that it has. Only the wanted columns are built; tensors
 * lie in the table as they lie in memory.
 *
 *   time · in.<input or extra column> · out.<output> · anomaly.count · anomaly.<check> · check_failures ·
 *   out_<model>.<output> · metadata.…
 */
import { type Data, Field, Int32, List, makeData, TimestampMillisecond, Uint32, type Table } from 'apache-arrow'
import type { InferResult, PipelineDescription } from '../engine/api/api.js'
import type { Tensor, TensorField } from '../tensor/tensor.js'
import {
  arrowType,
  boolData,
  type Column,
  constantUint64s,
  constantUtf8,
  emptyUtf8Lists,
  tableOf,
  tensorColumn,
  tensorMetadata,
  utf8Data,
  utf8Lists,
} from './arrow/column-types.js'
import { orderColumns } from './dataset.js'
import { lastModelOf, splitTextOf } from './models-text.js'

export type DescribedPipeline = Pick<
  PipelineDescription,
  'inputs' | 'checks' | 'models' | 'steps' | 'routes' | 'outputs' | 'isNonBatching' | 'version' | 'name'
>

/** What a table has beside the result itself. */
export interface InferContext {
  readonly pipeline: DescribedPipeline
  readonly inputs: Readonly<Record<string, Tensor>>
  /** Columns that the caller sent and no model reads, named without `in.` */
  readonly extras: readonly Column[]
  /** Milliseconds of the epoch. */
  readonly timeMs: number
  readonly partition: string
  readonly hasTiming: boolean
  /** Its pipeline has a prediction cache. */
  readonly hasCache: boolean
  /** Models beside the answering one whose outputs are columns. */
  readonly others: readonly OtherModel[]
  /** In Arrow a pipeline's version is a text, as it always was there. */
  readonly isArrow: boolean
}

export interface OtherModel {
  readonly label: string
  readonly outputs: readonly TensorField[]
  /** null: its rows were shed or its run failed. */
  readonly tensors: Readonly<Record<string, Tensor>> | null
}

/** The documented metadata of every answer, in its order; others come by their own names. */
const metadataNames = ['last_model', 'pipeline_version', 'elapsed', 'dropped', 'partition'] as const
const hiddenNames = ['metadata.pipeline', 'metadata.request_id'] as const

export interface InferColumns {
  readonly names: readonly string[]
  /** Only their own names select them. */
  readonly hidden: readonly string[]
}

/** The columns that an answer has, in the documented order; known before anything runs. */
export function inferColumns(context: Omit<InferContext, 'timeMs' | 'partition'>): InferColumns {
  const { pipeline, inputs, extras, hasTiming, hasCache, others } = context
  const hasChecks = pipeline.checks.length > 0
  const isSplit = pipeline.routes.length > 0
  const metadata = [
    ...metadataNames,
    ...(isSplit ? ['route'] : []),
    ...(hasTiming ? ['timing'] : []),
    ...(hasCache ? ['cache'] : []),
  ]
  const names = [
    'time',
    ...Object.keys(inputs).map((name) => `in.${name}`),
    ...extras.map(({ field }) => `in.${field.name}`),
    ...pipeline.outputs.map(({ name }) => `out.${name}`),
    ...(isRandomSplit(pipeline) ? ['out._model_split'] : []),
    'anomaly.count',
    ...pipeline.checks.filter((check) => check !== 'count').map((check) => `anomaly.${check}`),
    ...(hasChecks ? ['check_failures'] : []),
    ...others.flatMap(({ label, outputs }) => outputs.map(({ name }) => `out_${label}.${name}`)),
    ...metadata.map((name) => `metadata.${name}`),
  ]
  return {
    names: orderColumns([...new Set(names)]),
    hidden: hasChecks ? hiddenNames : ['check_failures', ...hiddenNames],
  }
}

/** @param wanted names of inferColumns, in the order of the table. */
export function inferTable(result: InferResult, context: InferContext, wanted: readonly string[]): Table {
  return tableOf(wanted.map((name) => columnOf(name, result, context)))
}

function columnOf(name: string, result: InferResult, context: InferContext): Column {
  const dot = name.indexOf('.')
  const [group, field] = dot < 0 ? [name, ''] : [name.slice(0, dot), name.slice(dot + 1)]
  if (group === 'time') return timeColumn(context.timeMs, result.rows)
  if (group === 'in') return inputColumn(field, context)
  if (name === 'out._model_split') return splitColumn(result, context.pipeline)
  if (group === 'out') {
    const declared = context.pipeline.outputs.find((output) => output.name === field)?.shape
    return tensorColumn(name, tensorAt(result.outputs, field), context.pipeline.isNonBatching, declared)
  }
  if (group === 'anomaly') return field === 'count' ? countColumn(result) : verdictColumn(field, result)
  if (group === 'check_failures') return failuresColumn(result)
  if (group === 'metadata') return metadataColumn(field, result, context)
  return otherColumn(name, group.slice('out_'.length), field, result, context)
}

function tensorAt(tensors: Readonly<Record<string, Tensor>>, name: string): Tensor {
  const tensor = tensors[name]
  if (tensor === undefined) throw new Error(`Expected the answer to have ${name}`)
  return tensor
}

function timeColumn(timeMs: number, rows: number): Column {
  const data = new BigInt64Array(rows).fill(BigInt(Math.round(timeMs)))
  const type = new TimestampMillisecond()
  return { field: new Field('time', type, false), data: makeData({ type, length: rows, nullCount: 0, data }) }
}

function inputColumn(name: string, { inputs, extras, pipeline }: InferContext): Column {
  const tensor = Object.hasOwn(inputs, name) ? inputs[name] : undefined
  if (tensor !== undefined) {
    const declared = pipeline.inputs.find((input) => input.name === name)?.shape
    return tensorColumn(`in.${name}`, tensor, pipeline.isNonBatching, declared)
  }
  const extra = extras.find(({ field }) => field.name === name)
  if (extra === undefined) throw new Error(`Expected the request to have ${name}`)
  return { field: extra.field.clone({ name: `in.${name}` }), data: extra.data }
}

/** null in every row when the model's rows were shed or its run failed: no fault of the answer. */
function otherColumn(name: string, label: string, output: string, result: InferResult, context: InferContext): Column {
  const { isNonBatching } = context.pipeline
  const model = context.others.find((other) => other.label === label)
  const tensor = model?.tensors?.[output]
  if (tensor !== undefined) return tensorColumn(name, tensor, isNonBatching)
  const field = model?.outputs.find((candidate) => candidate.name === output)
  const { rows } = result
  const type = new List(new Field('item', arrowType(field?.dtype ?? 'float32'), false))
  const child = makeData({ type: type.valueType } as never) as Data
  const data = makeData({
    type,
    length: rows,
    nullCount: rows,
    nullBitmap: new Uint8Array((rows + 7) >> 3),
    valueOffsets: new Int32Array(rows + 1),
    child,
  })
  return {
    field: new Field(
      name,
      type,
      true,
      tensorMetadata((field?.shape.slice(isNonBatching ? 0 : 1) ?? []).map((dim) => dim ?? -1)),
    ),
    data,
  }
}

function countColumn(result: InferResult): Column {
  const data = new Uint32Array(result.rows)
  for (const { rows } of result.checkFailures) for (const row of rows) data[row] = (data[row] as number) + 1
  const type = new Uint32()
  const field = new Field('anomaly.count', type, false, tensorMetadata([]))
  return { field, data: makeData({ type, length: data.length, nullCount: 0, data }) }
}

function verdictColumn(check: string, result: InferResult): Column {
  const flags = new Uint8Array(result.rows)
  for (const failure of result.checkFailures) {
    if (failure.check === check) for (const row of failure.rows) flags[row] = 1
  }
  const data = boolData(flags)
  return { field: new Field(`anomaly.${check}`, data.type, false, tensorMetadata([])), data }
}

function failuresColumn(result: InferResult): Column {
  const none: readonly string[] = []
  const lists: (readonly string[])[] = new Array<readonly string[]>(result.rows).fill(none)
  for (const { check, rows } of result.checkFailures)
    for (const row of rows) lists[row] = [...(lists[row] ?? none), check]
  const data = utf8Lists(lists)
  return { field: new Field('check_failures', data.type, false), data }
}

/** As the split's own engine showed it: a list of one text that holds JSON. */
function splitColumn({ rows, metadata: { route } }: InferResult, pipeline: DescribedPipeline): Column {
  const textByLabel = new Map([...new Set(route ?? [])].map((label) => [label, [splitTextOf(label, pipeline)]]))
  const lists = Array.from({ length: rows }, (_, row) => textByLabel.get(route?.[row] ?? '') ?? [])
  const data = utf8Lists(lists)
  return { field: new Field('out._model_split', data.type, false, tensorMetadata([1])), data }
}

function metadataColumn(name: string, result: InferResult, context: InferContext): Column {
  const { rows, metadata } = result
  const text = (value: string): Column => utf8Column(name, constantUtf8(value, rows))
  if (name === 'elapsed') {
    const data = constantUint64s(
      metadata.elapsedNs.map((ns) => BigInt(Math.round(ns))),
      rows,
    )
    return { field: new Field('metadata.elapsed', data.type, false), data }
  }
  if (name === 'dropped') {
    const data = emptyUtf8Lists(rows)
    return { field: new Field('metadata.dropped', data.type, false), data }
  }
  if (name === 'pipeline_version' && context.isArrow) return text(String(metadata.pipelineVersion))
  if (name === 'pipeline_version') {
    const type = new Int32()
    const data = makeData({
      type,
      length: rows,
      nullCount: 0,
      data: new Int32Array(rows).fill(metadata.pipelineVersion),
    })
    return { field: new Field('metadata.pipeline_version', type, false), data }
  }
  if (name === 'last_model') return lastModelColumn(result, context.pipeline)
  if (name === 'route') return utf8Column(name, utf8Data(metadata.route ?? new Array<null>(rows).fill(null)))
  if (name === 'partition') return text(context.partition)
  if (name === 'pipeline') return text(metadata.pipeline)
  if (name === 'cache') return text(metadata.cache ?? 'miss')
  if (name === 'timing') return text(JSON.stringify(metadata.timing ?? null))
  return text(metadata.requestId)
}

function lastModelColumn({ rows, metadata: { route } }: InferResult, pipeline: DescribedPipeline): Column {
  if (route === null) {
    const text = lastModelOf(null, pipeline)
    return utf8Column(
      'last_model',
      text === null ? utf8Data(new Array<null>(rows).fill(null)) : constantUtf8(text, rows),
    )
  }
  const textByLabel = new Map([...new Set(route)].map((label) => [label, lastModelOf(label, pipeline)]))
  return utf8Column('last_model', utf8Data(route.map((label) => textByLabel.get(label) ?? null)))
}

function utf8Column(name: string, data: Column['data']): Column {
  return { field: new Field(`metadata.${name}`, data.type, data.nullCount > 0), data }
}

function isRandomSplit({ steps }: DescribedPipeline): boolean {
  return steps.some((step) => step.type === 'random-split')
}

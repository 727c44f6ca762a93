/**
 * Answers of the infer endpoint, in the three forms of docs/reference/http.md. Texts are put together from pieces that
 * are JSON already: tensors from tensor/print.ts (exact integers, shortest floats), records' `in` as the caller wrote it,
 * and the parts that are the same for all rows once.
 */
import type { InferResult, PipelineDescription } from '../../../engine/api/api.js'
import { nestedParts } from '../../../engine/requests/nested-parts.js'
import { encodeMessage, resultMessage, type InferTiming } from '../../../protocol/codec.js'
import { lastModelOf } from '../../../formats/models-text.js'
import { writeNested, writeRow } from '../../../tensor/print.js'
import { rowElementCount } from '../../../tensor/shape.js'
import type { Tensor, TensorField } from '../../../tensor/tensor.js'
import { resultBytes } from '../../held-bytes.js'
import { PieceBody, type Piece } from '../../piece-body.js'

/** Characters of a piece of an answer, and elements of a cell that is printed in parts of its own. */
const pieceCharacters = 64 * 1024
const cellElementsMax = 4096
/** Bytes of tensors from which an answer is sent while it is printed. */
const piecesBytesMin = 64 * 1024

export type AnsweredPipeline = Pick<
  PipelineDescription,
  'checks' | 'models' | 'steps' | 'routes' | 'inputs' | 'outputs' | 'isNonBatching'
>

/** `{"outputs":{…},"check_failures":[…],"metadata":{…}}` */
export function writeColumns(result: InferResult, pipeline: AnsweredPipeline): string {
  let outputs = ''
  for (const [output, tensor] of Object.entries(result.outputs)) {
    outputs += `${outputs === '' ? '' : ','}${JSON.stringify(output)}:${writeNested(tensor)}`
  }
  return `{"outputs":{${outputs}${columnsTail(result, pipeline)}`
}

/** The same in pieces, for large answers. */
export function* columnPieces(result: InferResult, pipeline: AnsweredPipeline): Generator<Piece> {
  let before = '{"outputs":{'
  for (const [output, tensor] of Object.entries(result.outputs)) {
    yield `${before}${JSON.stringify(output)}:`
    yield* nestedParts(tensor)
    before = ','
  }
  yield `${before === ',' ? '' : before}${columnsTail(result, pipeline)}`
}

/** The same, sent while it is printed when it is large. @param free gives the result's memory back, when it is printed. */
export function columnsBody(
  result: InferResult,
  pipeline: AnsweredPipeline,
  free?: () => void,
): string | Buffer | PieceBody {
  const heldBytes = resultBytes(result)
  if (heldBytes < piecesBytesMin) return writeColumns(result, pipeline)
  return PieceBody.from(columnPieces(result, pipeline), heldBytes, free)
}

/** What follows the outputs. */
function columnsTail(result: InferResult, pipeline: AnsweredPipeline): string {
  const { pipeline: name, pipelineVersion, requestId, elapsedNs, route, cache } = result.metadata
  const failures = result.checkFailures.length === 0 ? '[]' : JSON.stringify(result.checkFailures)
  let elapsed = ''
  for (const ns of elapsedNs) elapsed += `${elapsed === '' ? '' : ','}${Math.round(ns)}`
  const cached = cache === undefined ? '' : `,"cache":"${cache}"`
  const routed = route === null ? '' : `,"route":${JSON.stringify(route)}`
  return (
    `},"check_failures":${failures},"metadata":{"pipeline":${JSON.stringify(name)},` +
    `"pipeline_version":${pipelineVersion},"request_id":${JSON.stringify(requestId)},"elapsed":[${elapsed}]${cached},` +
    `"last_model":${lastModelText(route, pipeline)}${routed}${timingText(result)}}}`
  )
}

/** The JSON of `last_model` when every row took the route `label`; null: no row was routed. */
export function lastModelJson(label: string | null, pipeline: AnsweredPipeline): string {
  return JSON.stringify(lastModelOf(label, pipeline))
}

function timingText({ metadata: { timing } }: InferResult): string {
  return timing === undefined ? '' : `,"timing":${JSON.stringify(timingMetadata(timing))}`
}

/** Microseconds with the nanosecond as the last digit. */
function timingMetadata({ totalUs, sendUs, steps, stages }: InferTiming): Record<string, unknown> {
  const round = (us: number): number => Math.round(us * 1000) / 1000
  return {
    total_us: round(totalUs),
    send_us: round(sendUs),
    steps: steps.map(({ step, model, queueUs, assembleUs, runUs, scatterUs }) => ({
      step,
      model,
      queue_us: round(queueUs),
      assemble_us: round(assembleUs),
      run_us: round(runUs),
      scatter_us: round(scatterUs),
    })),
    ...(stages === undefined
      ? {}
      : { stages: stages.map(({ step, type, runUs }) => ({ step, type, run_us: round(runUs) })) }),
  }
}

/** By pipeline: the JSON of `last_model` when no row was routed. The same for every answer of a deployment. */
const unroutedModels = new WeakMap<AnsweredPipeline, string>()

function lastModelText(route: readonly string[] | null, pipeline: AnsweredPipeline): string {
  if (route !== null) {
    const [label, ...others] = new Set(route)
    return others.length > 0 || label === undefined ? 'null' : lastModelJson(label, pipeline)
  }
  let text = unroutedModels.get(pipeline)
  if (text === undefined) {
    text = lastModelJson(null, pipeline)
    unroutedModels.set(pipeline, text)
  }
  return text
}

export interface RecordsContext {
  /** The `in` of each row as JSON text, or the inputs to print it from. */
  readonly inputs: { readonly echoes: readonly string[] } | { readonly tensors: Readonly<Record<string, Tensor>> }
  /** Milliseconds of the epoch: when the request arrived. */
  readonly timeMs: number
  readonly partition: string
  /** A record a line instead of an array. */
  readonly isLines?: boolean
  /** The row of a field [n, 1] is a list of one; else its value. */
  readonly hasLists?: boolean
}

/** `[{"time","in","out","anomaly","check_failures","metadata"}, …]`, one per row, in pieces. */
export function* recordPieces(
  result: InferResult,
  pipeline: AnsweredPipeline,
  context: RecordsContext,
): Generator<Piece> {
  const failing = failingChecks(result)
  const metadataOf = recordMetadata(result, pipeline, context.partition)
  const cells = cellsOf(result.outputs, pipeline.outputs, context)
  const inputs = 'echoes' in context.inputs ? [] : cellsOf(context.inputs.tensors, pipeline.inputs, context)
  const isLines = context.isLines === true
  // Records that were stacked for a model without a row axis come apart again where its outputs have one of each.
  const stacked = pipeline.isNonBatching && 'echoes' in context.inputs ? context.inputs.echoes.length : 1
  const isApart = stacked > 1 && cells.every(({ tensor }) => tensor.shape[0] === stacked)
  const isNonBatching = pipeline.isNonBatching && !isApart
  const rows = isApart ? stacked : result.rows
  let text = isLines ? '' : '['
  for (let row = 0; row < rows; row++) {
    const checks = failing.get(isApart ? 0 : row) ?? []
    if (row > 0 && !isLines) text += ','
    text += `{"time":${context.timeMs},"in":`
    text = yield* withInputs(text, context, inputs, row, isNonBatching)
    text = yield* withCells(`${text},"out":`, cells, row, isNonBatching)
    text += `,"anomaly":${anomaly(pipeline.checks, checks)},"check_failures":${JSON.stringify(checks)},"metadata":${metadataOf(isApart ? 0 : row)}}`
    if (isLines) text += '\n'
    if (text.length < pieceCharacters) continue
    yield text
    text = ''
  }
  yield isLines ? text : `${text}]`
}

/** The same as one text. */
export function writeRecords(result: InferResult, pipeline: AnsweredPipeline, context: RecordsContext): string {
  return [...recordPieces(result, pipeline, context)].map((piece) => Buffer.from(piece as string).toString()).join('')
}

/** One FlatBuffers Message with Results; channel and request are the caller's. */
export function writeMessage(
  result: InferResult,
  pipeline: AnsweredPipeline,
  channel: number,
  request: number,
): Uint8Array {
  return encodeMessage(
    resultMessage(channel, request, pipeline, {
      rows: result.rows,
      outputs: result.outputs,
      checkFailures: result.checkFailures,
      route: result.metadata.route,
      timing: result.metadata.timing,
      cache: result.metadata.cache,
    }),
  )
}

interface Cells {
  /** As JSON. */
  readonly name: string
  readonly tensor: Tensor
  readonly isBare: boolean
}

/** Whether a row is bare follows from the declared shape: a free dim that is 1 this time would turn lists into values. */
function cellsOf(
  tensors: Readonly<Record<string, Tensor>>,
  fields: readonly TensorField[],
  { hasLists }: RecordsContext,
): readonly Cells[] {
  return Object.entries(tensors).map(([name, tensor]) => {
    const declared = fields.find((field) => field.name === name)?.shape ?? tensor.shape
    const isBare = hasLists !== true && declared.length === 2 && declared[1] === 1 && tensor.shape[1] === 1
    return { name: JSON.stringify(name), tensor, isBare }
  })
}

/** Yields `text` and what follows where it is long. @returns the text that is not yielded yet. */
function* withCells(
  text: string,
  cells: readonly Cells[],
  row: number,
  isNonBatching: boolean,
): Generator<Piece, string, undefined> {
  let rest = `${text}{`
  for (let index = 0; index < cells.length; index++) {
    const { name, tensor, isBare } = cells[index] as Cells
    rest += `${index === 0 ? '' : ','}${name}:`
    if (isNonBatching ? tensor.data.length > cellElementsMax : rowElementCount(tensor.shape) > cellElementsMax) {
      yield rest
      yield* nestedParts(isNonBatching ? tensor : rowOf(tensor, row))
      rest = ''
    } else rest += isNonBatching ? writeNested(tensor) : writeCell(tensor, row, isBare)
  }
  return `${rest}}`
}

function writeCell(tensor: Tensor, row: number, isBare: boolean): string {
  const text = writeRow(tensor, row)
  return isBare ? text.slice(1, -1) : text
}

/** Without the row axis. */
function rowOf({ dtype, shape, data }: Tensor, row: number): Tensor {
  const elements = rowElementCount(shape)
  return { dtype, shape: shape.slice(1), data: data.slice(row * elements, (row + 1) * elements) }
}

function* withInputs(
  text: string,
  { inputs }: RecordsContext,
  cells: readonly Cells[],
  row: number,
  isNonBatching: boolean,
): Generator<Piece, string, undefined> {
  if (!('echoes' in inputs)) return yield* withCells(text, cells, row, isNonBatching)
  const { echoes } = inputs
  return `${text}${isNonBatching && echoes.length > 1 ? `[${echoes.join(',')}]` : (echoes[row] ?? '{}')}`
}

/** Names of the failed checks by row; rows without one are absent. */
function failingChecks(result: InferResult): Map<number, string[]> {
  const byRow = new Map<number, string[]>()
  for (const { check, rows } of result.checkFailures) {
    for (const row of rows) {
      const names = byRow.get(row)
      if (names === undefined) byRow.set(row, [check])
      else names.push(check)
    }
  }
  return byRow
}

/** `count` is the number of failed checks; each check stands beside it with its verdict (one that is called count does not). */
function anomaly(checks: readonly string[], failed: readonly string[]): string {
  if (checks.length === 0) return '{"count":0}'
  const verdicts = checks
    .filter((check) => check !== 'count')
    .map((check) => `,${JSON.stringify(check)}:${failed.includes(check)}`)
  return `{"count":${failed.length}${verdicts.join('')}}`
}

/** The text of `metadata` by row: only the route, and the model with it, differ. */
function recordMetadata(result: InferResult, pipeline: AnsweredPipeline, partition: string): (row: number) => string {
  const { route } = result.metadata
  const textOf = (label: string | null): string => {
    const metadata = {
      last_model: route !== null && label === null ? null : lastModelOf(label, pipeline),
      ...commonMetadata(result),
      dropped: [],
      partition,
      ...(route === null ? {} : { route: label }),
    }
    return JSON.stringify(metadata)
  }
  if (route === null) {
    const text = textOf(null)
    return () => text
  }
  const texts = new Map([...new Set(route)].map((label) => [label, textOf(label)]))
  return (row) => texts.get(route[row] ?? '') ?? textOf(null)
}

function commonMetadata(result: InferResult): Record<string, unknown> {
  const { pipeline, pipelineVersion, requestId, elapsedNs, cache, timing } = result.metadata
  return {
    pipeline,
    pipeline_version: pipelineVersion,
    request_id: requestId,
    elapsed: elapsedNs.map((ns) => Math.round(ns)),
    ...(cache === undefined ? {} : { cache }),
    ...(timing === undefined ? {} : { timing: timingMetadata(timing) }),
  }
}

/**
 * Answers of the infer endpoint, in the three forms of docs/reference/http.md. Texts are put together from pieces that
 * are JSON already: tensors from tensor/print.ts (exact integers, shortest floats), records' `in` as the caller wrote it,
 * and the parts that are the same for all rows once.
 */
import type { InferResult, PipelineDescription } from '../../engine/api.js'
import { encodeMessage, resultMessage, type InferTiming } from '../../protocol/codec.js'
import { lastModelOf } from '../../results/models-text.js'
import { writeNested, writeRow } from '../../tensor/print.js'
import type { Tensor, TensorField } from '../../tensor/tensor.js'

export type AnsweredPipeline = Pick<
  PipelineDescription,
  'checks' | 'models' | 'steps' | 'routes' | 'inputs' | 'outputs' | 'isWhole'
>

/** `{"outputs":{…},"check_failures":[…],"metadata":{…}}` */
export function writeColumns(result: InferResult, pipeline: AnsweredPipeline): string {
  const { pipeline: name, pipelineVersion, requestId, elapsedNs, route } = result.metadata
  let outputs = ''
  for (const [output, tensor] of Object.entries(result.outputs)) {
    outputs += `${outputs === '' ? '' : ','}${JSON.stringify(output)}:${writeNested(tensor)}`
  }
  const failures = result.checkFailures.length === 0 ? '[]' : JSON.stringify(result.checkFailures)
  let elapsed = ''
  for (const ns of elapsedNs) elapsed += `${elapsed === '' ? '' : ','}${Math.round(ns)}`
  const routed = route === null ? '' : `,"route":${JSON.stringify(route)}`
  return (
    `{"outputs":{${outputs}},"check_failures":${failures},"metadata":{"pipeline":${JSON.stringify(name)},` +
    `"pipeline_version":${pipelineVersion},"request_id":${JSON.stringify(requestId)},"elapsed":[${elapsed}],` +
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
function timingMetadata({ totalUs, sendUs, steps }: InferTiming): Record<string, unknown> {
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

/** `[{"time","in","out","anomaly","check_failures","metadata"}, …]`, one per row. */
export function writeRecords(result: InferResult, pipeline: AnsweredPipeline, context: RecordsContext): string {
  const failing = failingChecks(result)
  const metadataOf = recordMetadata(result, pipeline, context.partition)
  const cells = cellsOf(result.outputs, pipeline.outputs, context)
  const inputs = 'echoes' in context.inputs ? [] : cellsOf(context.inputs.tensors, pipeline.inputs, context)
  const records: string[] = []
  // Records that were stacked for a model without a row axis come apart again where its outputs have one of each.
  const stacked = pipeline.isWhole && 'echoes' in context.inputs ? context.inputs.echoes.length : 1
  const isApart = stacked > 1 && cells.every(({ tensor }) => tensor.shape[0] === stacked)
  const isWhole = pipeline.isWhole && !isApart
  for (let row = 0; row < (isApart ? stacked : result.rows); row++) {
    const checks = failing.get(isApart ? 0 : row) ?? []
    records.push(
      `{"time":${context.timeMs},"in":${writeInputs(context, inputs, row, isWhole)},"out":${writeCells(cells, row, isWhole)},` +
        `"anomaly":${anomaly(pipeline.checks, checks)},"check_failures":${JSON.stringify(checks)},"metadata":${metadataOf(isApart ? 0 : row)}}`,
    )
  }
  return context.isLines === true ? records.map((record) => `${record}\n`).join('') : `[${records.join(',')}]`
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

function writeCells(cells: readonly Cells[], row: number, isWhole: boolean): string {
  return `{${cells.map((cell) => `${cell.name}:${writeCell(cell, row, isWhole)}`).join(',')}}`
}

function writeCell({ tensor, isBare }: Cells, row: number, isWhole: boolean): string {
  if (isWhole) return writeNested(tensor)
  const text = writeRow(tensor, row)
  return isBare ? text.slice(1, -1) : text
}

function writeInputs({ inputs }: RecordsContext, cells: readonly Cells[], row: number, isWhole: boolean): string {
  if (!('echoes' in inputs)) return writeCells(cells, row, isWhole)
  const { echoes } = inputs
  return isWhole && echoes.length > 1 ? `[${echoes.join(',')}]` : (echoes[row] ?? '{}')
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
  const { pipeline, pipelineVersion, requestId, elapsedNs, timing } = result.metadata
  return {
    pipeline,
    pipeline_version: pipelineVersion,
    request_id: requestId,
    elapsed: elapsedNs.map((ns) => Math.round(ns)),
    ...(timing === undefined ? {} : { timing: timingMetadata(timing) }),
  }
}

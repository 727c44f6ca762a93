/**
 * From the addon's answer (buffers, masks, option indices) to the result that callers read. Pure.
 */
import type { Answer } from '../../../bindings/native.js'
import { timingOf } from '../../protocol/timing.js'
import { viewData } from '../../tensor/dtype.js'
import type { NumericDtype, Tensor } from '../../tensor/tensor.js'
import type { CheckFailure, InferResult } from '../api/api.js'
import type { Deployment } from '../deploy/deployment.js'
import type { AnswerLabels } from './request-options.js'

const none: readonly CheckFailure[] = []

export function resultOf(deployment: Deployment, answer: Answer, labels: AnswerLabels): InferResult {
  const outputs: Record<string, Tensor> = {}
  const fields = deployment.compiled.outputFields
  for (let i = 0; i < fields.length; i++) {
    const { name, dtype } = fields[i] as (typeof fields)[number]
    // No string reaches the addon: the dtype is numeric.
    outputs[name] = {
      dtype,
      shape: answer.shapes[i] as number[],
      data: viewData(dtype as NumericDtype, answer.outputs[i] as ArrayBuffer),
    }
  }
  return {
    rows: answer.rows,
    outputs,
    checkFailures: checkFailuresOf(deployment, answer.checkFailures),
    metadata: {
      pipeline: deployment.pipeline,
      pipelineVersion: deployment.version,
      ...labels,
      elapsedNs: numbersOf(answer.elapsedNs),
      route: routeOf(deployment, answer.routes),
      ...(answer.isCached === undefined ? {} : { cache: answer.isCached ? 'hit' : 'miss' }),
      ...(answer.timing === null ? {} : { timing: timingOf(answer.timing.values, answer.timing.models) }),
    },
    ...(answer.others === null ? {} : { others: othersOf(deployment, answer.others) }),
  }
}

/** By model: its outputs, or null when one of them is not there. */
function othersOf(
  { compiled }: Deployment,
  { data, shapes }: NonNullable<Answer['others']>,
): NonNullable<InferResult['others']> {
  let next = 0
  return Object.fromEntries(
    compiled.audited.map(({ label, tensors }) => {
      const outputs: Record<string, Tensor> = {}
      let isWhole = true
      for (const { field } of tensors) {
        const [buffer, shape] = [data[next], shapes[next]]
        next++
        if (buffer == null || shape == null) isWhole = false
        else outputs[field.name] = { dtype: field.dtype, shape, data: viewData(field.dtype as NumericDtype, buffer) }
      }
      return [label, isWhole ? outputs : null] as const
    }),
  )
}

/** The checks that failed, each with its rows. @param masks bit c of element r: check c failed on row r. */
export function checkFailuresOf(deployment: Deployment, masks: BigUint64Array | null): readonly CheckFailure[] {
  let union = 0n
  if (masks !== null) for (const mask of masks) union |= mask
  if (union === 0n || masks === null) return none
  const failures: CheckFailure[] = []
  deployment.compiled.checks.forEach((check, index) => {
    const bit = 1n << BigInt(index)
    if ((union & bit) === 0n) return
    const rows: number[] = []
    for (let row = 0; row < masks.length; row++) if (((masks[row] as bigint) & bit) !== 0n) rows.push(row)
    failures.push({ check: check.name, rows })
  })
  return failures
}

/** The model that answered each row of the last split. */
export function routeOf(deployment: Deployment, routes: Uint16Array | null): readonly string[] | null {
  if (routes === null) return null
  return Array.from(routes, (option) => deployment.compiled.routes[option] ?? '')
}

/** A loop, for Array.from walks a typed array through its iterator, which shows in every answer. */
function numbersOf(values: Float64Array): number[] {
  const numbers: number[] = []
  for (let i = 0; i < values.length; i++) numbers.push(values[i] as number)
  return numbers
}

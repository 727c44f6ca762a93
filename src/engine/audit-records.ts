/**
 * From a settled request to the row of the log: reads the request's inputs, answer and audited outputs back from the
 * batches in which they still lie. Runs on the engine's thread after the answer was sent, so it costs throughput of
 * audited pipelines, never the latency of the request itself.
 */
import { addon } from '../../bindings/native.js'
import type { PortHandle, SourceSpec } from '../../bindings/native.js'
import { viewData } from '../tensor/dtype.js'
import type { NumericDtype, Tensor, TensorField } from '../tensor/tensor.js'
import { checkFailuresOf, routeOf } from './answers.js'
import type { AuditRecord } from './api.js'
import type { Deployment } from './deployment.js'

/** @param request a settled request that is not released. */
export function readAuditRecord(
  port: PortHandle,
  request: number,
  deployment: Deployment,
  requestId: string,
  timeMs: number,
): AuditRecord {
  const { compiled } = deployment
  const record = addon.readRecord(port, request)
  const readAll = (fields: readonly TensorField[], sources: readonly SourceSpec[]): Record<string, Tensor> | null => {
    const tensors: Record<string, Tensor> = {}
    for (let i = 0; i < fields.length; i++) {
      const { name, dtype } = fields[i] as TensorField
      const value = addon.readSource(port, request, sources[i] as SourceSpec)
      if (value === null) return null
      tensors[name] = { dtype, shape: value.shape, data: viewData(dtype as NumericDtype, value.data) }
    }
    return tensors
  }
  const audited: Record<string, Record<string, Tensor> | null> = {}
  for (const { label, tensors } of compiled.audited) {
    audited[label] = readAll(
      tensors.map(({ field }) => field),
      tensors.map(({ source }) => source),
    )
  }
  return {
    timeMs,
    pipeline: deployment.pipeline,
    pipelineVersion: deployment.version,
    requestId,
    rows: record.rows,
    inputs: readAll(compiled.inputFields, compiled.inputSources) ?? {},
    outputs: readAll(compiled.outputFields, compiled.answer) ?? {},
    audited,
    checkFailures: checkFailuresOf(deployment, record.checkFailures),
    route: routeOf(deployment, record.routes),
  }
}

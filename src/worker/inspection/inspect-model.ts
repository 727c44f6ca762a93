/**
 * Looks at an uploaded model: is it one we can serve, what are its fields, and may requests share its batches?
 *
 * What a file declares is not trusted. Exporters leave output shapes out or write them wrong, and a free first dim says
 * nothing about whether rows are independent (a model may normalise over the batch). So the graph is read and the model is
 * run: row-trial/decide-batching.ts says how that decides, and what cannot be shown runs request by request: slower, never
 * wrong. Memory for an output is given to ONNX Runtime only where a run was seen to write it (written-outputs.ts).
 *
 *     rows that are proven independent ──── rows
 *     first dim fixed at 1 everywhere ───── row
 *     otherwise ─────────────────────────── whole, the reason in `remark`
 *
 * Pure but for the session it is given. Process: that of inspections (inspection-process.ts).
 */
import type { InferenceSession } from 'onnxruntime-node'
import type { ModelSignature } from '../../engine/api/api.js'
import type { OnnxModel } from '../../onnx/index.js'
import { declaredFields, UnservableModel, type DeclaredField } from './declared-fields.js'
import { withHints } from './hinted-inputs.js'
import { decideBatching, overridden, type BatchingOverride } from './row-trial/decide-batching.js'
import { feedsOf } from './row-trial/run-rows.js'
import { findUnwritten } from './row-trial/written-outputs.js'
import { runTrial, type ObservedOutput, type Trial } from './trial-run.js'

export type InspectedSignature = ModelSignature

export interface InspectionOptions {
  /** The graph of the session's file; null: it cannot be read. */
  readonly model: OnnxModel | null
  readonly override?: BatchingOverride | undefined
  readonly nowMs: () => number
}

/** @throws UnservableModel with a sentence that says why and what to do. */
export async function inspectSession(
  session: InferenceSession,
  options: InspectionOptions,
): Promise<InspectedSignature> {
  const { model, override, nowMs } = options
  const declared = declaredFields('input', session.inputMetadata)
  const inputs = model === null ? declared : withHints(declared, model)
  const outputs = declaredFields('output', session.outputMetadata)
  if (inputs.length === 0) throw new UnservableModel('Expected the model to have at least one input but it has none')
  if (outputs.length === 0) throw new UnservableModel('Expected the model to have at least one output but it has none')
  const trial = await runTrial(session, inputs, nowMs)
  const decided = await decideBatching({ session, inputs, outputs, trial, model, nowMs })
  const decision = override === undefined ? decided : overridden(decided, override)
  if (override !== undefined && decision.overrideFault !== '')
    throw new UnservableModel(
      `Expected its rows to be able to share batches, as asked, but ${decision.overrideFault}. Add it without that`,
    )
  const { batching, remark, proof, rowDims } = decision
  // Sizes that only a free dim of an input made are no promise.
  const hasFreeInner = inputs.some(({ dims }) => dims.some((dim, axis) => axis > 0 && typeof dim === 'string'))
  const copied = await copiedOutputsOf(session, trial, model)
  return {
    inputs: inputs.map((field) => ({ name: field.name, dtype: field.dtype, shape: shapeOf(field) })),
    outputs: outputs.map((field, index) => {
      const proven = hasFreeInner || rowDims?.[index]?.includes(0) === true ? null : (rowDims?.[index] ?? null)
      const seen = shapeOf(refineOutput(field, trial, index))
      // What the graph leaves open, the file may say, and the first runs have met it.
      const isAlike = proven !== null && seen.length === proven.length + 1
      const shape =
        proven === null
          ? seen
          : [null, ...proven.map((dim, axis) => dim ?? (isAlike ? (seen[axis + 1] ?? null) : null))]
      // The first dim of a field of `rows` is the row axis, whatever the file declares.
      return { name: field.name, dtype: field.dtype, shape: batching === 'rows' ? [null, ...shape.slice(1)] : shape }
    }),
    batching,
    remark,
    ...(copied.length === 0 ? {} : { copiedOutputs: copied }),
    batchingProof: proof,
  }
}

function shapeOf(field: DeclaredField): (number | null)[] {
  return field.dims.map((dim) => (typeof dim === 'number' ? dim : null))
}

/** All outputs of a model that ran nothing or runs for long: its writes were not seen, or cost too much to see. */
async function copiedOutputsOf(session: InferenceSession, trial: Trial, model: OnnxModel | null): Promise<string[]> {
  const expected = trial.runs.at(-1)
  if (expected === undefined || trial.slowMs > 0) return [...session.outputNames]
  return findUnwritten(session, feedsOf(trial.inputs, trial.rows), expected, model)
}

/** Corrects a declared output by what was seen: files without output shapes are common, and some declare wrong ones. */
function refineOutput(field: DeclaredField, trial: Trial, index: number): DeclaredField {
  const seen = trial.runs.map((run) => (run[index] as ObservedOutput).dims)
  const first = seen[0]
  if (first === undefined) return field
  const fits = seen.every(
    (dims) =>
      dims.length === field.dims.length &&
      dims.every((dim, axis) => field.dims[axis] === dim || typeof field.dims[axis] === 'string'),
  )
  if (fits) return field
  // What was seen once is no promise: only the first dims may be pinned, by the batching mode; the rest stays free.
  return {
    ...field,
    dims: first.map((_dim, axis) =>
      typeof field.dims[axis] === 'number' && seen.every((dims) => dims[axis] === field.dims[axis])
        ? field.dims[axis]
        : 'unknown',
    ),
  }
}

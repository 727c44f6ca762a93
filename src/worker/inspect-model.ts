/**
 * Looks at an uploaded model: is it one we can serve, what are its fields, and may requests share its batches?
 *
 * What a file declares is not trusted. Exporters leave output shapes out or write them wrong, and a free first dim says
 * nothing about whether rows are independent (a model may normalise over the batch). So the model is run on 1, 2 and 3
 * rows of seeded random data: batches are allowed only when every output has as many rows as went in and each row is
 * what it is alone. When that cannot be shown, requests run one by one (`whole`): slower, never wrong.
 *
 *     all inputs and outputs have a free first dim, trial passes ── rows
 *     first dim fixed at 1 everywhere ───────────────────────────── row
 *     otherwise ─────────────────────────────────────────────────── whole, the reason in `remark`
 *
 * Pure but for the session it is given. Thread: a throwaway one (inspection-worker.ts).
 */
import type { InferenceSession } from 'onnxruntime-node'
import { dtypeOfOrt } from '../tensor/dtype.js'
import type { ModelOutput } from '../engine/api.js'
import type { TensorField } from '../tensor/tensor.js'
import { runTrial, type ObservedOutput, type Trial } from './trial-run.js'

/** A field as declared: dims are sizes, or symbols that tie free dims together. */
export interface DeclaredField {
  readonly name: string
  readonly dtype: TensorField['dtype']
  readonly dims: readonly (number | string)[]
}

export interface InspectedSignature {
  readonly inputs: readonly TensorField[]
  readonly outputs: readonly ModelOutput[]
  readonly batching: 'rows' | 'row' | 'whole'
  readonly remark: string
}

/** A refusal: the sentence goes to the caller as it is. */
export class UnservableModel extends Error {}

/** @throws UnservableModel with a sentence that says why and what to do. */
export async function inspectSession(session: InferenceSession): Promise<InspectedSignature> {
  const inputs = declaredFields('input', session.inputMetadata)
  const outputs = declaredFields('output', session.outputMetadata)
  if (inputs.length === 0) throw new UnservableModel('Expected the model to have at least one input but it has none')
  if (outputs.length === 0) throw new UnservableModel('Expected the model to have at least one output but it has none')
  const trial = await runTrial(session, inputs)
  const refined = outputs.map((field, index) => refineOutput(field, trial, index))
  const { batching, remark } = decideBatching(inputs, outputs, trial)
  // The first dim of a field of `rows` is the row axis, whatever the file declares.
  const shapeOf = (field: DeclaredField): (number | null)[] =>
    field.dims.map((dim) => (typeof dim === 'number' ? dim : null))
  return {
    inputs: inputs.map((field) => ({ name: field.name, dtype: field.dtype, shape: shapeOf(field) })),
    outputs: refined.map((field) => ({
      name: field.name,
      dtype: field.dtype,
      shape: batching === 'rows' ? [null, ...shapeOf(field).slice(1)] : shapeOf(field),
    })),
    batching,
    remark,
  }
}

/** @throws UnservableModel for a field that is no tensor of a served dtype. */
export function declaredFields(
  side: 'input' | 'output',
  fields: readonly InferenceSession.ValueMetadata[],
): DeclaredField[] {
  return fields.map((field) => declaredField(side, field))
}

function declaredField(side: 'input' | 'output', field: InferenceSession.ValueMetadata): DeclaredField {
  if (!field.isTensor) {
    throw new UnservableModel(
      `Expected ${side} ${field.name} to be a tensor but it is a sequence, a map or an optional value. ` +
        (side === 'input'
          ? 'Give the model tensors as inputs: convert again with tensor types, and make sequences of them inside the graph'
          : 'Only a ZipMap or a SequenceConstruct at the end of the graph is cut off when a model is added. End the graph before the node that makes it, for example with `onnx.utils.extract_model`'),
    )
  }
  const dtype = dtypeOfOrt(field.type)
  if (dtype === undefined) {
    throw new UnservableModel(
      `Expected ${side} ${field.name} to be of a dtype that Penstock serves but it is ${field.type}. Cast it inside the model`,
    )
  }
  return { name: field.name, dtype, dims: [...field.shape] }
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

function decideBatching(
  inputs: readonly DeclaredField[],
  outputs: readonly DeclaredField[],
  trial: Trial,
): Pick<InspectedSignature, 'batching' | 'remark'> {
  const whole = (remark: string): Pick<InspectedSignature, 'batching' | 'remark'> => ({ batching: 'whole', remark })
  const isFreeEverywhere = inputs.every((field) => typeof field.dims[0] === 'string')
  if (inputs.every((field) => field.dims[0] === 1)) {
    const isRow =
      trial.runs.length > 0
        ? (trial.runs[0] as readonly ObservedOutput[]).every((output) => output.dims[0] === 1)
        : outputs.every((field) => field.dims[0] === 1)
    return isRow
      ? {
          batching: 'row',
          remark: 'The first dim is fixed at 1: rows run one by one. Export with a free first dim to share batches.',
        }
      : whole(
          'The first dim of the inputs is fixed at 1 but the outputs do not have one row: each request runs alone, tensors as they are.',
        )
  }
  if (!isFreeEverywhere) {
    const pinned = inputs.find((field) => typeof field.dims[0] !== 'string') as DeclaredField
    return whole(
      pinned.dims.length === 0
        ? `Input ${pinned.name} is a scalar, without rows: each request runs alone, tensors as they are.`
        : `The first dim of input ${pinned.name} is fixed at ${pinned.dims[0] as number}: each request runs alone, tensors as they are.`,
    )
  }
  if (trial.refusal !== '') {
    return whole(
      `Not tried in batches, because ONNX Runtime refused the trial run (${trial.refusal}): each request runs alone, tensors as they are.`,
    )
  }
  if (trial.difference !== '') return whole(`${trial.difference}: each request runs alone, tensors as they are.`)
  const isText = [...inputs, ...outputs].some((field) => field.dtype === 'string')
  return {
    batching: 'rows',
    remark: isText ? 'String tensors take the plain path: requests do not share batches.' : '',
  }
}

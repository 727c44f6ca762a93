/**
 * What the process of inspections does with an upload: it opens the uploaded bytes as a session, so that a model which is slow to
 * load or to run costs the serving workers nothing. Answers with plain data; refusals are sentences, not exceptions,
 * because an exception would arrive without its class.
 */
import { createHash } from 'node:crypto'
import type { InferenceSession } from 'onnxruntime-node'
import { monotonicMs } from '../../base/clock.js'
import { isPenstockError } from '../../base/errors.js'
import { takeUpload, versionRefusal, type OnnxModel, type TakenUpload, type Upload } from '../../onnx/index.js'
import { UnservableModel } from './declared-fields.js'
import { inspectSession, type InspectedSignature } from './inspect-model.js'
import { createSession } from '../sessions/node-runner.js'
import { runtimeReason } from '../sessions/runtime-reason.js'
import type { BatchingOverride } from './row-trial/decide-batching.js'
import { defaultSessionSettings } from '../sessions/session-options.js'

export type InspectionReply =
  | { readonly isServable: true; readonly inspected: InspectedUpload }
  | { readonly isServable: false; readonly reason: string }

export interface InspectedUpload {
  readonly signature: InspectedSignature
  /** SHA-256 of the bytes that are to be served, hex. */
  readonly sha256: string
  /** What is to be served, where that is not what was sent. */
  readonly served: { readonly bytes: Uint8Array; readonly changes: readonly string[]; readonly sha256: string } | null
}

export interface InspectionTask {
  readonly upload: Upload
  /** Absent: what is found decides. */
  readonly override?: BatchingOverride | undefined
}

export default async function inspect({ upload, override }: InspectionTask): Promise<InspectionReply> {
  let taken: TakenUpload | undefined
  let session: InferenceSession | undefined
  try {
    taken = takeUpload(upload)
    session = await createSession(taken.bytes, defaultSessionSettings)
    const signature = annotated(
      await inspectSession(session, { model: taken.model, override, nowMs: monotonicMs }),
      taken,
    )
    return {
      isServable: true,
      inspected: { signature, sha256: sha256Of(taken.bytes), served: servedOf(upload, taken) },
    }
  } catch (error) {
    if (error instanceof UnservableModel || (isPenstockError(error) && error.code === 'ERR_MODEL_INVALID'))
      return { isServable: false, reason: error.message }
    if (session !== undefined || taken === undefined) throw error
    return { isServable: false, reason: refusalOf(runtimeReason(error), taken.model) }
  } finally {
    await session?.release()
  }
}

/** With what the upload says of the fields: names of classes, defaults. */
function annotated(signature: InspectedSignature, { classes, defaults }: TakenUpload): InspectedSignature {
  const outputs = signature.outputs.map((field) => {
    const labels = classes.get(field.name)
    return labels === undefined ? field : { ...field, classes: labels }
  })
  const inputs = signature.inputs.map((field) => {
    const value = defaults.get(field.name)
    return value === undefined ? field : { ...field, default: value }
  })
  return { ...signature, inputs, outputs }
}

const sha256Of = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

function servedOf(upload: Upload, { bytes, changes }: TakenUpload): InspectedUpload['served'] {
  if (bytes === upload.bytes) return null
  return { bytes, changes, sha256: sha256Of(upload.bytes) }
}

/** ONNX Runtime's reason, and the way out where the cause is a common one. */
function refusalOf(reason: string, model: OnnxModel): string {
  const versions = versionRefusal(model)
  if (versions !== '') return versions
  const locale = /Failed to construct locale with name:\s*([\w.@-]+)/.exec(reason)?.[1]
  if (locale !== undefined)
    return (
      `Its text operators need the locale ${locale}, which this system does not have. Install it (Debian and Ubuntu: ` +
      `\`apt-get install locales && localedef -i ${locale.split('.')[0] ?? ''} -f UTF-8 ${locale}\`; Penstock's image has en_US.UTF-8) ` +
      'and start the server again, or convert the model without one: skl2onnx takes `options={TfidfVectorizer: {"locale": "C"}}`'
    )
  if (/protobuf parsing failed/.test(reason)) return `Expected an ONNX file but ONNX Runtime cannot read it: ${reason}`
  if (/Unsupported data type: 16/.test(reason))
    return "An input or output is bfloat16, which ONNX Runtime's JavaScript API does not carry. Cast it to float32 inside the model"
  if (/Unsupported data type/.test(reason))
    return `An input or output is of a dtype that ONNX Runtime's JavaScript API does not carry (${reason}). Cast it inside the model`
  return `ONNX Runtime cannot load it: ${reason}`
}

/**
 * The throwaway thread of an inspection: it opens the uploaded bytes as a session, so that a model which is slow to
 * load or to run costs the serving workers nothing. Answers with plain data; refusals are sentences, not exceptions,
 * because an exception would arrive without its class.
 */
import { inspectSession, UnservableModel, type InspectedSignature } from './inspect-model.js'
import { createSession } from './model-session.js'
import { runtimeReason } from './ort-tensor.js'
import { defaultSessionSettings } from './session-options.js'

export type InspectionReply =
  | { readonly isServable: true; readonly signature: InspectedSignature }
  | { readonly isServable: false; readonly reason: string }

export default async function inspect(bytes: Uint8Array): Promise<InspectionReply> {
  let session
  try {
    session = await createSession(bytes, defaultSessionSettings)
  } catch (error) {
    return { isServable: false, reason: refusalOf(runtimeReason(error), bytes) }
  }
  try {
    return { isServable: true, signature: await inspectSession(session) }
  } catch (error) {
    if (error instanceof UnservableModel) return { isServable: false, reason: error.message }
    throw error
  } finally {
    await session.release()
  }
}

/** ONNX Runtime's reason, and the way out where the cause is a common one. */
function refusalOf(reason: string, bytes: Uint8Array): string {
  if (/protobuf parsing failed|Model data pointer/.test(reason))
    return `Expected an ONNX file but received ${describeBytes(bytes)} (ONNX Runtime: ${reason})`
  if (/Unsupported data type: 16/.test(reason))
    return "An input or output is bfloat16, which ONNX Runtime's JavaScript API does not carry. Cast it to float32 inside the model"
  if (/Unsupported data type/.test(reason))
    return `An input or output is of a dtype that ONNX Runtime's JavaScript API does not carry (${reason}). Cast it inside the model`
  if (/external|model_path must not be empty/i.test(reason)) {
    // Its own words name paths of this machine: not for a caller.
    const tensor = /initializer: (\S+?)\. /.exec(reason)?.[1]
    return (
      `The weights${tensor === undefined ? '' : ` (tensor ${tensor})`} lie in another file. Save the model as one file, ` +
      'for example `onnx.save(model, path, save_as_external_data=False)`'
    )
  }
  return `ONNX Runtime cannot load it: ${reason}`
}

function describeBytes(bytes: Uint8Array): string {
  if (bytes.length === 0) return 'no bytes'
  if (bytes[0] === 0x50 && bytes[1] === 0x4b)
    return 'a ZIP archive, such as a PyTorch checkpoint. Export it with torch.onnx.export'
  if (bytes[0] === 0x80 && (bytes[1] ?? 0) <= 5) return 'a Python pickle. Convert it with skl2onnx or torch.onnx.export'
  return `${bytes.length} bytes that are none`
}

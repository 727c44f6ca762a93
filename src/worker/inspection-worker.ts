/**
 * The throwaway thread of an inspection: it opens the uploaded bytes as a session, so that a model which is slow to
 * load or to run costs the serving workers nothing. Answers with plain data; refusals are sentences, not exceptions,
 * because an exception would arrive without its class.
 */
import { inspectSession, UnservableModel, type InspectedSignature } from './inspect-model.js'
import { createSession } from './model-session.js'
import { runtimeReason } from './ort-tensor.js'
import { defaultSessionSettings } from './session-options.js'
import { vetModel } from './vet-model.js'

export type InspectionReply =
  | { readonly isServable: true; readonly signature: InspectedSignature }
  | { readonly isServable: false; readonly reason: string }

export default async function inspect(bytes: Uint8Array): Promise<InspectionReply> {
  let session
  try {
    vetModel(bytes)
    session = await createSession(bytes, defaultSessionSettings)
  } catch (error) {
    return {
      isServable: false,
      reason: error instanceof UnservableModel ? error.message : refusalOf(runtimeReason(error)),
    }
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
function refusalOf(reason: string): string {
  if (/protobuf parsing failed/.test(reason)) return `Expected an ONNX file but ONNX Runtime cannot read it: ${reason}`
  if (/Unsupported data type: 16/.test(reason))
    return "An input or output is bfloat16, which ONNX Runtime's JavaScript API does not carry. Cast it to float32 inside the model"
  if (/Unsupported data type/.test(reason))
    return `An input or output is of a dtype that ONNX Runtime's JavaScript API does not carry (${reason}). Cast it inside the model`
  return `ONNX Runtime cannot load it: ${reason}`
}

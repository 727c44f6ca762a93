/**
 * The throwaway thread of a preparation (prepare-model.ts): its isolate and ONNX Runtime's buffers go with it, so that
 * what it needed at its peak does not stay. Refusals are sentences, because an exception would arrive without its class.
 */
import { runtimeReason } from '../sessions/runtime-reason.js'
import { prepareModel } from './prepare-model.js'

export interface PreparationTask {
  readonly source: string
  readonly directory: string
}

export type PreparationReply =
  { readonly isDone: true; readonly remark: string } | { readonly isDone: false; readonly reason: string }

export default async function prepare({ source, directory }: PreparationTask): Promise<PreparationReply> {
  try {
    return { isDone: true, remark: await prepareModel(source, directory) }
  } catch (error) {
    return { isDone: false, reason: runtimeReason(error) }
  }
}

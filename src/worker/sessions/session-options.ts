/**
 * The one place where ONNX Runtime sessions get their options, for workers and for the inspection of uploads alike.
 *
 * Which settings a model gets is the engine's choice (engine/run-plan.ts); here they become ONNX Runtime's. A pool that
 * spins stops with its run: between runs it would burn the very cores that the other workers need. ONNX Runtime's own
 * log is silenced below `fatal`, because every refusal reaches the caller as an error with its text.
 */
import type { InferenceSession } from 'onnxruntime-node'
import type { ExecutionProvider } from '../../base/providers.js'

/** Plain data: travels to the workers inside a job. */
export interface SessionSettings {
  /** Threads inside one run, 1..256. */
  readonly intraOpThreads: number
  /** True: threads of the intra-op pool poll for work instead of sleeping. */
  readonly spinning: boolean
  /** In order of preference: the first that can be used runs the model. */
  readonly executionProviders: readonly ExecutionProvider[]
  /** The GPU, for `cuda`. */
  readonly deviceId: number
}

export const defaultSessionSettings: SessionSettings = {
  intraOpThreads: 1,
  spinning: false,
  executionProviders: ['cpu'],
  deviceId: 0,
}

const LOG_FATAL = 4

export interface SessionForm {
  /** The file was optimised when it was prepared: optimising it again could only undo its layouts. */
  readonly isPrepared: boolean
}

/** Options for `InferenceSession.create`. */
export function sessionOptions(
  settings: SessionSettings,
  form: SessionForm = { isPrepared: false },
): InferenceSession.SessionOptions {
  return {
    executionProviders: settings.executionProviders.map((name) =>
      name === 'cuda' ? { name, deviceId: settings.deviceId } : name,
    ),
    intraOpNumThreads: settings.intraOpThreads,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    graphOptimizationLevel: form.isPrepared ? 'disabled' : 'all',
    logSeverityLevel: LOG_FATAL,
    extra: { session: { intra_op: { allow_spinning: settings.spinning ? '1' : '0' }, force_spinning_stop: '1' } },
  }
}

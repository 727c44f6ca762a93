/** What models are run by: an ONNX Runtime session, or what stands in its place. */
import type { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node'

export interface RunnableSession {
  readonly inputNames: readonly string[]
  readonly outputNames: readonly string[]
  readonly inputMetadata: readonly InferenceSession.ValueMetadata[]
  readonly outputMetadata: readonly InferenceSession.ValueMetadata[]
  /** @param fetches tensors that results are written into; null: a new one is made. */
  run(
    feeds: Readonly<Record<string, OrtTensor>>,
    fetches?: Readonly<Record<string, OrtTensor | null>>,
  ): Promise<Readonly<Record<string, unknown>>>
  release(): Promise<void>
}

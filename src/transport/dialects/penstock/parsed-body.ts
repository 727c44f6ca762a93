/** An infer body once it is read, whatever its kind: what infer-body.ts makes and table-answer.ts answers from. */
import type { InferRequest } from '../../../engine/api/api.js'
import type { ArrowBody } from '../../../formats/ipc/read-arrow.js'
import type { Tensor } from '../../../tensor/tensor.js'
import type { AnswerForm } from '../../http/media-types.js'

/** What the kinds of body have in common once they are read. */
export interface ParsedBody {
  readonly request: Omit<InferRequest, 'inputs' | 'signal'> & { readonly inputs: Readonly<Record<string, Tensor>> }
  readonly form: AnswerForm
  /** The text of each record; null: the body has none. */
  readonly echoes: readonly string[] | null
  /** An Arrow body and its columns that are no inputs; null: the body is no table. */
  readonly arrow: { readonly body: ArrowBody; readonly extras: readonly number[] } | null
  /** Memory that was made for it beside the body, of which tensors and columns may be views. */
  readonly made: Uint8Array | null
  /** An Infer message has these two, which Results repeat; 0 elsewhere. */
  readonly channel: number
  readonly id: number
}

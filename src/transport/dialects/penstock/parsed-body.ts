/** An infer body once it is read, whatever its kind: what infer-body.ts makes and table-answer.ts answers from. */
import type { InferRequest } from '../../../engine/api/api.js'
import type { ArrowBody } from '../../../formats/ipc/read-arrow.js'
import type { Tensor } from '../../../tensor/tensor.js'
import type { AnswerForm } from '../../http/media-types.js'

/** What the kinds of body have in common once they are read. */
export interface ParsedBody {
  readonly request: Omit<InferRequest, 'inputs' | 'signal'> & { readonly inputs: Readonly<Record<string, Tensor>> }
  readonly form: AnswerForm
  /** Records only: the text of each. */
  readonly echoes: readonly string[] | null
  /** Arrow only: the body and its columns that are no inputs. */
  readonly arrow: { readonly body: ArrowBody; readonly extras: readonly number[] } | null
  /** Memory that was made for it beside the body, of which tensors and columns may be views. */
  readonly made: Uint8Array | null
  /** An Infer message's channel and id, which its Results repeat. */
  readonly channel: number
  readonly id: number
}

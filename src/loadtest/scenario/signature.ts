/** What a pipeline, or a model of another server, takes and gives, as far as requests are drawn and answers checked by it. */
import type { TensorField } from '../../tensor/tensor.js'

export interface Signature {
  readonly inputs: readonly TensorField[]
  readonly outputs: readonly TensorField[]
  /** True: tensors carry no row axis. */
  readonly isNonBatching: boolean
  /** Rows of one request at most. */
  readonly rowsMax: number
  /** The pipeline chooses among models, so that without a routing key answers may differ from call to call. */
  readonly isSplit: boolean
}

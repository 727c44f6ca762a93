/**
 * An InferMany message as the Infer messages that it stands for: for channels whose requests are read one by one, those
 * with string tensors and with columns. A copy of the data, for in an Infer a request's inputs lie behind each other.
 */
import { Priority as PriorityNumber } from '../base/generated/boundary.js'
import { PenstockError } from '../base/errors.js'
import { dtypeInfo } from '../tensor/dtype.js'
import type { TensorField } from '../tensor/tensor.js'
import type { InferManyMessage, InferMessage } from './messages.js'

/**
 * @param inputs of the channel; texts and free dims have no place in an InferMany.
 * @throws PenstockError ERR_SHAPE when an input has free dims beyond the row axis, or the data is not what the rows take;
 *   ERR_ARGUMENT for a string input, or a priority that is none.
 */
export function splitMany(
  message: InferManyMessage,
  { inputs, isNonBatching }: { readonly inputs: readonly TensorField[]; readonly isNonBatching: boolean },
): InferMessage[] {
  const { requests, rows, data } = message
  const rowBytes = inputs.map((field) => rowBytesOf(field, isNonBatching))
  const bytesOfRow = rowBytes.reduce((sum, bytes) => sum + bytes, 0)
  let rowsInAll = 0
  for (let index = 0; index < requests.length; index++) rowsInAll += rows?.[index] ?? 1
  if (bytesOfRow * rowsInAll !== data.length)
    throw new PenstockError(
      'ERR_SHAPE',
      `Expected data of ${rowsInAll} rows to have ${bytesOfRow * rowsInAll} bytes but received ${data.length}`,
    )
  const messages: InferMessage[] = []
  let rowStart = 0
  for (let index = 0; index < requests.length; index++) {
    const count = rows?.[index] ?? 1
    messages.push({
      kind: 'infer',
      channel: message.channel,
      request: requests[index] ?? 0,
      rows: count,
      data: rowsOf(data, rowBytes, rowsInAll, rowStart, count),
      dims: null,
      meta: null,
      deadlineMs: message.deadlinesMs?.[index] ?? 0,
      priority: priorityOf(message.priorities?.[index] ?? 0),
      texts: null,
      requestId: message.requestIds?.[index] === 1,
    })
    rowStart += count
  }
  return messages
}

function rowBytesOf({ name, dtype, shape }: TensorField, isNonBatching: boolean): number {
  if (dtype === 'string')
    throw new PenstockError('ERR_ARGUMENT', `Expected no string input but ${name} is one. Send each request as Infer`)
  const dims = isNonBatching ? shape : shape.slice(1)
  return dims.reduce<number>((product, dim) => {
    if (dim === null)
      throw new PenstockError('ERR_SHAPE', `Expected no free dims but ${name} has one. Send each request as Infer`)
    return product * dim
  }, dtypeInfo(dtype).sizeBytes)
}

function rowsOf(data: Uint8Array, rowBytes: readonly number[], rowsInAll: number, start: number, count: number) {
  const bytes = new Uint8Array(count * rowBytes.reduce((sum, each) => sum + each, 0))
  let from = 0
  let to = 0
  for (const each of rowBytes) {
    bytes.set(data.subarray(from + start * each, from + (start + count) * each), to)
    from += rowsInAll * each
    to += count * each
  }
  return bytes
}

function priorityOf(priority: number): InferMessage['priority'] {
  if (priority > PriorityNumber.background)
    throw new PenstockError('ERR_ARGUMENT', `Expected priority to be 0 or 1 but received ${priority}`)
  return priority === PriorityNumber.background ? 'background' : 'interactive'
}

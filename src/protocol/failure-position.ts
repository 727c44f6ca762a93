/** Where a Failure message keeps its request: for senders of the same one to many requests. */
import type { ByteBuffer } from 'flatbuffers'
import { Failure } from './generated/failure.js'
import { Message } from './generated/message.js'

/** Vtable slot of `request`: penstock.fbs, table Failure, its second field. */
const requestSlot = 6

/** @param buffer of one Failure whose request is not 0. @returns bytes from its start. */
export function requestPositionOfFailure(buffer: ByteBuffer): number {
  const failure = Message.getRootAsMessage(buffer).body(new Failure()) as Failure
  return failure.bb_pos + buffer.__offset(failure.bb_pos, requestSlot)
}

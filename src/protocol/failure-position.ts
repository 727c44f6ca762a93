/** Where a Failure message keeps its channel and its request: for senders of the same one to many requests. */
import type { ByteBuffer } from 'flatbuffers'
import { Failure } from './generated/failure.js'
import { Message } from './generated/message.js'

/** Vtable slots: penstock.fbs, table Failure, its first and second field. */
const channelSlot = 4
const requestSlot = 6

/** @param buffer of one Failure whose channel and request are not 0. @returns bytes from its start. */
export function positionsInFailure(buffer: ByteBuffer): { readonly channel: number; readonly request: number } {
  const failure = Message.getRootAsMessage(buffer).body(new Failure()) as Failure
  const at = (slot: number): number => failure.bb_pos + buffer.__offset(failure.bb_pos, slot)
  return { channel: at(channelSlot), request: at(requestSlot) }
}

/** The head that frames of requests have in common: a Message, the vtable of its body, and where the body's channel and data are. */
import { FLATBUFFER_ROOT_BYTES } from '../base/generated/boundary.js'
import type { Body } from './generated/body.js'

const MESSAGE_VTABLE = FLATBUFFER_ROOT_BYTES
const MESSAGE = 12
const BODY_VTABLE = 24

/** Where a body lies, in bytes: `table` and `dataLength` from the start of the frame, `fields` from the table. */
export interface BodyLayout<Field extends string> {
  readonly type: Body
  readonly table: number
  readonly tableBytes: number
  readonly vtableBytes: number
  readonly slots: Readonly<Record<Field, number>>
  readonly fields: Readonly<Record<Field | 'channel' | 'data', number>>
  readonly dataLength: number
}

export function writeMessageHead<Field extends string>(
  view: DataView,
  { type, table, tableBytes, vtableBytes, slots, fields, dataLength }: BodyLayout<Field>,
  channel: number,
): void {
  view.setUint32(0, MESSAGE, true)
  view.setUint16(MESSAGE_VTABLE, 8, true)
  view.setUint16(MESSAGE_VTABLE + 2, 12, true)
  view.setUint16(MESSAGE_VTABLE + 4, 8, true) // body_type
  view.setUint16(MESSAGE_VTABLE + 6, 4, true) // body
  view.setInt32(MESSAGE, MESSAGE - MESSAGE_VTABLE, true)
  view.setUint32(MESSAGE + 4, table - (MESSAGE + 4), true)
  view.setUint8(MESSAGE + 8, type)
  view.setUint16(BODY_VTABLE, vtableBytes, true)
  view.setUint16(BODY_VTABLE + 2, tableBytes, true)
  for (const name of Object.keys(slots) as Field[])
    view.setUint16(BODY_VTABLE + 4 + 2 * slots[name], fields[name], true)
  view.setInt32(table, table - BODY_VTABLE, true)
  view.setUint32(table + fields.channel, channel, true)
  view.setUint32(table + fields.data, dataLength - (table + fields.data), true)
}

/**
 * The tables of bad-input.test.ts for WebSocket frames: what is sent, and the documented close code or failure.
 */
import { decodeMessage, encodeMessage, type Message } from '../../../src/protocol/codec.js'
import type { ErrorCode } from '../../../src/base/errors.js'
import { floats, inferMessage } from '../../support/messages.js'

export const frameBytesMax = 1024 * 1024

export const goodFrame = encodeMessage(inferMessage())
export const withUint32 = (offset: number, value: number): Uint8Array => {
  const bytes = goodFrame.slice()
  new DataView(bytes.buffer, bytes.byteOffset).setUint32(offset, value, true)
  return bytes
}

/** Returns the row count of an Infer frame; null when the frame is not well-formed. */
export const rowsOf = (bytes: Uint8Array): number | null => {
  try {
    const message = decodeMessage(bytes)
    return message.kind === 'infer' ? message.rows : null
  } catch {
    return null
  }
}

export interface FrameCase {
  readonly what: string
  readonly frame: Uint8Array
  readonly opcode?: number
  readonly close: number
  readonly says: string
}

export const closingCases: readonly FrameCase[] = [
  {
    what: 'a text frame',
    frame: Buffer.from('{"hello":1}'),
    opcode: 1,
    close: 4400,
    says: 'ERR_FRAME: Expected binary frames but received text',
  },
  { what: 'an empty frame', frame: new Uint8Array(), close: 4400, says: 'ERR_FRAME' },
  { what: 'noise', frame: Buffer.alloc(64, 0xa5), close: 4400, says: 'ERR_FRAME' },
  { what: 'zeros', frame: Buffer.alloc(64), close: 4400, says: 'ERR_FRAME' },
  { what: 'a root offset beyond the frame', frame: withUint32(0, 0x7fffffff), close: 4400, says: 'ERR_FRAME' },
  {
    what: 'a message that only servers send',
    frame: encodeMessage({ kind: 'hello', windowRequests: 1, server: 'x', frameBytesMax: 1 }),
    close: 4400,
    says: 'ERR_FRAME',
  },
  {
    what: 'a frame beyond the limit',
    frame: new Uint8Array(frameBytesMax + 1),
    close: 1009,
    says: 'ERR_BODY_TOO_LARGE',
  },
]

export const failingCases: readonly { what: string; to?: string; message: Message; code: ErrorCode }[] = [
  { what: 'a channel that was never opened', message: inferMessage({ channel: 9 }), code: 'ERR_CHANNEL_NOT_FOUND' },
  { what: 'too few bytes', message: inferMessage({ data: floats(1, 2) }), code: 'ERR_SHAPE' },
  { what: 'too many bytes', message: inferMessage({ data: floats(1, 2, 3, 4) }), code: 'ERR_SHAPE' },
  { what: 'no bytes', message: inferMessage({ data: new Uint8Array() }), code: 'ERR_SHAPE' },
  { what: 'bytes of zero rows', message: inferMessage({ rows: 0 }), code: 'ERR_SHAPE' },
  { what: 'more rows than bytes', message: inferMessage({ rows: 1000 }), code: 'ERR_SHAPE' },
  { what: 'rows whose bytes wrap', message: inferMessage({ rows: 0x40000000 }), code: 'ERR_TOO_MANY_ROWS' },
  {
    what: 'free dims that are missing',
    to: 'tokens',
    message: inferMessage({ data: new Uint8Array(16) }),
    code: 'ERR_SHAPE',
  },
  {
    what: 'free dims that lie',
    to: 'tokens',
    message: inferMessage({ data: new Uint8Array(16), dims: [0xffffffff] }),
    code: 'ERR_SHAPE',
  },
  {
    what: 'bytes of a free dim of zero',
    to: 'tokens',
    message: inferMessage({ dims: [0] }),
    code: 'ERR_SHAPE',
  },
  { what: 'a hash key out of range', to: 'weighted', message: inferMessage({ meta: { u: 1.5 } }), code: 'ERR_META' },
  { what: 'a hash key that is negative', to: 'weighted', message: inferMessage({ meta: { u: -3 } }), code: 'ERR_META' },
  { what: 'text that is missing', to: 'text', message: inferMessage({ data: new Uint8Array() }), code: 'ERR_FRAME' },
  {
    what: 'an index that the model refuses at run time',
    to: 'table',
    message: inferMessage({ data: new Uint8Array(new BigInt64Array([99n]).buffer) }),
    code: 'ERR_RUN_FAILED',
  },
]

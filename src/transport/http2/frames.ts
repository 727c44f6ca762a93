/**
 * Names and numbers of HTTP/2.
 *
 * @source RFC 9113 sections 4, 6 and 7.
 */
export const FRAME = {
  DATA: 0,
  HEADERS: 1,
  PRIORITY: 2,
  RST_STREAM: 3,
  SETTINGS: 4,
  PUSH_PROMISE: 5,
  PING: 6,
  GOAWAY: 7,
  WINDOW_UPDATE: 8,
  CONTINUATION: 9,
} as const

export const FLAG = { ACK: 1, END_STREAM: 1, END_HEADERS: 4, PADDED: 8, PRIORITY: 32 } as const

export const SETTING = {
  HEADER_TABLE_SIZE: 1,
  ENABLE_PUSH: 2,
  MAX_CONCURRENT_STREAMS: 3,
  INITIAL_WINDOW_SIZE: 4,
  MAX_FRAME_SIZE: 5,
  MAX_HEADER_LIST_SIZE: 6,
} as const

export const CODE = {
  NO_ERROR: 0,
  PROTOCOL_ERROR: 1,
  INTERNAL_ERROR: 2,
  FLOW_CONTROL_ERROR: 3,
  STREAM_CLOSED: 5,
  FRAME_SIZE_ERROR: 6,
  REFUSED_STREAM: 7,
  CANCEL: 8,
  COMPRESSION_ERROR: 9,
  ENHANCE_YOUR_CALM: 11,
} as const

export const FRAME_HEAD_BYTES = 9
export const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
/** Bytes of a frame's payload until the peer is told otherwise; this server never asks for more. */
export const FRAME_BYTES = 16_384
/** A window has so many bytes until its owner says otherwise. */
export const WINDOW_BYTES = 65_535
export const WINDOW_BYTES_MAX = 0x7fff_ffff
/** The dynamic table of HPACK holds so many bytes, on both sides. */
export const TABLE_BYTES = 4096

/** A field of a header list, as HPACK has it: texts with a character a byte. */
export type Field = readonly [name: string, value: string]

/** What ends the connection: the peer broke a rule of it, or a limit. */
export class ConnectionError extends Error {
  constructor(
    readonly code: number,
    what: string,
  ) {
    super(what)
  }
}

/** @returns where the payload goes. */
export function writeFrameHead(
  target: Buffer,
  at: number,
  length: number,
  type: number,
  flags: number,
  id: number,
): number {
  target[at] = length >>> 16
  target[at + 1] = length >>> 8
  target[at + 2] = length
  target[at + 3] = type
  target[at + 4] = flags
  target[at + 5] = id >>> 24
  target[at + 6] = id >>> 16
  target[at + 7] = id >>> 8
  target[at + 8] = id
  return at + FRAME_HEAD_BYTES
}

/** A whole frame, for those that are rare. */
export function frameOf(type: number, flags: number, id: number, payload: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(FRAME_HEAD_BYTES + payload.length)
  frame.set(payload, writeFrameHead(frame, 0, payload.length, type, flags, id))
  return frame
}

/** Messages that suites send by hand, each with only what it is about spelled out. */
import type { InferMessage } from '../../src/protocol/codec.js'

/** float32 values as the bytes of a message. */
export const floats = (...values: number[]): Uint8Array => new Uint8Array(new Float32Array(values).buffer)

/** One interactive row [1, 2, 3] on channel 1 without meta or deadline, unless `more` says otherwise. */
export const inferMessage = (more: Partial<InferMessage> = {}): InferMessage => ({
  kind: 'infer',
  channel: 1,
  request: 1,
  rows: 1,
  data: floats(1, 2, 3),
  dims: null,
  meta: null,
  deadlineMs: 0,
  priority: 'interactive',
  texts: null,
  ...more,
})

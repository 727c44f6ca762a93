/**
 * Bodies made to be expensive. A body holds the I/O thread while it is read, so each must be refused, or taken, in time
 * that grows with its bytes and not faster; the bound is generous, quadratic work would miss it by far.
 */
import { describe, expect, it } from 'vitest'
import { isPenstockError } from '../../base/errors.js'
import type { Dtype } from '../../tensor/tensor.js'
import type { Signature } from './signature.js'
import { parseInferBody } from './infer-request.js'

const bodyBytes = 4 * 1024 * 1024
const msMax = 8000
const fill = (head: string, unit: string, tail: string): Buffer =>
  Buffer.from(head + unit.repeat(Math.floor((bodyBytes - head.length - tail.length) / unit.length)) + tail)
const keys = (count: number): string => Array.from({ length: count }, (_, index) => `"k${index}":1`).join(',')
const signature = (dtype: Dtype): Signature => ({
  name: 'p',
  inputs: [{ name: 'x', dtype, shape: [null, 3] }],
  isNonBatching: false,
  rowsMax: 65_536,
  steps: [{ type: 'key-split', default: 'a', key: 'a', options: {} }],
})

const bodies: readonly (readonly [what: string, body: Buffer, code: string])[] = [
  ['rows without end', fill('{"x":[', '[1,2,3],', '[1,2,null]]}'), 'ERR_TOO_MANY_ROWS'],
  ['numbers without end', fill('{"x":[', '1,', 'null]}'), 'ERR_TOO_MANY_ROWS'],
  ['a row without end', fill('[{"x":[', '1,', '1]}]'), 'ERR_TOO_MANY_ROWS'],
  ['empty arrays', fill('{"x":[', '[],', '[]]}'), 'ERR_BODY'],
  ['empty objects', fill('{"x":[', '{},', '{}]}'), 'ERR_BODY'],
  ['one number of many digits', fill('{"x":[', '1', ']}'), 'ERR_VALUE_RANGE'],
  ['one fraction of many digits', fill('{"x":[[0.', '1', ',1,1]]}'), ''],
  ['one exponent of many digits', fill('{"x":[[1e', '0', '1,1,1]]}'), ''],
  ['a key without end', fill('{"', 'a', '":1}'), 'ERR_UNKNOWN_INPUT'],
  ['white space', fill('{"x":', ' ', '[1,2,3]}'), ''],
  ['objects in a column that is no input', fill('[{"x":[1,2,3],"z":[', '{"a":1},', '{}]}]'), ''],
  ['escapes in a column that is no input', fill('[{"x":[1,2,3],"z":"', '\\u0041', '"}]'), ''],
  ['keys without end', Buffer.from(`[{"x":[1,2,3],${keys(250_000)}}]`), 'ERR_BODY'],
  ['records of many keys', fill('[', `{"x":[1,2,3],${keys(4000)}},`, '{"x":[1,2,3]}]'), ''],
  ['a routing key without end', fill('{"inputs":{"x":[1,2,3]},"meta":{"a":[', '1,', '1]}}'), 'ERR_BODY'],
  ['a routing column of arrays', fill('[{"x":[1,2,3],"a":[', '[],', '[]]}]'), 'ERR_BODY'],
]

describe('hostile bodies', () => {
  it.each(bodies)('%s: linear time', (_what, body, code) => {
    for (const dtype of ['float32', 'int64'] as const) {
      const startMs = performance.now()
      let received = ''
      try {
        parseInferBody(body, signature(dtype))
      } catch (error) {
        if (!isPenstockError(error)) throw error
        received = error.code
      }
      expect(performance.now() - startMs).toBeLessThan(msMax)
      // Integers take a slower way and may be refused in other words.
      if (dtype === 'float32') expect(received).toBe(code)
    }
  })
})

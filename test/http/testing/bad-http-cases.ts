/**
 * The tables of bad-input.test.ts for HTTP: what is sent, and the documented answer. docs/reference/errors.md lists the codes.
 */
import { encodeMessage } from '../../../src/protocol/codec.js'
import type { ErrorCode } from '../../../src/base/errors.js'
import { floats, inferMessage } from '../../support/messages.js'

export const bodyBytesMax = 4 * 1024 * 1024

export interface HttpCase {
  readonly what: string
  /** Pipeline of an infer; absent: `add`. */
  readonly to?: string
  readonly path?: string
  readonly method?: string
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
  readonly code: ErrorCode
  /** In the sentence. */
  readonly says: string | RegExp
}

const binary = { 'content-type': 'application/x-penstock' }
const rowsBeyond = Array.from({ length: 262_145 }, () => [1, 2, 3])
export const good = { x: [[1, 2, 3]] }

export const inferCases: readonly HttpCase[] = [
  { what: 'an unknown pipeline', to: 'nowhere', body: good, code: 'ERR_PIPELINE_NOT_FOUND', says: 'nowhere' },
  { what: 'a pipeline that is not deployed', to: 'idle', body: good, code: 'ERR_PIPELINE_NOT_DEPLOYED', says: 'idle' },
  {
    what: 'a missing input',
    to: 'both',
    body: { left: [[1, 2]] },
    code: 'ERR_MISSING_INPUT',
    says: 'Expected the body to have the input right',
  },
  { what: 'no input at all', body: {}, code: 'ERR_MISSING_INPUT', says: 'Send {"x": float32 [n, 3]}' },
  {
    what: 'an extra input',
    body: { ...good, z: [1] },
    code: 'ERR_UNKNOWN_INPUT',
    says: 'Expected an input of pipeline add but received "z"',
  },
  {
    what: 'a misspelt input',
    to: 'text',
    body: { lable: ['a'] },
    code: 'ERR_UNKNOWN_INPUT',
    says: 'Did you mean label?',
  },
  {
    what: 'inputs of unlike row counts',
    to: 'both',
    body: {
      left: [[1, 2]],
      right: [
        [1, 2],
        [3, 4],
      ],
    },
    code: 'ERR_SHAPE',
    says: 'right',
  },
  {
    what: 'text for numbers',
    body: { x: [['a', 2, 3]] },
    code: 'ERR_ARGUMENT',
    says: 'Expected x[0][0] to be a number (float32) but received "a"',
  },
  {
    what: 'numbers for text',
    to: 'text',
    body: { label: [1] },
    code: 'ERR_ARGUMENT',
    says: 'Expected label[0] to be a string but received 1',
  },
  { what: 'a bool for a number', body: { x: [[true, 2, 3]] }, code: 'ERR_ARGUMENT', says: 'Pass 1 or 0' },
  {
    what: 'an object for a tensor',
    body: { x: { a: 1 } },
    code: 'ERR_ARGUMENT',
    says: 'Expected x to be a nested array',
  },
  { what: 'a rank too many', body: { x: [[[1, 2, 3]]] }, code: 'ERR_SHAPE', says: 'nested deeper' },
  {
    what: 'a dim too many',
    body: { x: [[1, 2, 3, 4]] },
    code: 'ERR_SHAPE',
    says: 'Expected x to have the shape [n, 3]',
  },
  { what: 'a flat array that is no whole number of rows', body: { x: [1, 2, 3, 4] }, code: 'ERR_SHAPE', says: 'x' },
  {
    what: 'ragged rows',
    body: {
      x: [
        [1, 2, 3],
        [4, 5],
      ],
    },
    code: 'ERR_SHAPE',
    says: 'Expected x[1] to be an array of 3 elements',
  },
  { what: 'NaN', body: '{"x":[[NaN,2,3]]}', code: 'ERR_BODY', says: 'received NaN: JSON has neither NaN nor Infinity' },
  { what: '-Infinity', body: '{"x":[[1,-Infinity,3]]}', code: 'ERR_BODY', says: 'received -Infinity' },
  {
    what: 'null for an integer',
    to: 'small',
    body: { x: [[null, 2, 3]] },
    code: 'ERR_ARGUMENT',
    says: 'Expected x[0][0] to be a number (uint8) but received null. Only floats (NaN) and strings',
  },
  {
    what: 'a number beyond float32',
    body: { x: [[1e39, 2, 3]] },
    code: 'ERR_VALUE_RANGE',
    says: 'Expected x[0][0] to be a number in -3.4028235e38..3.4028235e38',
  },
  {
    what: 'a number beyond float64',
    body: '{"x":[[1e999,2,3]]}',
    code: 'ERR_VALUE_RANGE',
    says: 'a number that a float64 can hold but received 1e999',
  },
  {
    what: 'a number beyond uint8',
    to: 'small',
    body: { x: [[256, 0, 0]] },
    code: 'ERR_VALUE_RANGE',
    says: 'Expected x[0][0] to be an integer in 0..255 (uint8) but received 256',
  },
  {
    what: 'a negative number for uint8',
    to: 'small',
    body: { x: [[0, -1, 0]] },
    code: 'ERR_VALUE_RANGE',
    says: 'x[0][1]',
  },
  {
    what: 'a fraction for uint8',
    to: 'small',
    body: { x: [[0, 0.5, 0]] },
    code: 'ERR_VALUE_RANGE',
    says: 'received 0.5',
  },
  {
    what: 'a number beyond int64',
    to: 'wide',
    body: '{"x":[[9223372036854775808,0,0]]}',
    code: 'ERR_VALUE_RANGE',
    says: '9223372036854775808',
  },
  {
    what: 'an integer that JSON numbers cannot hold exactly',
    to: 'wide',
    body: '{"x":[[9007199254740993.0,0,0]]}',
    code: 'ERR_VALUE_RANGE',
    says: 'without point and exponent',
  },
  { what: 'two for a bool', to: 'bool', body: { x: [[2, 0, 0]] }, code: 'ERR_VALUE_RANGE', says: 'x[0][0]' },
  { what: 'too many rows', body: { x: rowsBeyond }, code: 'ERR_TOO_MANY_ROWS', says: '262144' },
  {
    what: 'too many records',
    body: rowsBeyond.map((x) => ({ x })),
    code: 'ERR_TOO_MANY_ROWS',
    says: 'at most 262144 records',
  },
  { what: 'a row without elements', body: { x: [[]] }, code: 'ERR_SHAPE', says: '(dim 1 is 3) but received [1, 0]' },
  {
    what: 'a record without an input',
    body: [{ x: [1, 2, 3] }, { y: 1 }],
    code: 'ERR_MISSING_INPUT',
    says: 'Expected record 1 to have the input x',
  },
  { what: 'a record that is no object', body: [[1, 2, 3]], code: 'ERR_BODY', says: 'record 0 to be an object' },
  {
    what: 'an object sent as records',
    body: good,
    headers: { 'content-type': 'application/json; format=pandas-records' },
    code: 'ERR_BODY',
    says: 'Expected an array of records',
  },
  { what: 'no body', body: '', code: 'ERR_BODY', says: 'received none' },
  { what: 'no JSON', body: 'hello', code: 'ERR_BODY', says: 'at byte 0' },
  {
    what: 'a bare number',
    body: '17',
    code: 'ERR_BODY',
    says: 'an object of inputs or an array of records but received 17',
  },
  { what: 'truncated JSON', body: '{"x":[[1,2', code: 'ERR_BODY', says: 'but received its end' },
  { what: 'something after the JSON', body: '{"x":[[1,2,3]]}}', code: 'ERR_BODY', says: 'the body to end at byte 15' },
  { what: 'a repeated key', body: '{"x":[[1,2,3]],"x":[[4,5,6]]}', code: 'ERR_BODY', says: '"x" twice' },
  {
    what: 'deep nesting',
    body: `{"x":${'['.repeat(100_000)}${']'.repeat(100_000)}}`,
    code: 'ERR_BODY',
    says: 'at most 32 deep',
  },
  {
    what: 'bytes that are not UTF-8',
    to: 'text',
    body: Buffer.from([...Buffer.from('{"label":["'), 0xff, ...Buffer.from('"]}')]),
    headers: { 'content-type': 'application/json' },
    code: 'ERR_BODY',
    says: 'to be UTF-8',
  },
  {
    what: 'UTF-16',
    body: Buffer.from('\ufeff{"x":[[1,2,3]]}', 'utf16le'),
    headers: { 'content-type': 'application/json' },
    code: 'ERR_BODY',
    says: 'at byte 0',
  },
  {
    what: 'plain text',
    body: 'x=1',
    headers: { 'content-type': 'text/plain' },
    code: 'ERR_CONTENT_TYPE',
    says: 'received text/plain',
  },
  {
    what: 'a form, as curl -d sends it',
    body: '{"x":[[1,2,3]]}',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    code: 'ERR_CONTENT_TYPE',
    says: 'application/json',
  },
  {
    what: 'an Accept that cannot be met',
    body: good,
    headers: { accept: 'text/html' },
    code: 'ERR_NOT_ACCEPTABLE',
    says: 'text/csv',
  },
  {
    what: 'a body beyond the limit',
    body: `{"x":[${'1,'.repeat(bodyBytesMax / 2)}1]}`,
    code: 'ERR_BODY_TOO_LARGE',
    says: String(bodyBytesMax),
  },
  { what: 'a deadline of zero', body: { inputs: good, deadlineMs: 0 }, code: 'ERR_ARGUMENT', says: 'deadlineMs' },
  {
    what: 'an unknown priority',
    body: { inputs: good, priority: 'urgent' },
    code: 'ERR_ARGUMENT',
    says: '"interactive", "background"',
  },
  {
    what: 'meta of the wrong length',
    to: 'split',
    body: { inputs: good, meta: { region: ['eu', 'us'] } },
    code: 'ERR_META',
    says: 'region',
  },
  {
    what: 'meta that is an object',
    to: 'split',
    body: { inputs: good, meta: { region: {} } },
    code: 'ERR_META',
    says: 'meta.region',
  },
  {
    what: 'a hash key out of range',
    to: 'weighted',
    body: { inputs: good, meta: { u: 1.5 } },
    code: 'ERR_META',
    says: 'u',
  },
  {
    what: 'a hash key that is negative',
    to: 'weighted',
    body: { inputs: good, meta: { u: -3 } },
    code: 'ERR_META',
    says: 'u',
  },
  {
    what: 'an index that the model refuses at run time',
    to: 'table',
    body: { index: [[99]] },
    code: 'ERR_RUN_FAILED',
    says: 'ONNX Runtime',
  },
  { what: 'a message that is noise', body: Buffer.alloc(100, 7), headers: binary, code: 'ERR_FRAME', says: 'Expected' },
  {
    what: 'a message of another kind',
    body: encodeMessage({ kind: 'open', channel: 1, pipeline: 'add' }),
    headers: binary,
    code: 'ERR_FRAME',
    says: 'received open',
  },
  {
    what: 'a truncated message',
    body: encodeMessage(inferMessage()).slice(0, -5),
    headers: binary,
    code: 'ERR_FRAME',
    says: 'Expected',
  },
  { what: 'an empty message', body: Buffer.alloc(0), headers: binary, code: 'ERR_BODY', says: 'nothing' },
  {
    what: 'a message with too few bytes',
    body: encodeMessage(inferMessage({ data: floats(1, 2) })),
    headers: binary,
    code: 'ERR_FRAME',
    says: 'data',
  },
  {
    what: 'a message with more rows than bytes',
    body: encodeMessage(inferMessage({ rows: 4_000_000_000 })),
    headers: binary,
    code: 'ERR_FRAME',
    says: 'data',
  },
  {
    what: 'a message without its free dims',
    to: 'tokens',
    body: encodeMessage(inferMessage()),
    headers: binary,
    code: 'ERR_FRAME',
    says: 'dims',
  },
]

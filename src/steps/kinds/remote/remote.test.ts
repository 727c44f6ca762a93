/** Definitions of remote steps: what is read, and what is refused with which words. */
import { describe, expect, it } from 'vitest'
import { describeStep } from '../../compile.js'
import { parseStep } from '../../parse.js'

const mlflow = { type: 'remote', kind: 'mlflow', url: 'http://h:5000', send: ['a'], outputs: [{ name: 'y', dtype: 'float32' }] } // prettier-ignore
const http = { type: 'remote', kind: 'http', url: 'http://h/x', send: { a: '/r/*/a' }, outputs: [{ name: 'y', dtype: 'float32', from: '/o/*' }] } // prettier-ignore
const oip = { type: 'remote', kind: 'oip', url: 'http://h', model: 'm' }
const aws = { ...mlflow, kind: 'sagemaker', url: undefined, endpoint: 'e', region: 'eu-west-1' }
const parse = (step: object) => parseStep('steps[0]', step)[0] as object

describe('remote steps', () => {
  it('are stored in one order, whatever theirs', () => {
    const full = {
      breaker: { openMs: 5, failures: 2 },
      maxRows: 10,
      headers: { authorization: { prefix: 'Bearer ', env: 'T' }, 'x-a': 'b' },
      keep: true,
      ...mlflow,
      idempotent: true,
      inputs: [{ name: 'a', dtype: 'float32' }],
      timeoutMs: 100,
    }
    const shuffled = Object.fromEntries(Object.entries(full).reverse())
    expect(JSON.stringify(parse(full))).toBe(JSON.stringify(parse(shuffled)))
    expect(parse(full)).toEqual({ ...full, send: { a: 'a' } })
    expect(parse(parse(full))).toEqual(parse(full))
  })

  it.each([
    [oip, 'remote oip m at http://h/'],
    [{ ...http, url: 'http://h/x?v=1' }, 'remote http at http://h/x'],
    [aws, 'remote sagemaker e at https://runtime.sagemaker.eu-west-1.amazonaws.com/'],
    [{ ...aws, region: 'cn-north-1' }, 'remote sagemaker e at https://runtime.sagemaker.cn-north-1.amazonaws.com.cn/'],
  ])('%j is described without what may be a secret', (step, words) => {
    expect(describeStep(parse(step) as never)).toBe(words)
  })

  it.each([
    ['no kind', { type: 'remote' }, /steps\[0\]\.kind to be one of oip, mlflow, sagemaker, http but received undefined/],
    ['a misspelt kind', { ...oip, kind: 'oips' }, /received "oips"\. Did you mean oip\?/],
    ['a misspelt member', { ...oip, timeout: 5 }, /made of .* but received "timeout"\. Did you mean timeoutMs\?/],
    ['a member of another kind', { ...oip, params: {} }, /steps\[0\]\.params to be absent, for a remote of the kind oip has none \(mlflow has\)/],
    ['no address', { ...oip, url: undefined }, /steps\[0\]\.url to be a text/],
    ['another scheme', { ...oip, url: 'file:///etc/passwd' }, /url to be an address like http:\/\/host:8080 but received "file:/],
    ['a password', { ...oip, url: 'http://u:pw@h' }, /without user and password but received "http:\/\/…@h"\. Name a variable/],
    ['a key in the query', { ...http, url: 'http://h/?api_key=abc' }, /address without secrets but received "one with the parameter api_key"/],
    ['a secret header in clear', { ...oip, headers: { Authorization: 'Bearer x' } }, /headers\.Authorization to be no text, for it is a secret but received "one"\. .*\{"env": "NAME"\}/],
    ['a header of our own', { ...oip, headers: { 'Content-Length': '5' } }, /headers\.Content-Length to be absent/],
    ['a header of the signature', { ...aws, headers: { 'X-Amz-Date': '5' } }, /headers\.X-Amz-Date to be absent/],
    ['a header with a line end', { ...oip, headers: { 'x-a': 'b\r\nc: d' } }, /headers\.x-a to be one line/],
    ['no name of a header', { ...oip, headers: { 'x a': 'b' } }, /headers to be made of names of headers but received "x a"/],
    ['a secret as a prefix', { ...oip, headers: { 'x-key': { env: 'A', prefix: 'sk-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa' } } }, /prefix to be a scheme like "Bearer ", .* but received "another value"/],
    ['no name of a variable', { ...oip, headers: { 'x-key': { env: 'A=B' } } }, /env to be the name of an environment variable/],
    ['credentials in clear', { ...aws, credentials: { accessKeyId: 'AKIA123', secretAccessKey: { env: 'B' } } }, /credentials\.accessKeyId to be \{"env": "NAME"\}.* but received "a text"/],
    ['half of the credentials', { ...aws, credentials: { accessKeyId: { env: 'A' } } }, /credentials\.secretAccessKey to be/],
    ['no region', { ...aws, region: 'Ireland' }, /region to be a region like eu-west-1/],
    ['another format', { ...aws, format: 'xml' }, /format to be one of csv, instances, dataframe_split/],
    ['an endpoint with a path', { ...aws, endpoint: 'a/b' }, /endpoint to be the name of an endpoint/],
    ['nothing to send', { ...mlflow, send: undefined }, /send to be the columns that are sent, like \["age"\]/],
    ['nowhere to send it', { ...http, send: undefined }, /send to be an object like/],
    ['no answer', { ...mlflow, outputs: undefined }, /outputs to be an array like .*does not say what it answers/],
    ['an answer from nowhere', { ...http, outputs: [{ name: 'y', dtype: 'float32' }] }, /outputs\[0\]\.from to be a JSON Pointer/],
    ['no pointer', { ...http, send: { a: 'r' } }, /send\.a to be a JSON Pointer with at most one segment \*/],
    ['a place twice', { ...http, send: { a: '/r/*', b: '/r/*' } }, /send\.b to be another place than that of a/],
    ['a place within another', { ...http, send: { a: '/r/*/x', b: '/r/*' } }, /send\.a to be a place that is not within that of b/],
    ['rows here and none there', { ...http, send: { a: '/r/*', b: '/q' } }, /send\.b to be with a segment \*/],
    ['a list of places', { ...http, send: ['a'] }, /send to be an object/],
    ['an unknown dtype', { ...mlflow, outputs: [{ name: 'y', dtype: 'float' }] }, /outputs\[0\]\.dtype to be one of/],
    ['an output twice', { ...mlflow, outputs: [{ name: 'y', dtype: 'bool' }, { name: 'y', dtype: 'bool' }] }, /outputs\[1\]\.name to be the name of no other output/],
    ['missing lists of integers', { ...mlflow, outputs: [{ name: 'y', dtype: 'int64', shape: [2], nullable: true }] }, /nullable to be absent/],
    ['too long', { ...oip, timeoutMs: 600_001 }, /timeoutMs to be an integer in 1\.\.600000/],
    ['too often', { ...oip, retries: 11 }, /retries to be an integer in 0\.\.10/],
    ['a breaker that is none', { ...oip, breaker: { failure: 3 } }, /breaker to be made of .*"failure"\. Did you mean failures\?/],
    ['a large template', { ...http, body: { a: 'x'.repeat(70_000) } }, /body to be an object of at most 65536 characters/],
    ['idempotence as a word', { ...oip, idempotent: 'yes' }, /idempotent to be true or false/],
  ])('%s is refused', (_, step, message) => {
    expect(() => parse(step)).toThrow(message)
    expect(() => parse(step)).not.toThrow(/pw@|Bearer x|AKIA123|sk-a/)
  }) // prettier-ignore
})

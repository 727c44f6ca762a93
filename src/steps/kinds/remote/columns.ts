/** The columns of a remote step: which are sent and under which names, and which come back. */
import { META_TEXT_CHARACTERS_MAX } from '../../../base/limits/limits.js'
import { REMOTE_COLUMNS_MAX, REMOTE_URL_CHARACTERS_MAX } from '../../../base/limits/remote-limits.js'
import type { RemoteKindName, RemoteOutput } from '../../../pipeline/remote-step.js'
import { readPointer, ROW_AXIS } from '../../../remote/kinds/http.js'
import { DTYPES, isDtype } from '../../../tensor/dtype.js'
import { StepReader } from '../../step-reader.js'

/** `send`, ready to be spread: absent when the step has none. A list of names sends them as they are called. */
export function readSend(reader: StepReader, kind: RemoteKindName): { send?: Record<string, string> } {
  if (!reader.has('send')) {
    if (kind === 'oip' || (kind !== 'http' && reader.has('inputs'))) return {}
    if (kind !== 'http')
      throw reader.error(
        'send',
        `the columns that are sent, like ["age"], for a remote of the kind ${kind} does not say what it takes,`,
        undefined,
      )
    throw reader.error(
      'send',
      'an object like {"age": "/instances/*/age"}, for a remote of the kind http has to know where columns go,',
      undefined,
    )
  }
  const given = reader.get('send')
  const isList = kind !== 'http' && Array.isArray(given)
  const entries: [string, unknown][] = isList
    ? given.map((name: unknown, i) => [typeof name === 'string' && name !== '' ? name : `[${i}]`, name])
    : Object.entries(reader.object('send'))
  if (entries.length < 1 || entries.length > REMOTE_COLUMNS_MAX)
    throw reader.error('send', `an object of 1..${REMOTE_COLUMNS_MAX} columns`, `${entries.length} columns`)
  const names = new Map<string, string>()
  for (const [name, as] of entries) {
    const isText = typeof as === 'string' && as !== '' && as.length <= REMOTE_URL_CHARACTERS_MAX
    if (!isText) throw reader.error(`send.${name}`, "the remote's name of it", as)
    const other = names.get(as)
    if (other !== undefined) throw reader.error(`send.${name}`, `another place than that of ${other}`, as)
    names.set(as, name)
  }
  const send = Object.fromEntries(entries as [string, string][])
  if (kind === 'http') expectPointers(reader, send)
  return { send }
}

/** @throws PenstockError: one is none, some have a row axis and some not, one lies within another. */
function expectPointers(reader: StepReader, send: Readonly<Record<string, string>>): void {
  const pointers = Object.entries(send)
  for (const [name, as] of pointers) expectPointer(reader, `send.${name}`, as)
  const isBatch = ([, as]: [string, string]): boolean => (readPointer(as) ?? []).includes(ROW_AXIS)
  const batched = pointers.filter(isBatch)
  if (batched.length > 0 && batched.length < pointers.length) {
    const [name, as] = pointers.find((pointer) => !isBatch(pointer)) as [string, string]
    throw reader.error(`send.${name}`, 'with a segment * for the rows, as others have it,', as)
  }
  // Behind a place `/` sorts before letters and digits: what lies within another follows it.
  const sorted = pointers.map(([name, as]) => ({ name, as: `${as}/` })).sort((a, b) => (a.as < b.as ? -1 : 1))
  sorted.forEach(({ name, as }, i) => {
    const outer = sorted[i - 1]
    if (outer !== undefined && as.startsWith(outer.as))
      throw reader.error(`send.${name}`, `a place that is not within that of ${outer.name}`, as.slice(0, -1))
  })
}

function expectPointer(reader: StepReader, key: string, text: string): void {
  if (readPointer(text) !== null) return
  throw reader.error(key, 'a JSON Pointer with at most one segment *, like /instances/*/age,', text)
}

const OUTPUT_KEYS = ['name', 'dtype', 'shape', 'nullable', 'from']

/** `outputs`, ready to be spread: absent when the remote's metadata say them. */
export function readOutputs(reader: StepReader, kind: RemoteKindName): { outputs?: RemoteOutput[] } {
  if (!reader.has('outputs')) {
    if (kind === 'oip') return {}
    const rule = `an array like [{"name": "quality", "dtype": "float32"}], for a remote of the kind ${kind} does not say what it answers,`
    throw reader.error('outputs', rule, undefined)
  }
  const names = new Set<string>()
  const outputs = reader.list('outputs', REMOTE_COLUMNS_MAX).map((item, i) => {
    const key = `outputs[${i}]`
    if (typeof item !== 'object' || item === null || Array.isArray(item))
      throw reader.error(key, 'an object like {"name": "quality", "dtype": "float32"}', item)
    const output = readOutput(new StepReader(`${reader.where}.${key}`, item as Record<string, unknown>), kind)
    if (names.has(output.name)) throw reader.error(`${key}.name`, 'the name of no other output', output.name)
    names.add(output.name)
    return output
  })
  return { outputs }
}

function readOutput(reader: StepReader, kind: RemoteKindName): RemoteOutput {
  reader.expectKeys(OUTPUT_KEYS)
  const name = reader.text('name', META_TEXT_CHARACTERS_MAX)
  const dtype = reader.get('dtype')
  if (!isDtype(dtype)) throw reader.error('dtype', `one of ${DTYPES.map((info) => info.name).join(', ')}`, dtype)
  const shape = reader.get('shape')
  const isShape = Array.isArray(shape) && shape.every((dim) => Number.isInteger(dim) && (dim as number) >= 1)
  if (shape !== undefined && !isShape) throw reader.error('shape', 'the dims of one row, integers of 1 and more', shape)
  const nullable = reader.has('nullable') ? reader.boolean('nullable') : undefined
  const hasBits = !dtype.includes('float') && isShape && shape.length > 0
  if (nullable === true && hasBits)
    throw reader.error('nullable', 'absent, for only floats and single values may be missing,', nullable)
  const from = reader.has('from') ? reader.text('from', REMOTE_URL_CHARACTERS_MAX) : undefined
  if (kind === 'http') {
    if (from === undefined)
      throw reader.error('from', 'a JSON Pointer into the answer, like /predictions/*/score,', from)
    expectPointer(reader, 'from', from)
  }
  return {
    name,
    dtype,
    ...(isShape ? { shape: shape as number[] } : {}),
    ...(nullable === undefined ? {} : { nullable }),
    ...(from === undefined ? {} : { from }),
  }
}

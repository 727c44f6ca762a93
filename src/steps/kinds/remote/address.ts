/**
 * Where a remote step calls and what it says of itself there. Definitions are stored, listed and journalled: an address with
 * a password, or a header with a key, is refused with the way to name an environment variable instead.
 */
import {
  REMOTE_HEADERS_MAX,
  REMOTE_TEXT_CHARACTERS_MAX,
  REMOTE_URL_CHARACTERS_MAX,
} from '../../../base/limits/remote-limits.js'
import type { RemoteSecret } from '../../../pipeline/remote-step.js'
import { isSecretHeader } from '../../../remote/secrets.js'
import { StepReader } from '../../step-reader.js'

const fromEnvironment = (name: string): string =>
  `Name a variable of the server's environment: "headers": {"${name}": {"env": "NAME"}}`

/** What the connection, the body and the signature say themselves. */
const OWN_HEADERS = new Set([
  'host',
  'connection',
  'content-length',
  'content-type',
  'content-encoding',
  'transfer-encoding',
  'accept-encoding',
  'expect',
  'te',
  'trailer',
  'upgrade',
  'keep-alive',
  'inference-header-content-length',
  'penstock-deadline-ms',
])

export function readUrl(reader: StepReader): string {
  const text = reader.text('url', REMOTE_URL_CHARACTERS_MAX)
  const url = URL.canParse(text) ? new URL(text) : null
  if (url === null || !/^https?:$/.test(url.protocol))
    throw reader.error('url', 'an address like http://host:8080', withoutUser(text))
  if (url.username !== '' || url.password !== '')
    throw reader.error(
      'url',
      'an address without user and password',
      withoutUser(text),
      fromEnvironment('authorization'),
    )
  const secret = [...url.searchParams.keys()].find(isSecretHeader)
  if (secret !== undefined)
    throw reader.error('url', 'an address without secrets', `one with the parameter ${secret}`, fromEnvironment(secret))
  if (url.hash !== '') throw reader.error('url', 'an address without a fragment', text)
  return text
}

/** An error must not print what the definition should not have. */
function withoutUser(text: string): string {
  return text.replace(/\/\/[^/@]*@/, '//…@')
}

/** `headers`, ready to be spread. */
export function readHeaders(reader: StepReader): { headers?: Record<string, string | RemoteSecret> } {
  if (!reader.has('headers')) return {}
  const entries = Object.entries(reader.object('headers'))
  if (entries.length > REMOTE_HEADERS_MAX)
    throw reader.error('headers', `an object of at most ${REMOTE_HEADERS_MAX} headers`, `${entries.length} headers`)
  const signed = reader.get('kind') === 'sagemaker'
  return {
    headers: Object.fromEntries(
      entries.map(([name, value]) => {
        const key = `headers.${name.slice(0, 80)}`
        if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$/.test(name))
          throw reader.error('headers', 'made of names of headers', name)
        const lower = name.toLowerCase()
        if (OWN_HEADERS.has(lower) || (signed && (lower === 'authorization' || lower.startsWith('x-amz'))))
          throw reader.error(key, 'absent: the step sets it itself', 'it')
        return [name, readHeader(reader, key, name, value)] as const
      }),
    ),
  }
}

function readHeader(reader: StepReader, key: string, name: string, value: unknown): string | RemoteSecret {
  if (typeof value === 'object') return readSecret(reader, key, value)
  if (isSecretHeader(name)) throw reader.error(key, 'no text, for it is a secret', 'one', fromEnvironment(name))
  const isText = typeof value === 'string' && /^[\t\x20-\x7e\x80-\xff]*$/.test(value)
  if (isText && value.length <= REMOTE_TEXT_CHARACTERS_MAX) return value
  throw reader.error(key, `one line of at most ${REMOTE_TEXT_CHARACTERS_MAX} characters, or {"env": "NAME"}`, value)
}

/** `{"env": "NAME"}`, with at most a `prefix` besides. Never prints a text that stands in its place. */
export function readSecret(reader: StepReader, key: string, value: unknown): RemoteSecret {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
  if (!isObject)
    throw reader.error(
      key,
      '{"env": "NAME"}, which names a variable of the server\'s environment,',
      typeof value === 'string' ? 'a text' : value,
    )
  const inner = new StepReader(`${reader.where}.${key}`, value as Record<string, unknown>)
  inner.expectKeys(['env', 'prefix'])
  const env = inner.text('env', 256)
  if (!/^[A-Za-z_]\w*$/.test(env)) throw inner.error('env', 'the name of an environment variable', env)
  if (!inner.has('prefix')) return { env }
  const prefix = inner.get('prefix')
  // A prefix is a scheme, `Bearer `: what is longer is a secret in the wrong place.
  if (typeof prefix === 'string' && /^[A-Za-z0-9 =:_-]{1,32}$/.test(prefix)) return { env, prefix }
  throw inner.error('prefix', 'a scheme like "Bearer ", 1..32 letters, digits and spaces', 'another value')
}

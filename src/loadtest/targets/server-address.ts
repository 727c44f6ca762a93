/** The parts of a server's URL that a load generator and a report need. */
import { PenstockError } from '../../base/errors.js'
import { argumentError } from '../../base/expect.js'

export interface ServerAddress {
  /** Without a slash at the end. */
  readonly url: string
  readonly host: string
  readonly port: number
  /** Path before the API, of a reverse proxy; '' for none. */
  readonly prefix: string
  readonly isLoopback: boolean
}

/** @throws PenstockError ERR_ARGUMENT: the generator speaks HTTP without TLS. */
export function addressOf(text: string): ServerAddress {
  if (!URL.canParse(text)) throw argumentError('the server', 'an http: URL', text, 'For example http://127.0.0.1:8080')
  const { protocol, hostname, port, pathname } = new URL(text)
  if (protocol === 'https:')
    throw new PenstockError(
      'ERR_ARGUMENT',
      `Expected a server without TLS but received ${text}. Measure it behind its proxy`,
    )
  if (protocol !== 'http:') throw argumentError('the server', 'an http: URL', text, 'For example http://127.0.0.1:8080')
  const host = hostname.replace(/^\[|\]$/g, '')
  return {
    url: text.replace(/\/+$/, ''),
    host,
    port: port === '' ? 80 : Number(port),
    prefix: pathname.replace(/\/+$/, ''),
    isLoopback: /^(localhost|127(\.\d{1,3}){3}|::1)$/i.test(host),
  }
}

export function keyHeaders(apiKey: string | null): Record<string, string> {
  return apiKey === null ? {} : { authorization: `Bearer ${apiKey}` }
}

/** Text of an address, '' when it does not answer with 2xx: what is asked for is a nicety of the report. */
export async function textOf(url: string, headers: Readonly<Record<string, string>>): Promise<string> {
  try {
    const response = await fetch(url, { headers })
    const text = await response.text()
    return response.ok ? text : ''
  } catch {
    return ''
  }
}

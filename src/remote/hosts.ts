/**
 * Which servers remote steps may call. Whoever deploys a pipeline makes this server send requests, from inside the
 * operator's network, to an address of their choice: so the operator names the hosts, and by default there is none.
 * `host` allows the scheme's own port alone, `host:port` that one, `host:*` every port, `*.name` all hosts below a name.
 */
import { isIP } from 'node:net'
import { PenstockError } from '../base/errors.js'
import { argumentError, expectArray, expectString } from '../base/expect.js'
import { REMOTE_HOSTS_MAX } from '../base/limits/remote-limits.js'

interface AllowedHost {
  /** Lower case; of all hosts below a name `.name`. IPv6 in brackets, as URLs have it. */
  readonly host: string
  /** null: every port; '': the scheme's own. */
  readonly port: string | null
}

export class RemoteHosts {
  readonly #allowed: readonly AllowedHost[]

  /** @throws PenstockError ERR_ARGUMENT: an entry that is no host. */
  constructor(entries: unknown = []) {
    this.#allowed = expectArray('remoteHosts', entries, REMOTE_HOSTS_MAX).map(readEntry)
  }

  /** @param url of a remote, http or https. */
  accepts(url: URL): boolean {
    const host = url.hostname.toLowerCase().replace(/\.$/, '')
    return this.#allowed.some((allowed) => {
      const isHost = allowed.host.startsWith('.') ? host.endsWith(allowed.host) : host === allowed.host
      return isHost && (allowed.port === null || allowed.port === url.port || allowed.port === portOf(url))
    })
  }

  /** @throws PenstockError ERR_FORBIDDEN with the way out. @param where e.g. `steps[0].url`. */
  expect(where: string, url: URL): void {
    if (this.accepts(url)) return
    const entry = url.port === '' ? url.hostname : url.host
    throw new PenstockError(
      'ERR_FORBIDDEN',
      `Expected ${where} to be on a host that this server may call but received ${url.host}. Its operator allows it with --remote-hosts ${entry} (or the option remoteHosts)`,
    )
  }
}

function portOf({ port, protocol }: URL): string {
  if (port !== '') return port
  return protocol === 'https:' ? '443' : '80'
}

const hostPattern = /^(\*\.)?[a-z0-9_]([a-z0-9_.-]{0,251}[a-z0-9_])?$/

function readEntry(entry: unknown): AllowedHost {
  const text = expectString('each of remoteHosts', entry).trim().toLowerCase()
  if (isIP(text) === 6) return { host: `[${text}]`, port: '' }
  const found = /^(\[[0-9a-f:.]+\]|[^:\s/[\]]+)(?::(\d{1,5}|\*))?$/.exec(text)
  const [, name = '', port = ''] = found ?? []
  const host = name.replace(/\.$/, '')
  const isHost = host.startsWith('[') ? isIP(host.slice(1, -1)) === 6 : hostPattern.test(host)
  const isPort = port === '' || port === '*' || (Number(port) >= 1 && Number(port) <= 65_535)
  if (!isHost || !isPort)
    throw argumentError(
      'each of remoteHosts',
      'a host, host:port, host:* or *.name, without scheme and path',
      entry,
      host === '*' ? 'Name the hosts: one that may be any is none that was chosen' : '',
    )
  return { host: host.startsWith('*.') ? host.slice(1) : host, port: port === '*' ? null : port }
}

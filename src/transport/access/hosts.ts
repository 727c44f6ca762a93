/**
 * Which hosts a server without keys answers for. A browser lets a page talk to the host that the page came from, and goes
 * by the host's name: whoever owns a name can point it at 127.0.0.1 after the page was loaded (DNS rebinding), and the
 * page then reads this server as its own. Such a call still carries the name in `Host`, which no page can change.
 *
 *   bound to                         names that are answered for
 *   loopback                         localhost, *.localhost, 127.0.0.0/8, ::1, and those of --allow-host
 *   anything else (--insecure)       those, every address, and names that nobody can own in public: without a dot, or below
 *                                    a top level that is reserved for networks of one's own; and those of --allow-host
 *
 * Pages say where they come from as well, in `Origin`; it is held to the same names. `Sec-Fetch-Site: cross-site` is the
 * browser's own word for the same, sent to loopback even where `Origin` is not.
 */
import { isIP } from 'node:net'
import { PenstockError } from '../../base/errors.js'
import { argumentError, expectArray, expectString } from '../../base/expect.js'
import { ALLOWED_HOSTS_MAX } from '../../base/limits/access-limits.js'
import type { CallHead } from './verifier.js'

const loopbackNames: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]', '::1'])
/** RFC 6761, RFC 6762, RFC 8375, ICANN's `internal`, and Kubernetes' own: no registrar sells names below them. */
const privateEndings = ['.local', '.internal', '.home.arpa', '.lan', '.test', '.svc', '.cluster.local']
const shownCharactersMax = 200

/** Whether a host to bind, or of a Host or an Origin, is only this machine. */
export function isLoopbackHost(host: string): boolean {
  return loopbackNames.has(host) || host.endsWith('.localhost') || /^127(\.\d{1,3}){3}$/.test(host)
}

export interface HostOptions {
  /** Bound to a loopback address. */
  readonly isLoopback: boolean
  /** The host that was bound, and names that were allowed: `name`, `*.name` for all below it, or `*` for every name. */
  readonly names: readonly string[]
}

export class HostRules {
  readonly #isLoopback: boolean
  readonly #names: ReadonlySet<string>
  readonly #endings: readonly string[]
  readonly #isAnyAllowed: boolean
  /** The last `Host` that was accepted: clients send the same one again and again. */
  #accepted = ''

  constructor({ isLoopback, names }: HostOptions) {
    this.#isLoopback = isLoopback
    this.#names = new Set(names.filter((name) => !name.startsWith('*')))
    this.#endings = names.filter((name) => name.startsWith('*.')).map((name) => name.slice(1))
    this.#isAnyAllowed = names.includes('*')
  }

  isOwn(head: CallHead): boolean {
    return this.#isOwnHost(head.header('host')) && this.#foreignPageOf(head) === ''
  }

  /** @throws PenstockError ERR_FORBIDDEN */
  expect(head: CallHead): void {
    const host = head.header('host')
    if (!this.#isOwnHost(host)) throw foreignHost(host, this.#describe())
    const page = this.#foreignPageOf(head)
    if (page !== '') throw foreignPage(page)
  }

  /** No browser leaves it out: '' is the host of no page. */
  #isOwnHost(host: string): boolean {
    if (host === this.#accepted || host === '') return true
    const name = nameOf(host)
    if (name === null || !this.accepts(name)) return false
    this.#accepted = host
    return true
  }

  /** '' when no page calls, or one of our own. */
  #foreignPageOf(head: CallHead): string {
    const origin = head.header('origin')
    if (origin !== '' && !this.#isOwnOrigin(origin)) return origin
    // The browser says so of pages whose origin is allowed, too.
    if (origin !== '') return ''
    return head.header('sec-fetch-site') === 'cross-site' ? 'a page of another site' : ''
  }

  /** @param name without a port, lower case. */
  accepts(name: string): boolean {
    if (this.#isAnyAllowed || isLoopbackHost(name) || this.#names.has(name)) return true
    if (this.#endings.some((ending) => name.endsWith(ending))) return true
    if (this.#isLoopback) return false
    const isAddress = isIP(name.replace(/^\[(.*)\]$/, '$1')) !== 0
    return isAddress || !name.includes('.') || privateEndings.some((ending) => name.endsWith(ending))
  }

  #isOwnOrigin(origin: string): boolean {
    if (this.#isAnyAllowed) return true
    try {
      return this.accepts(new URL(origin).hostname.toLowerCase())
    } catch {
      // `null`: a page of a file, of a sandbox.
      return false
    }
  }

  #describe(): string {
    const names = ['localhost', '127.0.0.1', '[::1]', ...(this.#isLoopback ? [] : ['an IP address', 'a private name'])]
    return [...names, ...this.#names, ...this.#endings.map((ending) => `*${ending}`)].join(', ')
  }
}

/** @throws PenstockError ERR_ARGUMENT */
export function expectAllowedHosts(value: unknown): readonly string[] {
  return expectArray('allowedHosts', value, ALLOWED_HOSTS_MAX).map((entry) => {
    const name = expectString('each of allowedHosts', entry).toLowerCase().replace(/\.$/, '')
    if (name === '*' || /^(\*\.)?[a-z0-9_]([a-z0-9_.-]{0,251}[a-z0-9_])?$/.test(name) || isIP(name) !== 0)
      return name.includes(':') ? `[${name}]` : name
    throw argumentError('each of allowedHosts', 'a name without scheme, port and path, *.name or *', entry)
  })
}

/** The name of a Host header, lower case and without its port and last dot; null: it is none. */
function nameOf(host: string): string | null {
  const name = /^(\[[0-9a-f:.]+\]|[^:,\s]+)(?::\d{1,5})?$/i.exec(host)?.[1]
  return name?.toLowerCase().replace(/\.$/, '') ?? null
}

const wayOut =
  'Allow the name with --allow-host (or the option allowedHosts), or create an API key: penstock keys create <name>'

function foreignHost(host: string, names: string): PenstockError {
  return new PenstockError(
    'ERR_FORBIDDEN',
    `Expected the host to be one of ${names}, for no API key is set, but received ${host.slice(0, shownCharactersMax)}. ${wayOut}`,
  )
}

function foreignPage(origin: string): PenstockError {
  return new PenstockError(
    'ERR_FORBIDDEN',
    `Expected the page's origin to be on this machine or an allowed host, for no API key is set, but received ${origin.slice(0, shownCharactersMax)}. ${wayOut}`,
  )
}

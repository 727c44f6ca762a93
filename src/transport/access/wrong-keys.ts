/**
 * Wrong keys, by the address that they came from. What they are slowed down for is the server's time and its log, not the
 * secret: a key has 256 bits, so no rate of guessing finds one. Hence a right key is right whatever came from its address
 * before: behind one proxy or NAT, nobody can lock the others out. (Rejected: refusing an address as a whole.)
 *
 * The first few wrong keys of an address are answered 401 at once. After that each one doubles the time within which any
 * further one is answered 429 and counted, no more. Bounded: the address that was heard of longest ago is forgotten.
 */
import type { Clock } from '../../base/clock.js'
import {
  WRONG_KEY_ADDRESSES_MAX,
  WRONG_KEY_DELAY_MS,
  WRONG_KEY_DELAY_MS_MAX,
  WRONG_KEY_FORGET_MS,
  WRONG_KEY_LOG_LINES_MAX,
  WRONG_KEY_LOG_MS,
  WRONG_KEYS_FREE,
} from '../../base/limits/access-limits.js'

interface Client {
  /** That were answered 401. */
  wrongKeys: number
  /** Until when the next ones are not. */
  untilMs: number
  lastMs: number
  loggedMs: number
  unlogged: number
}

export interface WrongKeyNote {
  readonly address: string
  /** Since the line before about this address. */
  readonly wrongKeys: number
}

export class WrongKeys {
  readonly #clock: Clock
  readonly #onNote: (note: WrongKeyNote) => void
  readonly #clients = new Map<string, Client>()
  #lines = 0
  #linesSinceMs = 0

  /** @param onNote a line of the operator's log: one a minute and address, and not too many together. */
  constructor(clock: Clock, onNote: (note: WrongKeyNote) => void) {
    this.#clock = clock
    this.#onNote = onNote
  }

  get addressCount(): number {
    return this.#clients.size
  }

  /** Counts a wrong key. @returns milliseconds that its sender is to wait; 0: it may be answered at once. */
  add(address: string): number {
    const nowMs = this.#clock.nowMs()
    const client = this.#clientOf(networkOf(address), nowMs)
    client.lastMs = nowMs
    this.#log(client, address, nowMs)
    if (nowMs < client.untilMs) return client.untilMs - nowMs
    client.wrongKeys++
    const doublings = client.wrongKeys - WRONG_KEYS_FREE
    if (doublings >= 0) client.untilMs = nowMs + Math.min(WRONG_KEY_DELAY_MS * 2 ** doublings, WRONG_KEY_DELAY_MS_MAX)
    return 0
  }

  #clientOf(network: string, nowMs: number): Client {
    let client = this.#clients.get(network)
    if (client === undefined || nowMs - client.lastMs > WRONG_KEY_FORGET_MS)
      client = { wrongKeys: 0, untilMs: 0, lastMs: nowMs, loggedMs: -WRONG_KEY_LOG_MS, unlogged: 0 }
    // Heard of last stands last.
    this.#clients.delete(network)
    const [oldest] = this.#clients.keys()
    if (this.#clients.size >= WRONG_KEY_ADDRESSES_MAX && oldest !== undefined) this.#clients.delete(oldest)
    this.#clients.set(network, client)
    return client
  }

  #log(client: Client, address: string, nowMs: number): void {
    client.unlogged++
    if (nowMs - client.loggedMs < WRONG_KEY_LOG_MS) return
    if (nowMs - this.#linesSinceMs >= WRONG_KEY_LOG_MS) {
      this.#lines = 0
      this.#linesSinceMs = nowMs
    }
    if (++this.#lines > WRONG_KEY_LOG_LINES_MAX) return
    this.#onNote({ address, wrongKeys: client.unlogged })
    client.loggedMs = nowMs
    client.unlogged = 0
  }
}

/** An IPv4 address, mapped or not, or the /64 of an IPv6 one, which is what one customer of a provider has. */
export function networkOf(address: string): string {
  if (!address.includes(':')) return address
  // The parser of URLs has one form for each address of IPv6.
  const url = `http://[${address}]`
  const groups = expand(URL.canParse(url) ? new URL(url).hostname.slice(1, -1) : '::')
  const isMapped = groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff
  if (!isMapped)
    return groups
      .slice(0, 4)
      .map((group) => group.toString(16))
      .join(':')
  return groups
    .slice(6)
    .map((group) => `${group >> 8}.${group & 255}`)
    .join('.')
}

function expand(address: string): number[] {
  const [head = [], tail = []] = address.split('::').map((part) => (part === '' ? [] : part.split(':')))
  const zeros = Array.from({ length: Math.max(0, 8 - head.length - tail.length) }, () => '0')
  return [...head, ...zeros, ...tail].map((group) => Number.parseInt(group, 16))
}

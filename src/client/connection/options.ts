/**
 * What a caller may set when connecting, checked once, and the world that a client touches (sockets, time, chance), which
 * tests replace to replay losses from a seed.
 */
import { systemClock, type Clock } from '../../base/clock.js'
import {
  argumentError,
  expectBoolean,
  expectInteger,
  expectNoOtherKeys,
  expectOneOf,
  expectRecord,
  expectString,
} from '../../base/expect.js'
import { systemRandom, type RandomSource } from '../../base/random.js'
import { AUTHENTICATE_SUBPROTOCOL, KEY_SUBPROTOCOL_PREFIX, STREAM_PATH, SUBPROTOCOL } from '../../protocol/messages.js'
import { SLOTS_MAX } from './in-flight.js'
import { socketFactory, type SocketFactory } from '../socket/socket.js'

export interface ReconnectOptions {
  /** Tries in a row before the client gives up and closes; absent: no end. */
  readonly attemptsMax?: number
  /** Upper end of the first delay, ms; it doubles with each try. Default 100. */
  readonly delayMsMin?: number
  /** Upper end of any delay, ms. Default 10,000. */
  readonly delayMsMax?: number
}

export interface ClientOptions {
  readonly apiKey?: string
  /**
   * How the key is sent, for browsers cannot set headers: as a subprotocol of the handshake, which every server takes, or as
   * the connection's first message, which no proxy on the way logs. Default 'subprotocol'.
   */
  readonly apiKeyIn?: 'subprotocol' | 'message'
  /** false: a lost connection closes the client. Default true. */
  readonly reconnect?: boolean | ReconnectOptions
  /** Requests in flight at most; the server's window counts when it is smaller. Default 65,536. */
  readonly windowRequestsMax?: number
  /** Requests that may wait for the window or for a connection; beyond it infer() rejects with ERR_QUEUE_FULL. Default 65,536. */
  readonly waitingMax?: number
  /** Bytes that may wait in the socket before requests wait instead. Default 8 MiB. */
  readonly bufferedBytesMax?: number
  /** From dialling to the server's Hello, ms. Default 10,000. */
  readonly connectTimeoutMs?: number
}

export interface ClientEnvironment {
  readonly openSocket: SocketFactory
  readonly clock: Clock
  readonly random: RandomSource
  /** Calls back once after `delayMs`; the result cancels it. */
  readonly setTimer: (callback: () => void, delayMs: number) => () => void
}

export const systemEnvironment: ClientEnvironment = {
  openSocket: socketFactory(globalThis),
  clock: systemClock,
  random: systemRandom,
  setTimer: (callback, delayMs) => {
    const timer = setTimeout(callback, delayMs)
    return () => clearTimeout(timer)
  },
}

/** Requests that wait in the client: as many as may be in flight. */
const WAITING_MAX = 65_536
/** Bytes. Enough to keep a fast link busy, little enough to wait in a slow one. */
const BUFFERED_BYTES_MAX = 8 * 1024 * 1024
const CONNECT_TIMEOUT_MS = 10_000
const RECONNECT_DELAY_MS_MIN = 100
const RECONNECT_DELAY_MS_MAX = 10_000
const MILLISECONDS_MAX = 3_600_000

export interface ReconnectPlan {
  readonly attemptsMax: number
  readonly delayMsMin: number
  readonly delayMsMax: number
}

export interface ClientSettings {
  readonly url: string
  readonly protocols: readonly string[]
  /** Sent in the first message; null: none is. */
  readonly firstKey: string | null
  /** null: a loss is final. */
  readonly reconnect: ReconnectPlan | null
  readonly windowRequestsMax: number
  readonly waitingMax: number
  readonly bufferedBytesMax: number
  readonly connectTimeoutMs: number
}

const optionKeys: readonly string[] = [
  'apiKey',
  'apiKeyIn',
  'reconnect',
  'windowRequestsMax',
  'waitingMax',
  'bufferedBytesMax',
  'connectTimeoutMs',
] satisfies (keyof ClientOptions)[]

/** @throws PenstockError ERR_ARGUMENT naming the option. */
export function settingsOf(url: string, options: ClientOptions): ClientSettings {
  expectNoOtherKeys('options', expectRecord('options', options), optionKeys)
  const integer = (name: keyof ClientOptions, fallback: number, max: number): number => {
    return options[name] === undefined ? fallback : expectInteger(name, options[name], 1, max)
  }
  return {
    url: streamUrl(url),
    ...keyCarrierOf(options),
    reconnect: reconnectPlan(options.reconnect ?? true),
    windowRequestsMax: integer('windowRequestsMax', SLOTS_MAX, SLOTS_MAX),
    waitingMax: integer('waitingMax', WAITING_MAX, Number.MAX_SAFE_INTEGER),
    bufferedBytesMax: integer('bufferedBytesMax', BUFFERED_BYTES_MAX, Number.MAX_SAFE_INTEGER),
    connectTimeoutMs: integer('connectTimeoutMs', CONNECT_TIMEOUT_MS, MILLISECONDS_MAX),
  }
}

/** `ws://host:port` → `ws://host:port/v1/stream`; a path before it (a reverse proxy's) is kept. */
function streamUrl(url: unknown): string {
  const rule = 'a ws:, wss:, http: or https: URL'
  const text = expectString('url', url)
  if (!URL.canParse(text)) throw argumentError('url', rule, text, 'For example ws://127.0.0.1:8080')
  const parsed = new URL(text)
  const scheme = /^(ws|http)(s?):$/.exec(parsed.protocol)
  if (scheme === null) throw argumentError('url', rule, text, 'For example ws://127.0.0.1:8080')
  const path = parsed.pathname.replace(/\/+$/, '')
  return `ws${scheme[2]}://${parsed.host}${path.endsWith(STREAM_PATH) ? path : path + STREAM_PATH}`
}

function keyCarrierOf({ apiKey, apiKeyIn = 'subprotocol' }: ClientOptions): {
  readonly protocols: readonly string[]
  readonly firstKey: string | null
} {
  expectOneOf('apiKeyIn', apiKeyIn, ['subprotocol', 'message'])
  if (apiKey === undefined) return { protocols: [SUBPROTOCOL], firstKey: null }
  const key = expectString('apiKey', apiKey)
  // RFC 6455: a subprotocol is a token of HTTP.
  if (!/^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,256}$/.test(key)) {
    // Never the key itself: errors end up in logs.
    throw argumentError(
      'apiKey',
      '1..256 characters of an HTTP token (letters, digits, _ - . …)',
      `${key.length} characters`,
    )
  }
  if (apiKeyIn === 'message') return { protocols: [SUBPROTOCOL, AUTHENTICATE_SUBPROTOCOL], firstKey: key }
  return { protocols: [SUBPROTOCOL, `${KEY_SUBPROTOCOL_PREFIX}${key}`], firstKey: null }
}

function reconnectPlan(option: unknown): ReconnectPlan | null {
  if (typeof option !== 'object') return expectBoolean('reconnect', option) ? reconnectPlan({}) : null
  const given = expectRecord('reconnect', option)
  expectNoOtherKeys('reconnect', given, [
    'attemptsMax',
    'delayMsMin',
    'delayMsMax',
  ] satisfies (keyof ReconnectOptions)[])
  const { attemptsMax, delayMsMin = RECONNECT_DELAY_MS_MIN, delayMsMax = RECONNECT_DELAY_MS_MAX } = given
  return {
    attemptsMax:
      attemptsMax === undefined
        ? Infinity
        : expectInteger('reconnect.attemptsMax', attemptsMax, 1, Number.MAX_SAFE_INTEGER),
    delayMsMin: expectInteger('reconnect.delayMsMin', delayMsMin, 1, MILLISECONDS_MAX),
    delayMsMax: expectInteger('reconnect.delayMsMax', delayMsMax, 1, MILLISECONDS_MAX),
  }
}

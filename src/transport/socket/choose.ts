/**
 * Which backend serves: the fast one where its library loads, else Node's own http and `ws`. The reason is one sentence
 * with the way out, made from what loading said: its own message names every platform but not what is missing here.
 */
import { argumentError } from '../../base/expect.js'
import { hasIoThreads } from '../../engine/net/io-threads.js'
import { NativeBackend } from './native/backend.js'
import { NodeBackend } from './node-http.js'
import type { BackendHandlers, SocketBackend, SocketChoice } from './seam.js'
import { loadSocketLibrary, UwsBackend, type SocketLibrary } from './uws.js'

export const socketChoices: readonly SocketChoice[] = ['auto', 'native', 'uws', 'node']
/** The environment variable that chooses for servers without the option. */
export const SOCKETS_VARIABLE = 'PENSTOCK_SOCKETS'

/** What installs the library; the version is the one that the tests run with. */
export const installSockets = 'npm install uWebSockets.js@npm:uwebsockets@3.0.6'

export interface OpenedBackend {
  readonly backend: SocketBackend
  /** Why it is not the fast one, a whole sentence; null when it is, or when Node's own was asked for. */
  readonly fallBackReason: string | null
}

/** @throws PenstockError ERR_ARGUMENT for a word that is none of them. */
export function socketChoiceOf(value: string): SocketChoice {
  const choice = socketChoices.find((known) => known === value)
  if (choice === undefined) throw argumentError('sockets', `one of ${socketChoices.join(', ')}`, value)
  return choice
}

export interface BackendNeeds {
  /** 1..IO_THREADS_MAX; absent: 1. */
  readonly ioThreads?: number | undefined
  /** Whether it must take over connections that another listener accepted; absent: no. */
  readonly adopts?: boolean
}

/** @throws PenstockError ERR_ARGUMENT when what was asked for does not load, or cannot do what is needed. */
export function openBackend<Data>(
  choice: SocketChoice,
  handlers: BackendHandlers<Data>,
  { ioThreads = 1, adopts = false }: BackendNeeds = {},
  load: () => SocketLibrary = loadSocketLibrary,
): OpenedBackend {
  if (adopts && (choice === 'uws' || choice === 'native'))
    throw argumentError('sockets', `auto or node with TLS, whose connections ${choice} is not given,`, choice)
  if (choice === 'native') {
    if (!hasIoThreads())
      throw argumentError('sockets', 'auto, uws or node, because native I/O threads are for Linux,', choice)
    return { backend: new NativeBackend(handlers, ioThreads), fallBackReason: null }
  }
  if (ioThreads > 1)
    throw argumentError(
      'ioThreads',
      "1, because only native sockets have threads of their own (sockets: 'native'),",
      ioThreads,
    )
  if (adopts) {
    const fallBackReason =
      choice === 'node'
        ? null
        : 'with TLS, connections come decrypted from Node, and uWebSockets.js takes none but its own'
    return { backend: new NodeBackend(handlers), fallBackReason }
  }
  if (choice === 'node') return { backend: new NodeBackend(handlers), fallBackReason: null }
  let library
  try {
    library = load()
  } catch (error) {
    const reason = loadFailure(error instanceof Error ? error : new Error(String(error)))
    if (choice === 'uws')
      throw argumentError('sockets', 'auto or node, because uws does not load here,', choice, sentenceOf(reason))
    return { backend: new NodeBackend(handlers), fallBackReason: reason }
  }
  return { backend: new UwsBackend(library, handlers), fallBackReason: null }
}

const sentenceOf = (reason: string): string => reason.charAt(0).toUpperCase() + reason.slice(1)

/** The machine, for the sentence; tests pass another. */
export interface SocketMachine {
  readonly node: string
  readonly platform: string
}

/** Says in one sentence why the library does not load here, and what to do. */
export function loadFailure(
  error: Error & { readonly code?: unknown },
  machine: SocketMachine = { node: process.versions.node, platform: `${process.platform}-${process.arch}` },
): string {
  const { node, platform } = machine
  const isAbsent = error.code === 'MODULE_NOT_FOUND' && error.message.startsWith("Cannot find module 'uWebSockets.js'")
  if (isAbsent) return `uWebSockets.js is not installed; to add it: ${installSockets}`
  const wanted = /GLIBC_(\d+\.\d+)' not found/.exec(error.message)?.[1]
  const major = node.split('.')[0] ?? node
  // Not asked for the version that it has: Node's report, which knows, waits for every worker thread, and ours sleep
  // natively.
  if (wanted !== undefined)
    return `the binary of uWebSockets.js for Node ${major} wants glibc ${wanted} and this system's is older; it loads on a newer system, or with Node 20`
  if (/Cannot find module '\.\/uws_/.test(error.message))
    return `uWebSockets.js has no binary for Node ${major} on ${platform}; it has one for Node 20 to 25, except 23`
  const line = error.message.split('\n').findLast((text) => text.trim() !== '') ?? error.message
  return `uWebSockets.js does not load on Node ${major}, ${platform}: ${line.trim()}`
}

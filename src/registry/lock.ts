/**
 * One writer per home. Two guards, because neither suffices alone:
 * 1. On Linux a socket in the abstract namespace, named after the directory's device and inode. The kernel gives the
 *    name to one process and takes it back at its death, kill -9 included, so nothing stale can remain. It reaches as
 *    far as the network namespace. (flock would do as well, but Node does not offer it.)
 * 2. A lock file that names its holder and is touched every second. It reaches across containers and machines that
 *    share the directory, and it says who is in the way. A file whose holder is provably dead is taken over at once;
 *    where that cannot be known, it is watched for WATCH_MS, and taken over if nobody touches it.
 *
 *    free ── create 'wx' ──► held ── release, or death and ► free / stale
 *                             │ somebody else took it over (this process hung for longer than WATCH_MS)
 *                             ▼
 *                            lost: isHeld is false, and the home refuses to write
 */
import { createHash, randomUUID } from 'node:crypto'
import { type FileHandle, open, readFile, rename, rm, stat } from 'node:fs/promises'
import { createServer, type Server } from 'node:net'
import { basename, dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Clock, systemClock } from '../base/clock.js'
import { storageError, TEMPORARY_SUFFIX } from './durable-file.js'
import { livenessOf, type ProcessIdentity, thisProcess } from './process-identity.js'

export interface Holder extends ProcessIdentity {
  /** ISO 8601, UTC. */
  readonly since: string
  readonly nonce: string
}

/** How often the holder touches the file. */
const HEARTBEAT_MS = 1000
/** How long a holder that cannot be asked is watched: several heartbeats, so that a busy one is not robbed. */
const WATCH_MS = 6000
const WATCH_STEP_MS = 200
/** Rounds of finding the lock taken by yet another process that then dies. */
const ATTEMPTS_MAX = 5
/** After a takeover: long enough that others who judged the same file stale have moved their hands away. */
const SETTLE_MS = 50
/** In place of a modification time: the file was released while it was watched. */
const ABSENT = -1

export interface LockOptions {
  /** False skips the kernel's guard; for tests of the lock file, and as other systems than Linux behave. */
  readonly useSocket?: boolean
  /** Stamps the lock file; default the system's. */
  readonly clock?: Clock
  /** How long a holder of unknown liveness is watched; default WATCH_MS. */
  readonly watchMs?: number
}

/** Thrown by acquire; `holder` is undefined when the lock file could not be read. */
export class LockedError extends Error {
  readonly holder: Holder | undefined

  constructor(holder: Holder | undefined) {
    super('The lock is held by another process')
    this.holder = holder
  }
}

interface LockParts {
  readonly path: string
  readonly holder: Holder
  readonly file: FileHandle
  readonly inode: number
  readonly socket: Server | undefined
  readonly clock: Clock
}

export class FileLock {
  readonly path: string
  readonly holder: Holder
  readonly #file: FileHandle
  readonly #inode: number
  readonly #socket: Server | undefined
  readonly #clock: Clock
  readonly #timer: NodeJS.Timeout
  #isHeld = true
  #beatCount = 0

  private constructor(parts: LockParts) {
    this.path = parts.path
    this.holder = parts.holder
    this.#file = parts.file
    this.#inode = parts.inode
    this.#socket = parts.socket
    this.#clock = parts.clock
    this.#timer = setInterval(() => void this.#beat(), HEARTBEAT_MS)
    this.#timer.unref()
  }

  /** @throws LockedError; PenstockError ERR_STORAGE when the directory cannot be written. */
  static async acquire(path: string, options: LockOptions = {}): Promise<FileLock> {
    const clock = options.clock ?? systemClock
    const useSocket = options.useSocket ?? process.platform === 'linux'
    const socket = useSocket ? await bindAbstract(path) : undefined
    try {
      const holder: Holder = { ...thisProcess(), since: new Date(clock.nowMs()).toISOString(), nonce: randomUUID() }
      const file = await createLockFile(path, holder, options.watchMs ?? WATCH_MS)
      return new FileLock({ path, holder, file, inode: (await file.stat()).ino, socket, clock })
    } catch (error) {
      socket?.close()
      if (error instanceof LockedError) throw error
      throw storageError(`Could not lock ${path}`, error)
    }
  }

  /** False once another process has taken the lock over, or after release. */
  get isHeld(): boolean {
    return this.#isHeld
  }

  async release(): Promise<void> {
    clearInterval(this.#timer)
    const isOwn = this.#isHeld && (await this.#isOwnFile())
    this.#isHeld = false
    if (isOwn) await rm(this.path, { force: true })
    await this.#file.close()
    // Last: who gets the name next must find the file gone.
    await new Promise<void>((resolve) => (this.#socket === undefined ? resolve() : this.#socket.close(() => resolve())))
  }

  async #beat(): Promise<void> {
    if (!this.#isHeld) return
    if (!(await this.#isOwnFile())) {
      this.#isHeld = false
      return
    }
    // Counting, so that each beat shows even where the clock stands still or was set back.
    this.#beatCount += 1
    const now = new Date(this.#clock.nowMs() + this.#beatCount)
    // Through the handle: the path could be another's by now. A failing touch only makes this holder look hung.
    await this.#file.utimes(now, now).catch(() => undefined)
  }

  async #isOwnFile(): Promise<boolean> {
    try {
      return (await stat(this.path)).ino === this.#inode
    } catch {
      return false
    }
  }
}

/** The lock file's content; undefined when it is absent or no holder's. */
export async function readHolder(path: string): Promise<Holder | undefined> {
  try {
    const holder = JSON.parse(await readFile(path, 'utf8')) as Partial<Holder> | null
    const isHolder = typeof holder?.pid === 'number' && typeof holder.nonce === 'string'
    return isHolder ? (holder as Holder) : undefined
  } catch {
    return undefined
  }
}

async function bindAbstract(path: string): Promise<Server> {
  const { dev, ino } = await stat(dirname(path), { bigint: true }).catch((error: unknown) => {
    throw storageError(`Could not lock ${path}`, error)
  })
  const digest = createHash('sha256')
    .update(`${dev}:${ino}:${basename(path)}`)
    .digest('hex')
  const server = createServer((connection) => connection.destroy())
  server.unref()
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      // exclusive: in a cluster worker the name would otherwise be shared through the primary.
      server.listen({ path: `\0penstock-${digest.slice(0, 32)}`, exclusive: true }, resolve)
    })
    return server
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EADDRINUSE')
      throw new LockedError(await readHolder(path))
    throw storageError(`Could not lock ${path}`, error)
  }
}

async function createLockFile(path: string, holder: Holder, watchMs: number): Promise<FileHandle> {
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt += 1) {
    try {
      const file = await open(path, 'wx')
      await file.write(`${JSON.stringify(holder)}\n`)
      if (attempt === 0 || (await isSettled(path, holder.nonce))) return file
      await file.close()
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
    }
    const present = await readHolder(path)
    if (await isAlive(path, present, holder, watchMs)) throw new LockedError(present)
    await takeAway(path, present?.nonce)
  }
  throw new LockedError(await readHolder(path))
}

/** Another taker may have moved the new file away, taking it for the stale one, for as long as a rename takes. */
async function isSettled(path: string, nonce: string): Promise<boolean> {
  await sleep(SETTLE_MS)
  return (await readHolder(path))?.nonce === nonce
}

async function isAlive(path: string, present: Holder | undefined, self: Holder, watchMs: number): Promise<boolean> {
  const liveness = present === undefined ? 'unknown' : livenessOf(present, self)
  if (liveness !== 'unknown') return liveness === 'alive'
  // mtimes are compared with each other only: the machines' clocks may disagree.
  const before = await modifiedMs(path)
  for (let waitedMs = 0; waitedMs < watchMs; waitedMs += WATCH_STEP_MS) {
    await sleep(WATCH_STEP_MS)
    const nowMs = await modifiedMs(path)
    if (nowMs !== before) return nowMs !== ABSENT
  }
  return false
}

async function modifiedMs(path: string): Promise<number> {
  try {
    return (await stat(path)).mtimeMs
  } catch {
    return ABSENT
  }
}

/** Moves a stale lock file aside, atomically; if it turns out to be another one than was judged stale, puts it back. */
async function takeAway(path: string, nonce: string | undefined): Promise<void> {
  const aside = `${path}.${randomUUID()}${TEMPORARY_SUFFIX}`
  try {
    await rename(path, aside)
  } catch {
    // Somebody else moved it first; the next attempt meets the new holder.
    return
  }
  const moved = await readHolder(aside)
  if (moved?.nonce === nonce) await rm(aside, { force: true })
  else await rename(aside, path)
}

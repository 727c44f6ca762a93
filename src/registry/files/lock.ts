/**
 * One writer per home. Two guards, because neither suffices by itself:
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
 *                            lost: `loss` says how, and the home refuses to write
 *
 * Not everything that goes wrong is another process: the directory may have been removed or replaced under the holder,
 * and a disk that refuses (read-only, full, broken) is reported as that, whatever the lock file says.
 */
import { createHash, randomUUID } from 'node:crypto'
import { type FileHandle, open, readFile, rename, rm, stat } from 'node:fs/promises'
import { createServer, type Server } from 'node:net'
import { basename, dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Clock, systemClock } from '../../base/clock.js'
import type { PenstockError } from '../../base/errors.js'
import { errorCodeOf, storageError, TEMPORARY_SUFFIX } from './durable-file.js'
import { livenessOf, type ProcessIdentity, thisProcess } from './process-identity.js'

export interface Holder extends ProcessIdentity {
  /** ISO 8601, UTC. */
  readonly since: string
  readonly nonce: string
}

/** How a holder lost its lock: to another process, or because somebody removed or replaced what it lies in. */
export type LockLoss = 'taken-over' | 'file-removed' | 'directory-removed' | 'directory-replaced'

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

interface HeldLock {
  readonly path: string
  readonly holder: Holder
  readonly file: FileHandle
  readonly inode: bigint
  /** Identifies the directory, so that no other under its name is taken for it. */
  readonly directory: string
  readonly socket: Server | undefined
  readonly clock: Clock
}

export class FileLock {
  readonly path: string
  readonly holder: Holder
  /** Called once, when the lock is found lost: at the next beat or look. */
  onLoss: ((loss: LockLoss) => void) | undefined
  readonly #held: HeldLock
  readonly #timer: NodeJS.Timeout
  #loss: LockLoss | undefined
  #isReleased = false
  #beatCount = 0

  private constructor(held: HeldLock) {
    this.path = held.path
    this.holder = held.holder
    this.#held = held
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
      const { ino: inode } = await file.stat({ bigint: true })
      return new FileLock({ path, holder, file, inode, directory: await identityOf(dirname(path)), socket, clock })
    } catch (error) {
      socket?.close()
      if (error instanceof LockedError) throw error
      throw storageError(`Could not lock ${path}`, error)
    }
  }

  /** False once the lock is lost, as far as the last beat saw, or after release. */
  get isHeld(): boolean {
    return this.#loss === undefined && !this.#isReleased
  }

  /** Looks at the file now. @returns how the lock was lost; undefined: it is held. */
  async look(): Promise<LockLoss | undefined> {
    if (!this.isHeld) return this.#loss
    const loss = await findLoss(this.#held)
    // Another look, or the release, may have come first.
    if (loss !== undefined && this.isHeld) {
      this.#loss = loss
      this.onLoss?.(loss)
    }
    return this.#loss
  }

  /**
   * Removes the file if it is still ours.
   * @returns what kept it from being removed, such as a disk that has become read-only; the next holder takes it over.
   */
  async release(): Promise<PenstockError | undefined> {
    clearInterval(this.#timer)
    const isOwn = (await this.look()) === undefined && !this.#isReleased
    this.#isReleased = true
    const { file, socket } = this.#held
    let failure: PenstockError | undefined
    const note = (error: unknown): void => void (failure ??= storageError(`Could not remove ${this.path}`, error))
    if (isOwn) await rm(this.path, { force: true }).catch(note)
    await file.close().catch(note)
    // Last: who gets the name next must find the file gone.
    await new Promise<void>((resolve) => (socket === undefined ? resolve() : socket.close(() => resolve())))
    return failure
  }

  async #beat(): Promise<void> {
    if (!this.isHeld || (await this.look()) !== undefined) return
    const { clock, file } = this.#held
    // Counting, so that each beat shows even where the clock stands still or was set back.
    this.#beatCount += 1
    const now = new Date(clock.nowMs() + this.#beatCount)
    // Through the handle: the path could be another's by now. A failing touch only makes this holder look hung.
    await file.utimes(now, now).catch(() => undefined)
  }
}

async function findLoss({ path, inode, directory }: HeldLock): Promise<LockLoss | undefined> {
  let isThere = true
  try {
    if ((await stat(path, { bigint: true })).ino === inode) return undefined
  } catch (error) {
    // A disk that cannot be read says nothing about who holds the lock.
    if (!isAbsence(error)) return undefined
    isThere = false
  }
  try {
    if ((await identityOf(dirname(path))) !== directory) return 'directory-replaced'
  } catch (error) {
    return isAbsence(error) ? 'directory-removed' : undefined
  }
  return isThere ? 'taken-over' : 'file-removed'
}

/** Numbers of inodes are used again, so the time of birth belongs to them. */
async function identityOf(path: string): Promise<string> {
  const { dev, ino, birthtimeNs } = await stat(path, { bigint: true })
  return `${dev}:${ino}:${birthtimeNs}`
}

function isAbsence(error: unknown): boolean {
  const code = errorCodeOf(error)
  return code === 'ENOENT' || code === 'ENOTDIR'
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
    if (errorCodeOf(error) === 'EADDRINUSE') throw new LockedError(await readHolder(path))
    throw storageError(`Could not lock ${path}`, error)
  }
}

async function createLockFile(path: string, holder: Holder, watchMs: number): Promise<FileHandle> {
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt += 1) {
    const file = await tryCreate(path, holder)
    if (file !== undefined) {
      if (attempt === 0 || (await isSettled(path, holder.nonce))) return file
      await file.close()
    }
    const present = await readHolder(path)
    if (await isAlive(path, present, holder, watchMs)) throw new LockedError(present)
    await takeAway(path, present?.nonce)
  }
  throw new LockedError(await readHolder(path))
}

/** @returns undefined: the file is there. @throws whatever the disk says; then nothing is left behind. */
async function tryCreate(path: string, holder: Holder): Promise<FileHandle | undefined> {
  let file: FileHandle
  try {
    file = await open(path, 'wx')
  } catch (error) {
    if (errorCodeOf(error) === 'EEXIST') return undefined
    throw error
  }
  try {
    await file.write(`${JSON.stringify(holder)}\n`)
    return file
  } catch (error) {
    // An empty lock file names nobody: the next start would have to watch it for seconds.
    await rm(path, { force: true }).catch(() => undefined)
    await file.close().catch(() => undefined)
    throw error
  }
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

/**
 * Moves a stale lock file aside, atomically; if it turns out to be another one than was judged stale, puts it back.
 * @throws whatever the disk says: on one that is read-only a stale file stays, and that is not another process's doing.
 */
async function takeAway(path: string, nonce: string | undefined): Promise<void> {
  const aside = `${path}.${randomUUID()}${TEMPORARY_SUFFIX}`
  try {
    await rename(path, aside)
  } catch (error) {
    if (!isAbsence(error)) throw error
    // Somebody else moved it first; the next attempt meets the new holder.
    return
  }
  const moved = await readHolder(aside)
  if (moved?.nonce === nonce) await rm(aside, { force: true })
  else await rename(aside, path)
}

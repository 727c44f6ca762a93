import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { FileLock, type Holder, LockedError, readHolder } from './lock.js'
import { livenessOf, startTicksOf, thisProcess } from './process-identity.js'
import { temporaryDirectory } from '../testing/fixtures.js'

const lockPath = () => join(temporaryDirectory(), 'lock.json')

function writeHolder(path: string, changes: Partial<Holder>): void {
  writeFileSync(
    path,
    JSON.stringify({ ...thisProcess(), since: '2026-01-01T00:00:00.000Z', nonce: 'other', ...changes }),
  )
}

/** A process that has ended: its pid may be anybody's by now. */
async function deadProcess(): Promise<{ pid: number; startTicks: string | null }> {
  const child = spawn(process.execPath, ['-e', 'setTimeout(() => {}, 60_000)'])
  await once(child, 'spawn')
  const pid = child.pid ?? 0
  const startTicks = startTicksOf(pid)
  child.kill('SIGKILL')
  await once(child, 'exit')
  return { pid, startTicks }
}

describe.runIf(process.platform === 'linux')('process-identity', () => {
  it('livenessOf: knows itself, a dead process, and a pid that belongs to somebody else by now', async () => {
    const self = thisProcess()
    expect(livenessOf(self, self)).toBe('alive')
    expect(livenessOf({ ...self, ...(await deadProcess()) }, self)).toBe('dead')
    expect(livenessOf({ ...self, startTicks: '1' }, self)).toBe('dead')
  })

  it('livenessOf: does not judge processes of other machines and containers', () => {
    const self = thisProcess()
    expect(livenessOf({ ...self, bootId: 'another' }, self)).toBe('unknown')
    expect(livenessOf({ ...self, pidNamespace: 'pid:[1]' }, self)).toBe('unknown')
    expect(livenessOf({ ...self, startTicks: null }, self)).toBe('unknown')
  })

  it('startTicksOf: survives a command with spaces and parentheses', async () => {
    const child = spawn(process.execPath, [
      '-e',
      'process.title = "a) R (b 7"; console.log(1); setTimeout(() => {}, 60_000)',
    ])
    await once(child.stdout, 'data')
    expect(readFileSync(`/proc/${child.pid}/stat`, 'utf8')).toContain('a) R (b')
    expect(Number(startTicksOf(child.pid ?? 0))).toBeGreaterThanOrEqual(Number(startTicksOf(process.pid)))
    child.kill('SIGKILL')
    await once(child, 'exit')
  })
})

// The lock file is what other systems rely on, so all of this holds with and without the kernel's guard.
describe.each([{ useSocket: process.platform === 'linux' }, { useSocket: false }])(
  'lock, socket: $useSocket',
  (guard) => {
    it('acquire: refuses a second holder and names the first', async () => {
      const path = lockPath()
      const lock = await FileLock.acquire(path, guard)
      const refusal = await FileLock.acquire(path, guard).catch((error: unknown) => error)
      expect(refusal).toBeInstanceOf(LockedError)
      expect((refusal as LockedError).holder).toMatchObject({
        pid: process.pid,
        host: lock.holder.host,
        since: lock.holder.since,
      })
      await lock.release()
      expect(existsSync(path)).toBe(false)
      await (await FileLock.acquire(path, guard)).release()
    })

    it('acquire: gives the lock to exactly one of many that ask at once', async () => {
      const path = lockPath()
      writeHolder(path, { startTicks: '1' })
      const results = await Promise.allSettled(Array.from({ length: 8 }, () => FileLock.acquire(path, guard)))
      const held = results.filter((result) => result.status === 'fulfilled').map(({ value }) => value)
      expect(held).toHaveLength(1)
      expect(await readHolder(path)).toEqual(held[0]?.holder)
      await held[0]?.release()
    })

    it.runIf(process.platform === 'linux')(
      'acquire: takes over at once from a dead process, even if its pid is in use again',
      async () => {
        const path = lockPath()
        for (const dead of [await deadProcess(), { pid: process.pid, startTicks: '1' }, { pid: 1, startTicks: '1' }]) {
          writeHolder(path, dead)
          const startMs = performance.now()
          const lock = await FileLock.acquire(path, guard)
          expect(performance.now() - startMs).toBeLessThan(1000)
          expect((await readHolder(path))?.nonce).toBe(lock.holder.nonce)
          await lock.release()
        }
      },
    )

    it('acquire: watches a holder that it cannot judge, and takes over only if that stands still', async () => {
      const path = lockPath()
      writeHolder(path, { host: 'elsewhere', bootId: 'another' })
      let touches = 0
      const heart = setInterval(
        () => writeHolder(path, { host: 'elsewhere', bootId: 'another', since: `${touches++}` }),
        100,
      )
      await expect(FileLock.acquire(path, { ...guard, watchMs: 1000 })).rejects.toBeInstanceOf(LockedError)
      clearInterval(heart)
      const lock = await FileLock.acquire(path, { ...guard, watchMs: 600 })
      expect((await readHolder(path))?.nonce).toBe(lock.holder.nonce)
      await lock.release()
    })

    it('acquire: recovers from an empty lock file, as a kill between its creation and its content leaves it', async () => {
      const path = lockPath()
      writeFileSync(path, '')
      const lock = await FileLock.acquire(path, { ...guard, watchMs: 400 })
      await lock.release()
    })

    it('isHeld: turns false when another process has taken the file over, whose file then survives the release', async () => {
      const path = lockPath()
      const lock = await FileLock.acquire(path, guard)
      rmSync(path)
      writeHolder(path, { host: 'elsewhere' })
      await sleep(1300)
      expect(lock.isHeld).toBe(false)
      await lock.release()
      expect(await readHolder(path)).toMatchObject({ host: 'elsewhere' })
    })

    it('acquire: reports a directory that does not exist', async () => {
      const path = join(temporaryDirectory(), 'absent', 'lock.json')
      await expect(FileLock.acquire(path, guard)).rejects.toMatchObject({
        code: 'ERR_STORAGE',
        cause: { code: 'ENOENT' },
      })
    })
  },
)

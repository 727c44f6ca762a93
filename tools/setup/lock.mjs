/**
 * Lets one setup run at a time in a working tree: a folder (made atomically) that holds the owner's process id. A lock
 * whose owner is gone is taken over.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { SetupError } from './machine.mjs'

const waitMsMax = 15 * 60_000
const pollMs = 200

export function withLock(folder, work) {
  acquire(folder)
  try {
    return work()
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function acquire(folder) {
  mkdirSync(dirname(folder), { recursive: true })
  const endMs = performance.now() + waitMsMax
  for (let isDeclared = false; ;) {
    try {
      mkdirSync(folder)
      writeFileSync(join(folder, 'pid'), String(process.pid))
      return
    } catch (error) {
      if (error.code !== 'EEXIST') throw error
    }
    if (!isOwnerAlive(folder)) {
      rmSync(folder, { recursive: true, force: true })
      continue
    }
    if (performance.now() > endMs)
      throw new SetupError(
        `Expected the other setup to end but ${folder} is still held. Remove it if no setup is running.`,
      )
    if (!isDeclared) console.error('penstock: another setup is running in this folder; waiting for it …')
    isDeclared = true
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, pollMs)
  }
}

function isOwnerAlive(folder) {
  let pid
  try {
    pid = Number(readFileSync(join(folder, 'pid'), 'utf8'))
  } catch {
    // Between mkdir and the write of its pid: the owner has just begun.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, pollMs)
    try {
      pid = Number(readFileSync(join(folder, 'pid'), 'utf8'))
    } catch {
      return false
    }
  }
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error.code === 'EPERM'
  }
}

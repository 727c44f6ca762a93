import { describe, expect, it } from 'vitest'
import { ManualClock } from '../../base/clock.js'
import type { WorkerTask } from '../worker-messages.js'
import { Worker, type ThreadEnd } from './worker.js'
import type { WorkerThreads } from './worker-threads.js'

/** Threads that end when they are told to. */
class ManualThreads {
  readonly tasks: WorkerTask[] = []
  readonly #ends: (() => void)[] = []
  readonly #losses: ((cause: unknown) => void)[] = []

  takeNumber(): number {
    return this.tasks.length + 1
  }

  run(task: WorkerTask): Promise<void> {
    this.tasks.push(task)
    return new Promise((resolve, reject) => {
      this.#ends.push(resolve)
      this.#losses.push(reject)
    })
  }

  end(index: number): void {
    this.#ends[index]?.()
  }

  lose(index: number, cause: unknown): void {
    this.#losses[index]?.(cause)
  }
}

function workerOn(threads: ManualThreads, clock = new ManualClock()): Worker {
  return new Worker(3, 'extra', { runtime: 1, rowCheckEvery: 0, clock, threads: threads as unknown as WorkerThreads })
}

const ready = (thread: number) => ({ readyWorker: 3, thread, unloaded: [] })

describe('Worker', () => {
  it('worker: takes work once its own thread says so, and no more when that is lost', async () => {
    const threads = new ManualThreads()
    const worker = workerOn(threads)
    const ends: ThreadEnd[] = []
    worker.start([], (end) => ends.push(end))
    expect(threads.tasks).toMatchObject([{ workerIndex: 3, thread: 1, isForBackground: false }])
    expect([worker.hearReady(ready(2)), worker.isReady]).toEqual([false, false])
    expect([worker.hearReady(ready(1)), worker.isReady]).toEqual([true, true])
    threads.lose(0, 'a fault')
    await worker.ended
    expect(worker.isReady).toBe(false)
    expect(ends).toEqual([{ cause: 'a fault', wasReady: true }])
  })

  it('worker: a thread whose place another has taken ends unheard, and its news are not taken', async () => {
    const threads = new ManualThreads()
    const worker = workerOn(threads)
    const ends: string[] = []
    worker.start([], () => ends.push('first'))
    const first = worker.ended
    worker.start([], () => ends.push('second'))
    expect([worker.hearReady(ready(1)), worker.hearReady(ready(2))]).toEqual([false, true])
    threads.end(0)
    await first
    expect([ends, worker.isReady]).toEqual([[], true])
    threads.end(1)
    await worker.ended
    expect(ends).toEqual(['second'])
  })

  it('worker: a thread that still runs when its place goes ends unheard', async () => {
    const threads = new ManualThreads()
    const worker = workerOn(threads)
    const ends: ThreadEnd[] = []
    worker.start([], (end) => ends.push(end))
    worker.hearReady(ready(1))
    worker.leave()
    threads.end(0)
    await worker.ended
    expect([ends, worker.isReady, worker.hearReady(ready(1))]).toEqual([[], false, false])
  })

  it('worker: losses in a row double the pause, up to a limit; one that stayed up starts at once again', () => {
    const threads = new ManualThreads()
    const clock = new ManualClock()
    const worker = workerOn(threads, clock)
    const pauses = Array.from({ length: 12 }, () => {
      worker.start([], () => undefined)
      return worker.countLoss()
    })
    expect(pauses.slice(0, 4)).toEqual([20, 40, 80, 160])
    expect(pauses.at(-1)).toBe(pauses.at(-2))
    worker.start([], () => undefined)
    clock.advanceMs(10_001)
    expect(worker.countLoss()).toBe(20)
  })
})

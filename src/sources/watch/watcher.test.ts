/** Watching and reconciling, with a place and a registry that the test holds in its hands. */
import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { ManualClock } from '../../base/clock.js'
import { PenstockError } from '../../base/errors.js'
import type { Lineage, ModelRecord } from '../../engine/api/api.js'
import { sourceError } from '../imports/failures.js'
import { AppliedAliases } from './applied-aliases.js'
import type { ReconciledEngine } from './reconcile.js'
import { backoffMs } from './retries.js'
import type { SourceListing, SourceModel } from './source.js'
import { type SourceNotice, Watcher } from './watcher.js'

interface Version {
  version: number
  sha256: string
  lineage?: Lineage
}

/** A registry in memory: versions by content as the real one, and failures on demand. */
class FakeRegistry {
  readonly models = new Map<string, { versions: Version[]; aliases: Record<string, number> }>()
  adds = 0
  promotions = 0
  onPromote: () => void = () => undefined

  readonly engine = {
    listModels: () => [...this.models].map(([name, model]) => ({ name, ...model }) as unknown as ModelRecord),
    addModel: async (name: string, bytes: Uint8Array) => {
      await Promise.resolve()
      this.adds++
      const text = Buffer.from(bytes).toString()
      if (text.startsWith('broken'))
        throw new PenstockError('ERR_MODEL_INVALID', `Expected an ONNX file but received ${text}`)
      const model = this.models.get(name) ?? { versions: [], aliases: {} }
      this.models.set(name, model)
      const sha256 = createHash('sha256').update(bytes).digest('hex')
      const newest = model.versions.at(-1)
      if (newest?.sha256 === sha256) return newest
      const version = { version: (newest?.version ?? 0) + 1, sha256 }
      model.versions.push(version)
      return version
    },
    setLineage: async (name: string, version: number, lineage: Lineage) => {
      await Promise.resolve()
      const found = this.models.get(name)?.versions.find((other) => other.version === version)
      if (found !== undefined) found.lineage = lineage
    },
    promote: async (name: string, version: number, { to }: { to: string }) => {
      await Promise.resolve()
      this.promotions++
      this.onPromote()
      const model = this.models.get(name)
      if (model !== undefined) model.aliases[to] = version
    },
  } as unknown as ReconciledEngine

  aliases(name: string): Record<string, number> {
    return this.models.get(name)?.aliases ?? {}
  }
}

const model = (name: string, ...contents: readonly string[]): SourceModel => {
  const versions = contents.map((content) => ({
    key: `${name}/${content}`,
    label: `${name}/${content}.onnx`,
    source: null,
    fetch: () => {
      if (content === 'unreachable') return Promise.reject(sourceError('the disk is gone'))
      const lineage = { source: `test:${name}/${content}` }
      return Promise.resolve({ bytes: Buffer.from(content), externalData: new Map(), lineage })
    },
  }))
  return { name, versions, aliases: new Map([['champion', versions.map(({ key }) => key).toReversed()]]) }
}

const watched: Watcher[] = []
afterEach(async () => {
  await Promise.all(watched.splice(0).map((watcher) => watcher.stop()))
})

async function watching(applied?: AppliedAliases) {
  const registry = new FakeRegistry()
  const place = { models: [] as SourceModel[], problems: [] as SourceListing['problems'], error: null as Error | null }
  const notices: SourceNotice[] = []
  const clock = new ManualClock(0)
  const open = async (): Promise<Watcher> => {
    const watcher = new Watcher({
      source: {
        kind: 'directory',
        place: '/models',
        list: () =>
          place.error === null ? Promise.resolve({ ...place, unfinished: [] }) : Promise.reject(place.error),
      },
      engine: registry.engine,
      applied: applied ?? (await AppliedAliases.open(null)),
      intervalMs: 1,
      clock,
      random: () => 0,
      onNotice: (notice) => notices.push(notice),
    })
    watched.push(watcher)
    return watcher
  }
  const watcher = await open()
  /** Looks go on until one has begun after now and is over. */
  const looked = async (one = watcher): Promise<void> => {
    one.start()
    const { looks } = one.status()
    while (one.status().looks < looks + 3) await new Promise((done) => setTimeout(done, 1))
  }
  return { registry, place, notices, clock, watcher, open, looked }
}

describe('a watcher', () => {
  test('adds what is missing, moves the alias to the newest, and then does nothing', async () => {
    const { registry, place, watcher, looked, notices } = await watching()
    place.models = [model('wine', 'one', 'two')]
    await looked()
    expect(registry.aliases('wine')).toEqual({ champion: 2 })
    expect(registry.models.get('wine')?.versions.map(({ lineage }) => lineage?.source)).toEqual([
      'test:wine/one',
      'test:wine/two',
    ])
    expect(watcher.status()).toMatchObject({ added: 2, moved: 1, problems: [], error: null, models: ['wine'] })
    expect(notices.map(({ message }) => message)).toEqual([
      'wine@1 was taken from test:wine/one',
      'wine@2 was taken from test:wine/two',
      'wine@champion was moved from nowhere to version 2, as /models has it',
    ])
    await looked()
    expect([registry.adds, registry.promotions, notices.length]).toEqual([2, 1, 3])
  })

  test('follows a place that goes back, and removes nothing', async () => {
    const { registry, place, looked } = await watching()
    place.models = [model('wine', 'one', 'two')]
    await looked()
    place.models = [model('wine', 'one')]
    await looked()
    expect(registry.aliases('wine')).toEqual({ champion: 1 })
    place.models = []
    await looked()
    expect(registry.models.get('wine')?.versions.length).toBe(2)
  })

  test('leaves an alias where somebody moved it, until the place says something new or its model is asked for', async () => {
    const { registry, place, watcher, looked } = await watching()
    place.models = [model('wine', 'one', 'two')]
    await looked()
    registry.aliases('wine')['champion'] = 1
    await looked()
    expect(registry.aliases('wine')).toEqual({ champion: 1 })
    expect(await watcher.reconcile('wine')).toMatchObject({
      added: [],
      moved: [{ alias: 'champion', from: 1, to: 2 }],
      problems: [],
    })
    expect(await watcher.reconcile('wine')).toMatchObject({ added: [], moved: [] })
    registry.aliases('wine')['champion'] = 1
    place.models = [model('wine', 'one', 'two', 'three')]
    await looked()
    expect(registry.aliases('wine')).toEqual({ champion: 3 })
    expect(await watcher.reconcile('beer')).toBeNull()
  })

  test('knows over a restart what it took and what was moved by hand, also without its file', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'penstock-applied-'))
    const path = join(folder, 'sources.json')
    try {
      const { registry, place, open, looked, watcher } = await watching(await AppliedAliases.open(path))
      place.models = [model('wine', 'one', 'two')]
      await looked()
      registry.aliases('wine')['champion'] = 1
      await watcher.stop()
      expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual({
        format: 1,
        applied: [['/models', 'wine', 'champion', 2]],
      })
      await looked(await open())
      expect([registry.adds, registry.aliases('wine')['champion']]).toEqual([2, 1])
      writeFileSync(path, '{"applied": [1, [2]], ')
      expect((await AppliedAliases.open(path)).get('/models', 'wine', 'champion')).toBeUndefined()
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  test('takes a model that was added by hand for the one that lies there', async () => {
    const { registry, place, looked } = await watching()
    await registry.engine.addModel('wine', Buffer.from('one'))
    await registry.engine.addModel('wine', Buffer.from('two'))
    place.models = [model('wine', 'one', 'two')]
    await looked()
    expect([registry.adds, registry.aliases('wine')['champion']]).toEqual([2, 2])
    expect(registry.models.get('wine')?.versions[0]?.lineage).toBeUndefined()
  })

  test('reports a broken file once, tries it no more until it changes, and takes the others', async () => {
    const { registry, place, watcher, looked, notices } = await watching()
    place.models = [model('wine', 'one', 'broken'), model('cars', 'good')]
    place.problems = [{ subject: 'a.pkl', message: 'a.pkl is a pickle' }]
    await looked()
    await looked()
    expect(registry.aliases('wine')).toEqual({ champion: 1 })
    expect(registry.aliases('cars')).toEqual({ champion: 1 })
    expect(registry.adds).toBe(3)
    const problem = 'wine/broken.onnx: Expected an ONNX file but received broken'
    expect(watcher.status()).toMatchObject({ problems: ['a.pkl is a pickle', problem], problemCount: 2 })
    expect(notices.filter(({ level }) => level === 'warn').map(({ message }) => message)).toEqual([
      '/models has something that cannot be taken: a.pkl is a pickle',
      `/models has something that cannot be taken: ${problem}`,
    ])
    expect(await watcher.reconcile('wine')).toMatchObject({ problems: [problem] })
    expect(registry.adds).toBe(4)
    place.models = [model('wine', 'one', 'mended'), model('cars', 'good')]
    await looked()
    expect(registry.aliases('wine')).toEqual({ champion: 2 })
    expect(watcher.status().problems).toEqual(['a.pkl is a pickle'])
  })

  test('tries again what may come right, after longer and longer', async () => {
    const { registry, place, watcher, looked, clock } = await watching()
    registry.onPromote = () => {
      throw new PenstockError('ERR_CONFLICT', 'it was moved meanwhile')
    }
    place.models = [model('wine', 'one'), model('cars', 'unreachable')]
    await looked()
    expect(registry.promotions).toBe(1)
    expect(watcher.status().problems).toEqual([
      'wine@champion to version 1: it was moved meanwhile',
      'cars/unreachable.onnx: the disk is gone',
    ])
    clock.advanceMs(1)
    await looked()
    expect(registry.promotions).toBe(2)
    // Half of four intervals.
    clock.advanceMs(1.5)
    await looked()
    expect(registry.promotions).toBe(2)
    registry.onPromote = () => undefined
    clock.advanceMs(1)
    await looked()
    expect([registry.promotions, registry.aliases('wine')['champion']]).toEqual([3, 1])
  })

  test('reports a place that cannot be looked at once, and that it can be again', async () => {
    const { place, watcher, looked, notices } = await watching()
    place.error = sourceError('no such folder')
    await looked()
    expect(watcher.status().error).toBe('no such folder')
    expect(watcher.status().failedLooks).toBeGreaterThanOrEqual(2)
    await expect(watcher.reconcile('wine')).rejects.toThrow('no such folder')
    place.error = null
    await looked()
    expect(watcher.status().error).toBeNull()
    expect(notices.map(({ message }) => message)).toEqual([
      '/models cannot be looked at; it is tried again: no such folder',
      '/models can be looked at again',
    ])
  })

  test('stops in the middle of a download, and looks no more', async () => {
    const { place, watcher, registry } = await watching()
    let isAborted = false
    const [version] = model('wine', 'one').versions
    if (version === undefined) throw new Error('no version')
    const fetch = (signal: AbortSignal) =>
      new Promise<never>((_, reject) => {
        signal.addEventListener('abort', () => {
          isAborted = true
          reject(new Error('aborted'))
        })
      })
    place.models = [{ ...model('wine', 'one'), versions: [{ ...version, fetch }] }]
    watcher.start()
    while (watcher.status().looks === 0) await new Promise((done) => setTimeout(done, 1))
    await watcher.stop()
    expect(isAborted).toBe(true)
    const { looks } = watcher.status()
    await new Promise((done) => setTimeout(done, 10))
    expect([watcher.status().looks, registry.adds]).toEqual([looks, 0])
  })
})

test('backoff: doubles up to its limit, half of it by chance', () => {
  expect([1, 2, 3].map((attempts) => backoffMs(1000, attempts, () => 0))).toEqual([1000, 2000, 4000])
  expect(backoffMs(1000, 3, () => 1)).toBe(8000)
  expect(backoffMs(1000, 50, () => 1)).toBe(300_000)
  expect(backoffMs(3_600_000, 1, () => 1)).toBe(3_600_000)
})

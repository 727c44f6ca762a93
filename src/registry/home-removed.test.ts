/** A home that is taken away from under its server: by name, by inode, in part; what is said, what is refused, what is left. */
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { Home } from './home.js'
import { modelBytes, pipeline, signature, temporaryDirectory } from './testing/fixtures.js'

const removals: readonly [string, (path: string) => void, RegExp][] = [
  ['removed', (path) => rmSync(path, { recursive: true }), /^\S+ was removed while this server was using it/],
  ['moved away', (path) => renameSync(path, `${path}-moved`), /^\S+ was removed while/],
  [
    'removed and made again',
    (path) => {
      rmSync(path, { recursive: true })
      mkdirSync(path)
    },
    /^\S+ was replaced by another directory while/,
  ],
  [
    'replaced by a file of its name above',
    (path) => {
      renameSync(path, `${path}-moved`)
      mkdirSync(path)
      mkdirSync(join(path, 'lock.json'))
    },
    /^\S+ was replaced by another directory while/,
  ],
  ['robbed of its lock file', (path) => rmSync(join(path, 'lock.json')), /lock\.json was removed while/],
]

describe('a home that is', () => {
  it.each(removals)(
    '%s: says so, refuses changes with ERR_STORAGE, and still answers what it knows',
    async (_, remove, words) => {
      const path = join(temporaryDirectory(), 'home')
      const home = await Home.open({ path })
      const problems: Error[] = []
      home.watch((error) => problems.push(error))
      await home.models.add('m', modelBytes('a'), signature, [])
      await home.pipelines.put(pipeline('p', 'm@1'))
      remove(path)
      const changes = [
        () => home.models.add('n', modelBytes('b'), signature, []),
        () => home.models.setAlias('m', 'champion', 1),
        () => home.models.remove('m'),
        () => home.pipelines.put(pipeline('q', 'm@1')),
        () => home.pipelines.setDeployed('p', 1),
      ]
      for (const change of changes) {
        const refused = await change().then(
          () => undefined,
          (error: unknown) => error as Error,
        )
        expect(refused).toMatchObject({ code: 'ERR_STORAGE', message: expect.stringMatching(words) as string })
        expect(refused?.message).toMatch(/goes on serving.*restart this server/)
      }
      expect(problems).toHaveLength(1)
      expect(problems[0]).toMatchObject({ code: 'ERR_STORAGE', message: expect.stringMatching(words) as string })
      expect(home.models.get('m')?.versions).toHaveLength(1)
      expect(home.pipelines.get('p')).toBeDefined()
      await home.close()
      // Nothing was made anew by the refused changes, and the next start finds the directory free.
      if (existsSync(path)) expect(readdirSync(path)).not.toContain('blobs.tmp')
      rmSync(path, { recursive: true, force: true })
      await (await Home.open({ path })).close()
    },
  )

  it('removed: is reported within seconds when nothing asks for a change', async () => {
    const path = join(temporaryDirectory(), 'home')
    const home = await Home.open({ path })
    const problems: Error[] = []
    home.watch((error) => problems.push(error))
    rmSync(path, { recursive: true })
    await expect.poll(() => problems.length, { timeout: 3000 }).toBe(1)
    await home.close()
    expect(existsSync(path)).toBe(false)
  })
})

import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { Home, homePath, openKeys } from './home.js'
import { readJournal } from './journal.js'
import { modelBytes, pipeline, signature, temporaryDirectory } from './testing/fixtures.js'

/** A home with one model of two versions and one deployed pipeline; closed. */
async function filledHome(): Promise<string> {
  const path = temporaryDirectory()
  const home = await Home.open({ path })
  await home.models.add('m', modelBytes('a'), signature, [])
  await home.models.add('m', modelBytes('b'), signature, [])
  await home.models.setAlias('m', 'champion', 2)
  await home.pipelines.put(pipeline('p', 'm@champion'))
  await home.pipelines.setDeployed('p', 1)
  await home.close()
  return path
}

describe('home', () => {
  it('open: creates the directory, and close leaves nothing but state', async () => {
    const path = join(temporaryDirectory(), 'deep', 'home')
    const home = await Home.open({ path })
    expect(home.path).toBe(path)
    expect(existsSync(join(path, 'lock.json'))).toBe(true)
    await home.close()
    await home.close()
    expect(readdirSync(path).sort()).toEqual([
      'blobs',
      'contracts',
      'datasets',
      'home.json',
      'log',
      'models',
      'pipelines',
      'tokenizers',
    ])
  })

  it('open: refuses a home in use, naming pid, host, start time and the way out', async () => {
    const path = temporaryDirectory()
    const home = await Home.open({ path })
    const refusal = Home.open({ path })
    await expect(refusal).rejects.toMatchObject({ code: 'ERR_HOME_LOCKED' })
    await expect(refusal).rejects.toThrow(
      new RegExp(`in use by process ${process.pid} on .+ since 20\\d\\d-.*Z. Stop that server, or choose`),
    )
    await home.close()
    await (await Home.open({ path })).close()
  })

  it.each([
    ['models/m.json', '{"name":"m"', /models\/m\.json is damaged: .*JSON.*Restore the file from a backup/],
    ['models/m.json', '[]', /Expected the file to be an object/],
    [
      'models/m.json',
      '{"name":"x","revision":1,"nextVersion":1,"versions":[],"aliases":{}}',
      /Expected name to be m, as the file is called/,
    ],
    [
      'models/m.json',
      '{"name":"m","revision":1,"nextVersion":1,"versions":[],"aliases":{"champion":2}}',
      /aliases\.champion/,
    ],
    [
      'models/m.json',
      '{"name":"m","revision":1,"nextVersion":2,"versions":[{"name":"m","version":1,"sha256":"../x"}],"aliases":{}}',
      /versions\[0\]\.sha256/,
    ],
    ['pipelines/p.json', '', /pipelines\/p\.json is damaged/],
    [
      'pipelines/p.json',
      '{"name":"p","revision":1,"nextVersion":2,"versions":[],"deployedVersion":1}',
      /deployedVersion/,
    ],
  ])('open: refuses a damaged %s (%s) and leaves it alone', async (file, text, sentence) => {
    const path = await filledHome()
    writeFileSync(join(path, file), text)
    const refusal = Home.open({ path })
    await expect(refusal).rejects.toMatchObject({ code: 'ERR_STORAGE' })
    await expect(refusal).rejects.toThrow(sentence)
    expect(readFileSync(join(path, file), 'utf8')).toBe(text)
    // The way out of the message works: it opens without the record (the lock was released) and keeps the blobs.
    const blobs = readdirSync(join(path, 'blobs'))
    renameSync(join(path, file), join(path, `${file}.damaged`))
    await (await Home.open({ path })).close()
    expect(readdirSync(join(path, 'blobs'))).toEqual(blobs)
    expect(blobs).toHaveLength(2)
  })

  it('open: refuses a home of a newer format', async () => {
    const path = await filledHome()
    writeFileSync(join(path, 'home.json'), '{"format":2}')
    await expect(Home.open({ path })).rejects.toThrow(/of no format that this release reads.*received 2/)
    await expect(openKeys(path)).rejects.toMatchObject({ code: 'ERR_STORAGE' })
  })

  it('open: removes temporary files, collects blobs that nothing refers to and keeps all else', async () => {
    const path = await filledHome()
    const orphan = 'f'.repeat(64)
    writeFileSync(join(path, 'blobs', orphan), 'x')
    writeFileSync(join(path, 'blobs', 'README'), 'x')
    for (const file of [
      'models/m.json.ab12.tmp',
      'pipelines/p.json.ab12.tmp',
      'blobs/incoming.ab12.tmp',
      'home.json.ab12.tmp',
    ])
      writeFileSync(join(path, file), 'x')
    const home = await Home.open({ path, verifyContent: true })
    expect(home.problems).toEqual([])
    expect(readdirSync(join(path, 'blobs'))).toHaveLength(3)
    expect(existsSync(join(path, 'blobs', orphan))).toBe(false)
    const files = readdirSync(path, { recursive: true }).map(String)
    expect(files.filter((file) => file.endsWith('.tmp'))).toEqual([])
    await home.close()
  })

  it('problems: reports a missing and an altered blob, naming model and version, and opens all the same', async () => {
    const path = await filledHome()
    const first = await Home.open({ path })
    const [one, two] = first.models.get('m')!.versions
    await first.close()
    const twoPath = first.models.blobPath(two!.sha256)
    rmSync(first.models.blobPath(one!.sha256))
    writeFileSync(twoPath, modelBytes('c'))
    const home = await Home.open({ path })
    expect(home.problems).toHaveLength(1)
    expect(home.problems[0]).toMatch(/model m, version 1, is damaged: .*ENOENT.*Add the same file again/)
    expect(home.models.blobPath(two!.sha256)).toBe(twoPath)
    expect(await home.verify()).toHaveLength(2)
    // Neither is ever run.
    for (const { sha256 } of [one!, two!])
      expect(() => home.models.blobPath(sha256)).toThrow(/damaged: .* Add the same file again/)
    expect(home.problems[1]).toMatch(/model m, version 2, is damaged: .* was altered/)
    // The way out of the message works for the newest version.
    await home.models.add('m', modelBytes('b'), signature, [])
    expect(home.models.blobPath(two!.sha256)).toBe(twoPath)
    expect(await home.verify()).toHaveLength(1)
    await home.close()
  })

  it('open: journals mutations whose line a kill had prevented', async () => {
    const path = await filledHome()
    const journal = join(path, 'journal.jsonl')
    const lines = readFileSync(journal, 'utf8').trimEnd().split('\n')
    expect(lines).toHaveLength(5)
    writeFileSync(journal, `${lines.slice(0, 4).join('\n')}\n${lines[4]?.slice(0, 20)}`)
    await (await Home.open({ path })).close()
    const { entries } = await readJournal(journal)
    expect(entries.at(-1)).toMatchObject({
      kind: 'recovered',
      name: 'pipelines/p',
      revision: 2,
      detail: { lastTold: 1 },
    })
    await (await Home.open({ path })).close()
    expect((await readJournal(journal)).entries).toHaveLength(5)
  })

  it('mutations: are refused once another process has the home', async () => {
    const path = temporaryDirectory()
    const home = await Home.open({ path })
    const problems: Error[] = []
    home.watch((error) => problems.push(error))
    const other = { ...(JSON.parse(readFileSync(join(path, 'lock.json'), 'utf8')) as object), nonce: 'other' }
    rmSync(join(path, 'lock.json'))
    writeFileSync(join(path, 'lock.json'), JSON.stringify(other))
    await expect(home.models.add('m', modelBytes('a'), signature, [])).rejects.toMatchObject({
      code: 'ERR_HOME_LOCKED',
    })
    expect(problems).toMatchObject([{ code: 'ERR_HOME_LOCKED' }])
    await home.close()
    expect(existsSync(join(path, 'lock.json'))).toBe(true)
  })

  it('homePath: the option wins over PENSTOCK_HOME, which wins over ./.penstock', () => {
    expect(homePath('/a', { PENSTOCK_HOME: '/b' })).toBe('/a')
    expect(homePath(undefined, { PENSTOCK_HOME: '/b' })).toBe('/b')
    expect(homePath(undefined, { PENSTOCK_HOME: '' })).toBe(join(process.cwd(), '.penstock'))
  })
})

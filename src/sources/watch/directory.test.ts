/** A real folder, and a clock that the test owns. */
import { mkdirSync, mkdtempSync, renameSync, rmSync, statSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { ManualClock } from '../../base/clock.js'
import { DirectorySource } from './directory.js'

describe('a watched folder', () => {
  let root = ''
  let folder = ''
  let clock = new ManualClock()
  let source = new DirectorySource({ path: '.', alias: 'champion', clock })
  const signal = new AbortController().signal

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'penstock-directory-'))
    folder = join(root, 'models')
    mkdirSync(folder)
    clock = new ManualClock(1_000_000_000)
    source = new DirectorySource({ path: folder, alias: 'champion', clock })
  })
  afterEach(() => rmSync(root, { recursive: true }))

  const write = (path: string, content: string, ageMs = 60_000): void => {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), content)
    const time = new Date(clock.nowMs() - ageMs)
    utimesSync(join(folder, path), time, time)
  }
  const labels = async (): Promise<string[]> =>
    (await source.list()).models.flatMap(({ versions }) => versions.map(({ label }) => label))

  test('has the models of all forms, newest wanted first', async () => {
    write('wine.onnx', 'a')
    write('cars/2/model.onnx', 'b')
    write('cars/11/model.onnx', 'c')
    const { models, problems } = await source.list()
    expect(problems).toEqual([])
    expect(models.map(({ name, versions }) => [name, versions.map(({ label }) => label)])).toEqual([
      ['wine', ['wine.onnx']],
      ['cars', ['cars/2/model.onnx', 'cars/11/model.onnx']],
    ])
    const keys = models[1]?.versions.map(({ key }) => key) ?? []
    expect(models[1]?.aliases).toEqual(new Map([['champion', keys.toReversed()]]))
  })

  test('waits for a file that is written, with what lies beside it, and takes it once it has stopped', async () => {
    write('wine/1/model.onnx', 'whole')
    write('wine/1/model.data', 'half', 100)
    write('cars.onnx', 'whole')
    const first = await source.list()
    expect(first.unfinished).toEqual(['wine/1/model.data'])
    expect(first.models.map(({ name }) => name)).toEqual(['cars'])
    write('wine/1/model.data', 'half and more', 50)
    expect(await labels()).toEqual(['cars.onnx'])
    // The same as at the look before.
    expect(await labels()).toEqual(['cars.onnx', 'wine/1/model.onnx'])
  })

  test('takes a finished file that is renamed into place, and not under the name before', async () => {
    write('.wine.onnx.part', 'a')
    write('wine.onnx.tmp', 'a')
    expect(await labels()).toEqual([])
    renameSync(join(folder, 'wine.onnx.tmp'), join(folder, 'wine.onnx'))
    expect(await labels()).toEqual(['wine.onnx'])
  })

  test('tells a new content by another key, an old one by the same', async () => {
    const keys = async () => (await source.list()).models.flatMap(({ versions }) => versions.map(({ key }) => key))
    write('wine.onnx', 'a')
    const before = await keys()
    expect(await keys()).toEqual(before)
    write('wine.onnx', 'b', 50_000)
    expect(await keys()).not.toEqual(before)
  })

  test('names the content that it has read, and refuses one that changed while it was', async () => {
    write('wine.onnx', 'abc')
    const [version] = (await source.list()).models[0]?.versions ?? []
    const fetched = await version?.fetch(signal)
    expect(Buffer.from(fetched?.bytes ?? []).toString()).toBe('abc')
    expect(fetched?.lineage.source).toMatch(
      /^file:\/\/.*\/models\/wine\.onnx#sha256=ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad$/,
    )
    write('wine.onnx', 'abd', 10)
    await expect(version?.fetch(signal)).rejects.toThrow(/wine\.onnx changed while it was read/)
  })

  test('follows links within it, and reports those that lead out once for each', async () => {
    write('real/wine.onnx', 'a')
    writeFileSync(join(root, 'secret.onnx'), 'secret')
    symlinkSync('real/wine.onnx', join(folder, 'linked.onnx'))
    symlinkSync(join(root, 'secret.onnx'), join(folder, 'leak.onnx'))
    symlinkSync('..', join(folder, 'up'))
    symlinkSync('.', join(folder, 'loop'))
    const { models, problems } = await source.list()
    expect(models.map(({ name }) => name)).toEqual(['linked'])
    expect(problems.map(({ message }) => message)).toEqual([
      expect.stringMatching(/^leak\.onnx is a link out of .*Nothing outside is read/),
      expect.stringMatching(/^loop is a link out of/),
      expect.stringMatching(/^up is a link out of/),
    ])
  })

  test('reads a config.pbtxt, and none that is a link out', async () => {
    write('a/1/net.onnx', 'a')
    write('a/config.pbtxt', 'default_model_filename: "net.onnx"')
    write('b/1/model.onnx', 'a')
    symlinkSync('/etc/passwd', join(folder, 'b', 'config.pbtxt'))
    const { models, problems } = await source.list()
    expect(models.map(({ name }) => name)).toEqual(['a', 'b'])
    expect(problems).toEqual([{ subject: 'b/config.pbtxt', message: expect.stringMatching(/link out of/) as string }])
  })

  test('that is not there is an error with the reason', async () => {
    rmSync(folder, { recursive: true })
    await expect(source.list()).rejects.toThrow(/Cannot look at .*models: .*ENOENT/)
    writeFileSync(folder, '')
    await expect(source.list()).rejects.toThrow(/it is no folder/)
    expect(statSync(folder).isFile()).toBe(true)
  })
})

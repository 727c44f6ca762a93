import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { addon, loadAddon } from './native.js'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'penstock-native-'))
})
afterEach(() => {
  rmSync(folder, { recursive: true, force: true })
})

describe('native', () => {
  it('addon: is loaded and answers', () => {
    const startUs = addon.nowUs()
    expect(startUs).toBeGreaterThan(0)
    expect(addon.nowUs()).toBeGreaterThanOrEqual(startUs)
  })

  it('loadAddon: says what to run when the addon is not built', () => {
    writeFileSync(join(folder, 'package.json'), '{"name":"penstock"}')
    mkdirSync(join(folder, 'dist', 'bindings'), { recursive: true })
    expect(() => loadAddon(join(folder, 'dist', 'bindings'))).toThrow(/but there is none\. Run `npm run build`/)
  })

  it('loadAddon: keeps the reason when the file does not load', () => {
    writeFileSync(join(folder, 'package.json'), '{"name":"penstock"}')
    mkdirSync(join(folder, 'build', 'Release'), { recursive: true })
    writeFileSync(join(folder, 'build', 'Release', 'penstock.node'), 'no library')
    expect(() => loadAddon(folder)).toThrow(/does not load: .*penstock\.node.*Run `npm run build`/s)
  })

  it('loadAddon: passes by the package.json of others, and stops at the top', () => {
    writeFileSync(join(folder, 'package.json'), '{"name":"application"}')
    expect(() => loadAddon(folder)).toThrow(/inside the penstock package/)
  })
})

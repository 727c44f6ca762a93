/** Who owns the sockets: nobody in an embedded engine, the library that loads in a server, the one that was asked for. */
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { promisify } from 'node:util'
import { Engine, PenstockServer } from 'penstock'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { fileURLToPath } from 'node:url'
import { installSockets } from '../../src/transport/socket/choose.js'

const root = fileURLToPath(new URL('../..', import.meta.url))
const isLoadable = ((): boolean => {
  try {
    createRequire(import.meta.url)('uWebSockets.js')
    return true
  } catch {
    return false
  }
})()

describe('an embedded engine', () => {
  const maps = '/proc/self/maps'
  const isDeclared = process.platform === 'linux'

  /** Which socket libraries a process has mapped after `program`. */
  async function mappedBy(program: string): Promise<string[]> {
    const script = `${program}
      const { readFileSync } = await import('node:fs')
      console.log([...new Set(readFileSync('${maps}', 'utf8').match(/uws_[\\w.]+/g) ?? [])].join())
      process.exit(0)`
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], { cwd: root })
    return stdout.trim().split('\n').at(-1)?.split(',').filter(Boolean) ?? []
  }

  it.skipIf(!isDeclared)('loads no socket library (shown by /proc, on Linux)', async () => {
    const open = `import { Engine, PenstockServer } from 'penstock'
      const engine = await Engine.open({ inferWorkers: 1 })`
    expect(await mappedBy(open)).toEqual([])
    const serve = `await PenstockServer.start({ engine, port: 0, sockets: 'auto' })`
    expect(await mappedBy(`${open}\n${serve}`)).toHaveLength(isLoadable ? 1 : 0)
  })
})

describe('a server', () => {
  let engine: Engine
  beforeAll(async () => {
    engine = await Engine.open({ inferWorkers: 1, calibration: 'off' })
  })
  afterAll(() => engine.close())
  afterEach(() => vi.unstubAllEnvs())

  it('takes the fast sockets where they load, else says why in one sentence', async () => {
    vi.stubEnv('PENSTOCK_SOCKETS', undefined)
    const server = await PenstockServer.start({ engine, port: 0 })
    expect(server.sockets).toBe(isLoadable ? 'uws' : 'node')
    if (isLoadable) expect(server.socketsReason).toBe(null)
    else expect(server.socketsReason).toMatch(/^[^\n]*uWebSockets\.js[^\n]*$/)
    await server.close()
  })

  it('does as the environment asks, and as its own option asks before that', async () => {
    vi.stubEnv('PENSTOCK_SOCKETS', 'node')
    const server = await PenstockServer.start({ engine, port: 0 })
    expect([server.sockets, server.socketsReason]).toEqual(['node', null])
    expect((await fetch(`${server.url}/healthz/live`)).status).toBe(200)
    await server.close()
    vi.stubEnv('PENSTOCK_SOCKETS', 'nonsense')
    const other = await PenstockServer.start({ engine, port: 0, sockets: 'node' })
    expect(other.sockets).toBe('node')
    await other.close()
    await expect(PenstockServer.start({ engine, port: 0 })).rejects.toMatchObject({
      code: 'ERR_ARGUMENT',
      message: 'Expected sockets to be one of auto, native, uws, node but received "nonsense"',
    })
  })

  it('a port in use: refused alike', async () => {
    const server = await PenstockServer.start({ engine, port: 0, sockets: 'node' })
    await expect(PenstockServer.start({ engine, port: server.port, sockets: 'node' })).rejects.toMatchObject({
      code: 'ERR_CONFLICT',
    })
    await server.close()
  })

  it('the command that adds the fast sockets is the same in code, README and guide', () => {
    for (const path of ['README.md', 'docs/guides/operate.md'])
      expect(readFileSync(root + path, 'utf8')).toContain(installSockets)
  })
})

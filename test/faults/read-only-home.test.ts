/**
 * A home that is mounted read-only, before the start or while the server runs: real mounts, in a mount namespace of the
 * server's own. Needs the right to mount (root, or a container that has it) and is skipped without.
 */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, readdirSync } from 'node:fs'
import { describe, expect, onTestFinished, test } from 'vitest'
import { mainPath, serve, temporaryDirectory, waitFor } from '../support/cli-process.js'

const canMount = spawnSync('unshare', ['-m', 'sh', '-c', 'mount --bind /tmp /tmp']).status === 0

interface Mounted {
  readonly child: ChildProcess
  readonly output: { stdout: string; stderr: string }
  readonly ended: Promise<number | null>
}

/** `penstock serve` with its home on a mount of its own. */
function serveMounted(home: string, isReadOnly: boolean): Mounted {
  const remount = isReadOnly ? 'mount -o remount,bind,ro "$0" &&' : ''
  const script = `mount --bind "$0" "$0" && ${remount} exec "$@"`
  const serveHome = [mainPath, 'serve', '--port', '0', '--home', home, '--calibration', 'off']
  const child = spawn('unshare', ['-m', 'sh', '-c', script, home, process.execPath, ...serveHome])
  const output = { stdout: '', stderr: '' }
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output.stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (output.stderr += text))
  const ended = once(child, 'close').then(([code]) => code as number | null)
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await ended
  })
  return { child, output, ended }
}

const urlOf = ({ output }: Mounted): Promise<string> =>
  waitFor(() => /listening on (http:\S+)\n[^]*\n$/.exec(output.stdout)?.[1])

const words = /mounted read-only[^]*ERR_STORAGE|ERR_STORAGE[^]*mounted read-only/

describe.skipIf(!canMount)('a home that is mounted read-only', () => {
  test('is named, and nothing else is: when it is empty, and when a lock of a process that is gone lies in it', async () => {
    const empty = temporaryDirectory()
    const first = serveMounted(empty, true)
    expect(await first.ended).not.toBe(0)
    expect(first.output.stderr).toMatch(words)
    expect(readdirSync(empty)).toEqual([])

    const home = temporaryDirectory()
    const before = await serve(['--home', home])
    before.child.kill('SIGKILL')
    await before.ended
    const second = serveMounted(home, true)
    expect(await second.ended).not.toBe(0)
    expect(second.output.stderr).toMatch(words)
    expect(second.output.stderr).not.toMatch(/another process/)
    // Mounted writable again, it is used as if nothing had happened.
    const third = await serve(['--home', home])
    expect((await fetch(`${third.url}/v1/models`)).status).toBe(200)
  })

  test('while it serves: what is to be kept is refused with words, what is there is served, and SIGTERM ends it', async () => {
    const home = temporaryDirectory()
    chmodSync(home, 0o755)
    const server = serveMounted(home, false)
    const url = await urlOf(server)
    const put = (name: string): Promise<Response> =>
      fetch(`${url}/v1/pipelines/${name}`, {
        method: 'PUT',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ steps: [{ type: 'model', model: 'm' }] }),
      })
    expect((await put('first')).status).toBe(201)
    // Over the home, and read-only: a mount with open files cannot be made so.
    const script = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0"'
    const remounted = spawnSync('nsenter', ['-t', `${server.child.pid}`, '-m', 'sh', '-c', script, home])
    expect(remounted.status, String(remounted.stderr)).toBe(0)
    const refused = await put('second')
    expect(refused.status).toBeGreaterThanOrEqual(500)
    expect(await refused.json()).toMatchObject({
      code: 'ERR_STORAGE',
      error: expect.stringMatching(/read-only/) as string,
    })
    expect((await fetch(`${url}/v1/pipelines/first`)).status).toBe(200)
    server.child.kill('SIGTERM')
    expect(await server.ended).toBe(0)
    expect(server.output.stderr + server.output.stdout).toMatch(words)
  })
})

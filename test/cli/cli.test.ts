/** The command line without a server: help, usage, exit codes, keys. */
import { once } from 'node:events'
import { readFileSync, readdirSync, truncateSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { createServer as createSocketServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { Command } from 'commander'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { buildProgram } from '../../src/cli/program.js'
import type { Terminal } from '../../src/cli/shared/terminal.js'
import { mainPath, penstock, temporaryDirectory } from '../support/cli-process.js'

// Dozens of processes, one after the other: seconds on an idle machine, a minute on a busy one.
vi.setConfig({ testTimeout: 120_000 })

/** Every command that is no group of others, by its words, and its help as a process prints it. */
const helps = new Map(leaves(buildProgram(silentTerminal()), []))

function* leaves(command: Command, words: readonly string[]): Generator<[string, string]> {
  for (const child of command.commands) yield* leaves(child, [...words, child.name()])
  // `bench` runs by itself and has a command, too.
  if (words.length === 0 || (command.commands.length > 0 && words[0] !== 'bench')) return
  let text = ''
  command.configureOutput({ writeOut: (part) => void (text += part) }).outputHelp()
  yield [words.join(' '), text]
}

function silentTerminal(): Terminal {
  const ignore = (): void => undefined
  return {
    print: ignore,
    note: ignore,
    progress: ignore,
    block: ignore,
    columns: 0,
    isInteractive: false,
    readInput: () => Buffer.alloc(0),
  }
}

/** A port on which nothing listens. */
async function closedPort(): Promise<number> {
  const server = createSocketServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

describe('cli: help and usage', () => {
  it.each([...helps])('%s --help: explains itself with an example', (words, help) => {
    expect(help).toContain(`Usage: penstock ${words}`)
    expect(help).toMatch(/Examples?:\n {2}\$ /)
  })

  it.each([['serve'], ['model', 'add'], ['bench', 'compare']])('a process prints that of %s %s', async (...command) => {
    expect(helps.size).toBeGreaterThan(40)
    const { code, stdout, stderr } = await penstock([...command, '--help'])
    expect([code, stderr, stdout]).toEqual([0, '', helps.get(command.join(' '))])
  })

  it('docs/reference/cli.md: names every command and every option of every command', () => {
    const page = readFileSync(new URL('../../docs/reference/cli.md', import.meta.url), 'utf8')
    const options = new Set<string>()
    for (const [words, help] of helps) {
      expect(page).toContain(`\`${words}`)
      for (const [, option = ''] of help.matchAll(/^ {2}(--[a-z0-9-]+)/gm)) options.add(option)
    }
    // The canary: the pattern finds the options at all.
    expect(options.size).toBeGreaterThan(20)
    for (const option of options) expect(page, option).toMatch(new RegExp(`\`${option}[ \`]`))
    // And nothing that does not exist any more.
    const documented = [...page.matchAll(/`(--[a-z0-9-]+)/g)].map(([, option = '']) => option)
    expect(documented.filter((option) => !options.has(option))).toEqual(
      ['--help'].filter((option) => documented.includes(option)),
    )
  })

  it('--help: names every command and the exit codes; --version is the package', async () => {
    const { code, stdout } = await penstock(['--help'])
    expect(code).toBe(0)
    for (const name of ['serve', 'model', 'pipeline', 'infer', 'bench', 'keys'])
      expect(stdout).toMatch(new RegExp(`^ {2}${name}\\b`, 'm'))
    expect(stdout).toContain('Exit codes: 0 done, 1 refused or failed, 2 wrong usage, 3 no server')
    const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
      version: string
    }
    expect((await penstock(['--version'])).stdout).toBe(`${version}\n`)
  })

  // A command loads what it needs when it runs: with all of it, each start would take three times as long.
  it('starts with the table of commands alone', async () => {
    const folder = temporaryDirectory()
    await penstock(['--version'], { env: { NODE_V8_COVERAGE: folder } })
    const urls = readdirSync(folder).flatMap((name) => {
      const { result } = JSON.parse(readFileSync(join(folder, name), 'utf8')) as { result: { url: string }[] }
      return result.map(({ url }) => url)
    })
    const rooms = new Set(urls.map((url) => /\/dist\/(?:src\/)?([\w-]+)\//.exec(url)?.[1]).filter(Boolean))
    expect(rooms).toContain('cli')
    for (const room of [
      'bindings',
      'engine',
      'formats',
      'log',
      'onnx',
      'protocol',
      'registry',
      'transforms',
      'transport',
    ])
      expect(rooms).not.toContain(room)
  })

  it('the built program: is executable by its first line', () => {
    expect(readFileSync(mainPath, 'utf8')).toMatch(/^#!\/usr\/bin\/env node\n/)
  })

  it.each<[string[], RegExp]>([
    [[], /Usage: penstock/],
    [['serv'], /Did you mean serve/],
    [['model', 'add'], /missing required argument 'file'/],
    [['model', 'add', 'absent.onnx'], /Cannot read absent\.onnx/],
    [['model', 'add', 'no spaces.onnx'], /letters, digits, hyphens and underscores only. Choose one with --name/],
    [['model', 'alias', 'm', 'champion', 'x'], /Expected an integer of at least 1/],
    [['model', 'remove', 'm', '--version', '1', '--alias', 'a'], /cannot be used with/],
    [['model', 'list', '--url', 'localhost:8080'], /Expected --url to be an address such as http:/],
    [['model', 'list', '--api-key', 'two words'], /Expected the API key to be printable ASCII/],
    [['model', 'list', '--jsn'], /unknown option '--jsn'/],
    [['pipeline', 'apply', 'absent.json'], /Cannot read absent\.json/],
    [['pipeline', 'apply', '-'], /Expected stdin to be JSON/],
    [['infer', 'p', '--data', '{'], /Expected --data to be JSON/],
    [['infer', 'p', '--data', '{}', '--deadline', 'soon'], /Expected a time/],
    [['infer', 'p', '--data', '@absent.json'], /Cannot read absent\.json/],
    [['bench'], /Expected --pipeline, or a scenario file/],
    [['bench', '--pipeline', 'p', '--sweep'], /Expected --p99-ms beside --sweep/],
    [['bench', '--pipeline', 'p', '--end-rate', '9'], /Expected --rate beside --end-rate/],
    [['bench', '--pipeline', 'p', '--rate', '9', '--in-flight', '2'], /Expected either --rate .* or --in-flight/],
    [
      ['bench', '--pipeline', 'p', '--model', 'a.onnx', '--home', 'b'],
      /Expected one of --model, --home and --examples/,
    ],
    [['bench', 'mix.json', '--rows', '3'], /Expected --rows to be absent beside a scenario file/],
    [['bench', 'absent.json'], /Cannot read absent\.json/],
    [['bench', 'compare', 'absent.ndjson'], /missing required argument 'second'/],
    [['serve', '--port', '70000'], /Expected a port in 0\.\.65535/],
    [['serve', '--log-level', 'loud'], /Allowed choices are/],
  ])('%j: is wrong usage, exit code 2', async (args, sentence) => {
    const { code, stdout, stderr } = await penstock(args)
    expect([code, stdout]).toEqual([2, ''])
    expect(stderr).toMatch(sentence)
  })
})

describe('cli: the server', () => {
  it('model list: exits with 3 and says how to start one when there is none', async () => {
    const url = `http://127.0.0.1:${await closedPort()}`
    const plain = await penstock(['model', 'list', '--url', url])
    expect([plain.code, plain.stdout]).toEqual([3, ''])
    expect(plain.stderr).toMatch(
      /^penstock: Cannot reach a server at http.*ECONNREFUSED.*penstock serve.*PENSTOCK_URL\.\n$/,
    )
    const json = await penstock(['model', 'list', '--json'], { env: { PENSTOCK_URL: url } })
    expect(json.code).toBe(3)
    expect(JSON.parse(json.stderr)).toMatchObject({ error: expect.stringContaining(url) })
  })

  it('model add: refuses a file beyond the limit of ONNX before sending any of it', async () => {
    const file = join(temporaryDirectory(), 'huge.onnx')
    writeFileSync(file, '')
    // Sparse: it takes no space.
    truncateSync(file, 2 ** 31)
    const { code, stderr } = await penstock(['model', 'add', file, '--url', 'http://127.0.0.1:9'])
    expect(code).toBe(2)
    expect(stderr).toMatch(/Cannot read .*huge\.onnx: it has 2147483648 bytes, and ONNX files end at 2147483647/)
  })

  it('model list: exits with 3 and says so when the connection is lost before the answer', async () => {
    const server = createSocketServer((socket) => socket.once('data', () => socket.destroy())).listen(0, '127.0.0.1')
    await once(server, 'listening')
    onTestFinished(() => void server.close())
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const { code, stderr } = await penstock(['model', 'list', '--url', url])
    expect(code).toBe(3)
    expect(stderr).toMatch(/^penstock: The connection to http.* was lost before the answer came/)
  })

  it('model list: exits with 1 when whatever answers is no Penstock', async () => {
    const server = createServer((_, response) => response.writeHead(404).end('<html>')).listen(0, '127.0.0.1')
    await once(server, 'listening')
    onTestFinished(() => void server.close())
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const { code, stderr } = await penstock(['model', 'list', '--url', url])
    expect(code).toBe(1)
    expect(stderr).toMatch(/answered 404, not as Penstock does/)
  })
})

describe('cli: keys', () => {
  it('create, list, revoke: work on the home, without a server', async () => {
    const home = temporaryDirectory()
    const created = await penstock(['keys', 'create', 'ci', '--home', home])
    expect(created.code).toBe(0)
    expect(created.stdout).toMatch(/^psk_\S{43}\n$/)
    expect(created.stderr).toMatch(/not shown again/)
    const listed = await penstock(['keys', 'list'], { env: { PENSTOCK_HOME: home } })
    expect(listed.stdout).toMatch(/^NAME +KEY +SCOPES +PIPELINES +LIMITS +CREATED/)
    expect(listed.stdout).toContain(created.stdout.slice(0, 10))
    expect(listed.stdout).not.toContain(created.stdout.trim())
    expect(readFileSync(join(home, 'keys.json'), 'utf8')).not.toContain(created.stdout.trim())
    const taken = await penstock(['keys', 'create', 'ci', '--home', home, '--json'])
    expect([taken.code, taken.stdout]).toEqual([1, ''])
    expect(JSON.parse(taken.stderr)).toMatchObject({ code: 'ERR_CONFLICT' })
    const json = await penstock(['keys', 'list', '--home', home, '--json'])
    expect(JSON.parse(json.stdout)).toMatchObject({ keys: [{ name: 'ci' }] })
    expect((await penstock(['keys', 'revoke', 'ci', '--home', home])).stdout).toBe('revoked ci\n')
    expect((await penstock(['keys', 'revoke', 'ci', '--home', home])).code).toBe(1)
  })

  it('create: takes scopes, pipelines, an end and limits; list shows them; what is wrong with them is said', async () => {
    const home = temporaryDirectory()
    const create = (...options: string[]) => penstock(['keys', 'create', 'shop', '--home', home, ...options])
    const created = await create(
      ...['--scope', 'infer,read', '--pipeline', 'wine', '--expires', '90d', '--rate', '100/s', '--concurrency', '8'],
    )
    expect(created.stderr).toMatch(/scopes infer,read; pipelines wine; 100\/s, 8 at a time; until 20\d\d-/)
    const { keys } = JSON.parse((await penstock(['keys', 'list', '--home', home, '--json'])).stdout) as {
      keys: { expiresAt: string }[]
    }
    expect(keys).toMatchObject([{ scopes: ['infer', 'read'], pipelines: ['wine'], ratePerS: 100, concurrency: 8 }])
    expect(Date.parse(keys[0]?.expiresAt ?? '') - Date.now()).toBeGreaterThan(89 * 24 * 3_600_000)
    const listed = await penstock(['keys', 'list', '--home', home])
    expect(listed.stdout).toMatch(/^shop +psk_\S+ +infer,read +wine +100\/s, 8 at a time +20/m)
    for (const [options, words] of [
      [['--scope', 'all'], 'each of scopes'],
      [['--pipeline', 'wine', '--scope', 'write'], 'bound to pipelines'],
      [['--expires', 'soon'], 'Expected a time from now such as 90d'],
      [['--rate', 'fast'], 'Expected a rate such as 100/s'],
    ] as const) {
      const refused = await create(...options)
      expect(refused.code).not.toBe(0)
      expect(refused.stderr).toContain(words)
    }
  }, 60_000)

  it('keys: uses ./.penstock by default', async () => {
    const cwd = temporaryDirectory()
    expect((await penstock(['keys', 'create', 'ci'], { cwd })).code).toBe(0)
    expect(readFileSync(join(cwd, '.penstock', 'keys.json'), 'utf8')).toContain('"ci"')
  })
})

/** State on disk under violence: kill -9 at random moments, damaged files, and a server that comes back. */
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, vi } from 'vitest'
import { seededRandom } from '../../src/base/random.js'
import { Home } from '../../src/registry/home.js'
import { readJournal } from '../../src/registry/journal.js'
import { penstock, serve, temporaryDirectory } from '../support/cli-process.js'

// Dozens of processes, one after the other: seconds on an idle machine, a minute on a busy one.
vi.setConfig({ testTimeout: 120_000 })

const homeModule = new URL('../../dist/src/registry/home.js', import.meta.url).href
const testModel = (name: string) => fileURLToPath(new URL(`../models/${name}.onnx`, import.meta.url))
const seed = 20_261_121

/** Changes a home in a loop, printing each change once it is acknowledged. */
const mutator = `
import { writeSync } from 'node:fs'
import { Home } from ${JSON.stringify(homeModule)}
const [path, from] = process.argv.slice(1)
const signature = { inputs: [{ name: 'x', dtype: 'float32', shape: [null, 3] }], outputs: [{ name: 'y', dtype: 'float32', shape: [null] }], batching: 'rows', remark: '' }
const home = await Home.open({ path })
const done = (text) => writeSync(1, text + '\\n')
done('open')
for (let i = Number(from); ; i += 1) {
  const bytes = new TextEncoder().encode(('model ' + i + ' ').repeat(i % 7 === 0 ? 20_000 : 20))
  const { version } = await home.models.add('m', bytes, signature, ['round-' + i])
  done('add ' + version)
  await home.models.setAlias('m', 'champion', version)
  done('alias ' + version)
  const put = await home.pipelines.put({ name: 'p', steps: [{ type: 'model', model: 'm@' + version }] })
  await home.pipelines.setDeployed('p', put.version)
  done('deploy ' + put.version)
  if (i % 3 === 0 && version > 1) {
    const oldest = home.models.get('m').versions[0].version
    await home.models.removeVersion('m', oldest)
    done('removed ' + oldest)
  }
}`

interface Acknowledged {
  add: number
  alias: number
  deploy: number
  removed: number
}

/** Runs the mutator until it is killed, `lifeMs` after it was started or had opened; returns what it had acknowledged. */
async function mutateUntilKilled(
  path: string,
  round: number,
  lifeMs: number,
  from: 'start' | 'open',
): Promise<Partial<Acknowledged>> {
  const child = spawn(process.execPath, ['--input-type=module', '-e', mutator, path, String(round * 1000)], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const errors: string[] = []
  child.stderr.setEncoding('utf8').on('data', (text: string) => errors.push(text))
  const acknowledged: Partial<Acknowledged> = {}
  if (from === 'start') setTimeout(() => child.kill('SIGKILL'), lifeMs)
  const lines = createInterface(child.stdout)
  lines.on('line', (line) => {
    if (line === 'open' && from === 'open') setTimeout(() => child.kill('SIGKILL'), lifeMs)
    const [kind, number] = line.split(' ')
    if (kind !== 'open') acknowledged[kind as keyof Acknowledged] = Number(number)
  })
  const [, signal] = (await once(child, 'close')) as [number | null, string | null]
  if (signal !== 'SIGKILL') throw new Error(`Expected the mutator to be killed but it ended: ${errors.join('')}`)
  return acknowledged
}

/** Every third kill is aimed at the opening, some 50 ms after the start; the others at the changes. */
function momentOf(round: number, random: () => number): [lifeMs: number, from: 'start' | 'open'] {
  return round % 3 === 2 ? [40 + Math.floor(random() * 80), 'start'] : [Math.floor(random() * 150), 'open']
}

/** Everything that must hold of a home that was just killed and opened again. */
async function verifyHome(path: string, acknowledged: Partial<Acknowledged>): Promise<void> {
  const home = await Home.open({ path, verifyContent: true })
  const model = home.models.get('m')
  const pipeline = home.pipelines.get('p')
  expect(home.problems).toEqual([])
  // What was acknowledged is there; what was under way may be.
  expect(model?.versions.at(-1)?.version ?? 0).toBeGreaterThanOrEqual(acknowledged.add ?? 0)
  expect(model?.aliases['champion'] ?? 0).toBeGreaterThanOrEqual(acknowledged.alias ?? 0)
  expect(pipeline?.deployedVersion ?? 0).toBeGreaterThanOrEqual(acknowledged.deploy ?? 0)
  expect(model?.versions[0]?.version ?? Infinity).toBeGreaterThan(acknowledged.removed ?? 0)
  const files = readdirSync(path, { recursive: true }).map(String)
  expect(files.filter((file) => file.endsWith('.tmp'))).toEqual([])
  for (const file of files.filter((name) => name.endsWith('.json'))) JSON.parse(readFileSync(join(path, file), 'utf8'))
  const referenced = new Set(model?.versions.map(({ sha256 }) => sha256))
  expect(new Set(readdirSync(join(path, 'blobs')))).toEqual(referenced)
  for (const sha256 of referenced) {
    expect(
      createHash('sha256')
        .update(readFileSync(join(path, 'blobs', sha256)))
        .digest('hex'),
    ).toBe(sha256)
  }
  await expectWholeJournal(path)
  await home.close()
}

async function expectWholeJournal(path: string): Promise<void> {
  const { entries, tornAtByte } = await readJournal(join(path, 'journal.jsonl'))
  expect(tornAtByte).toBeUndefined()
  // Killed before the first change, there is none yet.
  const text = existsSync(join(path, 'journal.jsonl')) ? readFileSync(join(path, 'journal.jsonl'), 'utf8') : ''
  expect(text.split('\n')).toHaveLength(entries.length + 1)
  // Every revision is journaled once, in order; where a kill had cut a line off, `recovered` stands for it.
  for (const name of ['models/m', 'pipelines/p']) {
    const revisions = entries.filter((entry) => entry.name === name).map(({ revision }) => revision)
    expect(revisions).toEqual(revisions.map((_, index) => index + 1))
  }
}

describe('state: kill -9', () => {
  it(
    `a home that is changed in a loop and killed at random moments (seed ${seed}): opens whole, with all that was acknowledged`,
    { timeout: 120_000 },
    async () => {
      const random = seededRandom(seed)
      const path = temporaryDirectory()
      let changes = 0
      for (let round = 0; round < 20; round += 1) {
        const acknowledged = await mutateUntilKilled(path, round, ...momentOf(round, random))
        changes += (acknowledged.add ?? 0) > 0 ? 1 : 0
        await verifyHome(path, acknowledged)
      }
      // The canary: rounds that never got to change anything would prove nothing.
      expect(changes).toBeGreaterThan(5)
      const { entries } = await readJournal(join(path, 'journal.jsonl'))
      expect(entries.length).toBeGreaterThan(50)
    },
  )

  it('a server: comes back with its models, aliases and deployed pipelines, and answers as before', async () => {
    const home = temporaryDirectory()
    const first = await serve(['--home', home])
    const at = (url: string) => ({ env: { PENSTOCK_URL: url } })
    for (const name of ['constant-v1', 'constant-v2']) {
      expect(
        await penstock(['model', 'add', testModel(name), '--name', 'constant', '--alias', 'champion'], at(first.url)),
      ).toMatchObject({ code: 0 })
    }
    const input = '{"name":"p","steps":[{"type":"model","model":"constant@champion"}]}'
    expect(await penstock(['pipeline', 'apply', '-', '--deploy'], { ...at(first.url), input })).toMatchObject({
      code: 0,
    })
    const before = await penstock(['model', 'list', '--json'], at(first.url))
    first.child.kill('SIGKILL')
    await first.ended

    const again = await serve(['--home', home])
    expect((await penstock(['model', 'list', '--json'], at(again.url))).stdout).toBe(before.stdout)
    expect(again.output.stdout).toMatch(/^p +1 +x float32\[n,3\]/m)
    const answer = await penstock(['infer', 'p', '--data', '{"x":[[0,0,0]]}'], at(again.url))
    expect((JSON.parse(answer.stdout) as { outputs: unknown }).outputs).toEqual({ y: [[2, 2, 2]] })
  })
})

describe('state: damage', () => {
  it('a damaged record: the server refuses to start and names the file and the way out', async () => {
    const home = temporaryDirectory()
    await (await Home.open({ path: home })).close()
    writeFileSync(join(home, 'models', 'm.json'), '{"name":"m"')
    const { code, stderr } = await penstock(['serve', '--port', '0', '--home', home])
    expect(code).toBe(1)
    expect(stderr).toMatch(
      /^penstock: .*models\/m\.json is damaged: .*Restore the file from a backup or correct it; or rename it to m\.json\.damaged .*\(ERR_STORAGE\)\n$/,
    )
  })

  it('an altered blob: is never run; the server starts, logs what to do, and serves everything else', async () => {
    const home = temporaryDirectory()
    const at = (url: string) => ({ env: { PENSTOCK_URL: url } })
    const first = await serve(['--home', home])
    for (const name of ['add-one', 'times-two']) {
      const input = JSON.stringify({ name, steps: [{ type: 'model', model: name }] })
      expect(await penstock(['model', 'add', testModel(name)], at(first.url))).toMatchObject({ code: 0 })
      expect(await penstock(['pipeline', 'apply', '-', '--deploy'], { ...at(first.url), input })).toMatchObject({
        code: 0,
      })
    }
    first.child.kill('SIGTERM')
    await first.ended
    const original = readFileSync(testModel('add-one'))
    const blob = join(home, 'blobs', createHash('sha256').update(original).digest('hex'))
    // The constant 1.0 becomes another number: ONNX Runtime would run this model without a word.
    const altered = Buffer.from(original)
    const at1 = altered.indexOf(Buffer.from([0, 0, 0x80, 0x3f]))
    altered[at1 + 2] = 0
    writeFileSync(blob, altered)

    const again = await serve(['--home', home])
    const log = () => again.output.stderr
    expect(log()).toMatch(
      /"level":40.*The blob of model add-one, version 1, is damaged: .*was altered.*Add the same file again/,
    )
    expect(log()).toMatch(/"level":50.*Pipeline add-one could not be deployed again/)
    const infer = (name: string) => penstock(['infer', name, '--data', '{"x":[[1,2,3]]}'], at(again.url))
    expect(await infer('add-one')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('ERR_PIPELINE_NOT_DEPLOYED'),
    })
    expect(JSON.parse((await infer('times-two')).stdout)).toMatchObject({ outputs: { y: [[2, 4, 6]] } })
    // The way out works.
    expect(await penstock(['model', 'add', testModel('add-one')], at(again.url))).toMatchObject({ code: 0 })
    expect(await penstock(['pipeline', 'deploy', 'add-one'], at(again.url))).toMatchObject({ code: 0 })
    expect(JSON.parse((await infer('add-one')).stdout)).toMatchObject({ outputs: { y: [[2, 3, 4]] } })
  })
})

/** Scripts in threads of their own: what they compute, and what of theirs takes down nothing but its own request. */
import { afterEach, describe, expect, test } from 'vitest'
import type { PenstockError } from '../../src/base/errors.js'
import type { ScriptLine } from '../../src/script/messages.js'
import { ScriptPool } from '../../src/script/pool.js'
import { cellsOf, columnOf, type ColumnType } from '../../src/transforms/draft/column.js'

const open: ScriptPool[] = []
afterEach(async () => {
  await Promise.all(open.splice(0).map((pool) => pool.close()))
})

const column = (name: string, dtype: 'float64' | 'string'): ColumnType => ({
  name,
  dtype,
  isNullable: false,
  shape: [],
})

const behaviours = `import type { Script, ScriptTable } from 'penstock'

let runs = 0
const run: Script = async ({ rows, columns }: ScriptTable, { requestId }) => {
  runs++
  const what: string = columns.what[0]
  if (what === 'loop') for (;;) console.log('round', runs)
  if (what === 'hang') await new Promise(() => {})
  if (what === 'throw') (undefined as unknown as string[]).push('x')
  if (what === 'memory') for (const kept: object[] = []; ; ) kept.push({ kept: kept.length })
  if (what === 'exit') process.exit(3)
  if (what === 'later') setTimeout(() => { throw new Error('in the air') }, 1), await new Promise(() => {})
  if (what === 'say') console.warn('row %d of %s', rows, requestId)
  if (what === 'env') return { x: [Object.keys(process.env).length] }
  return { x: [runs] }
}
export default run
`

interface Options {
  readonly source?: string
  readonly file?: string
  readonly lines?: ScriptLine[]
}

function poolOf({ source = behaviours, file = 'score.ts', lines = [] }: Options = {}): ScriptPool {
  const module = {
    pipeline: 'p',
    file,
    source,
    inputs: [column('what', 'string')],
    outputs: [column('x', 'float64')],
  }
  const pool = new ScriptPool({
    module,
    timeoutMs: 400,
    memoryMib: 64,
    threads: 1,
    onLine: (line) => lines.push(line),
  })
  open.push(pool)
  return pool
}

async function call(pool: ScriptPool, what: string, signal?: AbortSignal): Promise<unknown> {
  try {
    const [x] = await pool.run({ columns: [columnOf('string', [what])], rows: 1, requestId: `r-${what}`, signal })
    return cellsOf(x!)[0]
  } catch (error) {
    return `${(error as PenstockError).code} ${(error as PenstockError).message}`
  }
}

describe('script: runs', () => {
  test('script: each of what a script may do wrong fails its own request; those behind it are answered', async () => {
    const lines: ScriptLine[] = []
    const pool = poolOf({ lines })
    await pool.load()
    const whats = ['fine', 'loop', 'fine', 'throw', 'fine', 'exit', 'fine', 'later', 'fine', 'hang', 'env']
    const answers = await Promise.all(whats.map((what) => call(pool, what)))
    const over = 'took longer than 400 ms and was ended. Raise timeoutMs of its step, or send fewer rows'
    expect(answers).toEqual([
      1,
      `ERR_SCRIPT_TIMEOUT score.ts ${over}`,
      // Counts from 1 where a new thread has loaded the module anew.
      1,
      expect.stringMatching(/^ERR_SCRIPT_FAILED score\.ts failed: it threw TypeError: .*\(score\.ts:9:60\)$/),
      3,
      'ERR_SCRIPT_FAILED score.ts ended its thread: worker exited with code: 3',
      1,
      'ERR_SCRIPT_FAILED score.ts ended its thread: in the air',
      1,
      `ERR_SCRIPT_TIMEOUT score.ts ${over}`,
      0,
    ])
    // An endless loop that prints is cut, and what it said is known although it never answered.
    const said = lines.filter(({ requestId }) => requestId === 'r-loop')
    expect(said.length).toBe(100)
    expect(said[0]).toEqual({ level: 'info', text: 'round 2', requestId: 'r-loop' })
  })

  test('script: one that needs more memory than it has is ended, and the next is answered', async () => {
    const pool = poolOf()
    const generous = new ScriptPool({ ...optionsOf(), timeoutMs: 20_000 })
    open.push(generous)
    const [memory, fine] = await Promise.all([call(generous, 'memory'), call(generous, 'fine')])
    const wayOut = 'Raise memoryMib of its step, or send fewer rows'
    expect(memory).toBe(`ERR_SCRIPT_FAILED score.ts needed more than its 64 MiB of memory and was ended. ${wayOut}`)
    expect(fine).toBe(1)
    expect(await call(pool, 'fine')).toBe(1)
  })

  test('script: a caller who hangs up is answered at once, waiting or running; a closed pool tells everybody', async () => {
    const lines: ScriptLine[] = []
    const pool = poolOf({ lines })
    await pool.load()
    const hangUp = new AbortController()
    const running = call(pool, 'hang', hangUp.signal)
    const waiting = call(pool, 'say', hangUp.signal)
    const behind = call(pool, 'say')
    hangUp.abort()
    expect([await running, await waiting]).toEqual(Array(2).fill('ERR_ABORTED The caller cancelled the request.'))
    expect(await behind).toBe(1)
    expect(lines).toEqual([{ level: 'warn', text: 'row 1 of r-say', requestId: 'r-say' }])
    const last = [call(pool, 'hang'), call(pool, 'fine')]
    await pool.close()
    for (const told of [...(await Promise.all(last)), await call(pool, 'fine')])
      expect(told).toBe('ERR_CLOSED The pipeline p of the script is closed')
  })

  test('script: no more than 1024 wait', async () => {
    const pool = poolOf()
    const calls = Array.from({ length: 1026 }, () => call(pool, 'fine'))
    expect(await calls[1025]).toMatch(/^ERR_QUEUE_FULL 1024 runs of score\.ts are waiting/)
    expect(await calls[1024]).toBe(1025)
  })
})

function optionsOf() {
  const outputs = [column('x', 'float64')]
  const inputs = [column('what', 'string')]
  const module = { pipeline: 'p', file: 'score.ts', source: behaviours, inputs, outputs }
  return { module, timeoutMs: 400, memoryMib: 64, threads: 1, onLine: () => undefined }
}

describe('script: modules', () => {
  test.each([
    [
      'a.ts',
      'enum A { x }\nexport default () => ({})',
      /at line 1:1: .*enum.*Types are taken off and nothing is compiled/,
    ],
    ['a.ts', 'const a = 1\nconst b: = 2', /at line 2:10: /],
    ['a.js', 'const a = 1\nconst b = = 2', /at line 2:11: /],
    ['a.js', 'export const run = 1', /to export a function as default, but it exports run\. Write `export default/],
    [
      'a.js',
      "import x from './b.js'",
      /it threw TypeError: .*A script is one file and imports Node's own modules only/,
    ],
    ['a.mjs', '\nthrow new RangeError("no")', /but it threw RangeError: no \(a\.mjs:2:7\)$/],
    ['a.js', 'process.exit(1)', /to load, but a\.js ended its thread: worker exited with code: 1$/],
  ])('script: %s of %o is refused at the deploy', async (file, source, sentence) => {
    const pool = poolOf({ source, file })
    await expect(pool.load()).rejects.toMatchObject({
      code: 'ERR_PIPELINE_INVALID',
      message: expect.stringMatching(sentence) as string,
    })
  })
})

/** `penstock tokenizer`: a tokenizer.json is added, listed, shown and removed; files that are none are reported at once. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Engine, PenstockServer } from 'penstock'
import { examplesPath } from '../support/goldens.js'
import { penstock } from '../support/cli-process.js'

let engine: Engine
let server: PenstockServer
const file = `${examplesPath}tokenizers/reviews.json`
const run = (...words: string[]): ReturnType<typeof penstock> =>
  penstock(['tokenizer', ...words], { env: { PENSTOCK_URL: server.url } })

beforeAll(async () => {
  engine = await Engine.open({ inferWorkers: 1, calibration: 'off' })
  server = await PenstockServer.start({ engine, port: 0 })
})
afterAll(async () => {
  await server.close()
  await engine.close()
})

test('cli: a tokenizer is added, listed, shown and removed', async () => {
  expect((await run('list')).stdout).toMatch(/^There are no tokenizers yet/)
  const added = await run('add', 'mini', file)
  expect(added.stdout).toMatch(
    /^mini@1 +sha256 [0-9a-f]{12} .*\n +model +WordPiece, 234 tokens\n +rows +2 special tokens, cut to 64/,
  )
  expect((await run('list')).stdout).toMatch(/^mini +1 +1 +WordPiece +234 /m)
  expect(JSON.parse((await run('show', 'mini@1', '--json')).stdout)).toMatchObject({
    name: 'mini',
    vocabulary_size: 234,
  })
  expect((await run('remove', 'mini')).stdout).toBe('removed mini\n')
  const gone = await run('show', 'mini')
  expect([gone.code, gone.stderr]).toEqual([1, expect.stringContaining('ERR_TOKENIZER_NOT_FOUND')])
})

test.each([
  [['add', 'mini', 'absent.json'], 2, /Could not read absent\.json/],
  [['add', 'mini', 'package.json'], 1, /tokenizer to have a model.*ERR_ARGUMENT/s],
  [['show', 'a b'], 2, /name@version of a tokenizer but received "a b"/],
] as const)('cli: %j is refused', async (words, code, message) => {
  const refused = await run(...words)
  expect([refused.code, refused.stderr]).toEqual([code, expect.stringMatching(message)])
})

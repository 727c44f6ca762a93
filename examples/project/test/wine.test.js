/** The project as its callers meet it: everything in this folder, in an engine of its own. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { applyProject, Engine } from 'penstock'

const folder = fileURLToPath(new URL('..', import.meta.url))
const { example } = JSON.parse(readFileSync(new URL('../contracts/wine.json', import.meta.url), 'utf8'))
let engine

before(async () => {
  engine = await Engine.open({ allowScripts: true, calibration: 'off' })
  const { problems } = await applyProject(engine, folder)
  assert.deepEqual(problems, [])
})
after(() => engine.close())

const predict = async (row) => (await engine.predict('wine', [{ ...example, ...row }])).predictions[0]

test('a wine gets a quality, and the grade that belongs to it', async () => {
  const { quality, grade } = await predict({})
  assert.ok(quality > 0 && quality < 10, `a quality of ${quality}`)
  assert.equal(grade, quality >= 6.5 ? 'good' : quality >= 5 ? 'fair' : 'poor')
})

test('a value that is missing is filled in', async () => {
  const { quality } = await predict({ alcohol: null })
  assert.ok(quality > 0 && quality < 10, `a quality of ${quality}`)
})

test('a colour that no wine has is refused by its name', async () => {
  await assert.rejects(predict({ type: 'blue' }), (error) => {
    assert.equal(error.code, 'ERR_CONTRACT')
    assert.equal(error.errors[0].field, 'type')
    return true
  })
})

/**
 * Files of formats that this release's ONNX Runtime does not read, or on systems that lack what they need: refused with
 * what a user of the tool that wrote them can do.
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { IR_VERSION_MAX, OPSETS_MAX } from '../../src/onnx/index.js'
import { buildModel, type BuiltModel } from '../../src/onnx/testing/build.js'
import { penstock, serve } from '../support/cli-process.js'
import { openEngine, refusal } from '../support/engine-harness.js'

const opsetMax = OPSETS_MAX.get('') as number
const mlMax = OPSETS_MAX.get('ai.onnx.ml') as number
const made = (versions: Partial<BuiltModel>): Uint8Array =>
  buildModel({
    nodes: [{ op: 'Relu', inputs: ['x'], outputs: ['y'] }],
    inputs: [['x', 'float32', ['n', 2]]],
    outputs: [['y', 'float32', ['n', 2]]],
    ...versions,
  })
const newest = { irVersion: IR_VERSION_MAX, opset: opsetMax, domains: { 'ai.onnx.ml': mlMax } }

describe('versions of the format', () => {
  test('the newest that are documented are served, the next are not', async () => {
    const engine = await openEngine()
    await engine.addModel('m', made(newest))
    const reasonOf = async (versions: Partial<BuiltModel>): Promise<string> =>
      (await refusal(engine.addModel('m', made({ ...newest, ...versions })))).message
    expect(await reasonOf({ irVersion: IR_VERSION_MAX + 1 })).toContain(`set \`model.ir_version = ${IR_VERSION_MAX}\``)
    expect(await reasonOf({ opset: opsetMax + 1 })).toContain(
      `opset ${opsetMax + 1}, and this release reads opsets up to`,
    )
    expect(await reasonOf({ domains: { 'ai.onnx.ml': mlMax + 1 } })).toContain(`ai.onnx.ml opsets up to ${mlMax}`)
    const guide = readFileSync(new URL('../../docs/guides/bring-a-model.md', import.meta.url), 'utf8')
    expect(guide).toContain(`IR version ${IR_VERSION_MAX}, opset ${opsetMax} and ai.onnx.ml ${mlMax}`)
  })

  test.each([
    ['pytorch', 'torch.onnx.export(…, opset_version='],
    ['skl2onnx', 'skl2onnx.to_onnx(…, target_opset='],
    ['OnnxMLTools', 'onnxmltools.convert_…(…, target_opset='],
    ['tf2onnx', '--opset '],
    ['keras2onnx', 'keras2onnx.convert_keras(…, target_opset='],
    ['CatBoost', 'onnx.version_converter.convert_version(model, '],
    ['sclblonnx', 'onnx.version_converter.convert_version(model, '],
    ['', 'onnx.version_converter.convert_version(model, '],
  ])('too new for here and written by %s: both versions are named, with its own option', async (producer, words) => {
    const engine = await openEngine()
    const { message } = await refusal(engine.addModel('m', made({ irVersion: 14, opset: 28, producer })))
    expect(message).toContain('IR version 14')
    expect(message).toContain(`${words}${opsetMax}`)
  })
})

describe('a text model that needs the locale en_US.UTF-8', () => {
  const file = new URL('../models/tfidf.onnx', import.meta.url).pathname
  const folder = mkdtempSync(join(tmpdir(), 'penstock-locale-'))
  let canMake = true
  try {
    execFileSync('localedef', ['-i', 'en_US', '-f', 'UTF-8', join(folder, 'en_US.UTF-8')], { stdio: 'ignore' })
  } catch {
    canMake = false
  }

  test.skipIf(!canMake)('is served where it is installed, and refused with the way out where not', async () => {
    const home = mkdtempSync(join(tmpdir(), 'penstock-home-'))
    try {
      for (const [locale, isInstalled] of [
        [folder, true],
        ['/nowhere', false],
      ] as const) {
        const server = await serve([], { env: { LOCPATH: locale, PENSTOCK_HOME: join(home, String(isInstalled)) } })
        const added = await penstock(['model', 'add', file, '--url', server.url])
        if (isInstalled) expect(added).toMatchObject({ code: 0 })
        else
          expect(added.stderr).toMatch(
            /need the locale en_US\.UTF-8.*localedef -i en_US -f UTF-8 en_US\.UTF-8.*"locale": "C"/,
          )
      }
    } finally {
      for (const path of [home, folder]) rmSync(path, { recursive: true })
    }
  })
})

/** `penstock init` and `penstock dev`: a project that works as it is written, and a server that follows what is saved there. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { applyProject, Engine } from 'penstock'
import { projectPath } from '../docs/testing/doc-server.js'
import { modelPath } from '../support/goldens.js'
import { penstock, serve, temporaryDirectory } from '../support/cli-process.js'

vi.setConfig({ testTimeout: 60_000 })

/** A project as `init` writes it, with the package where npm would put it. */
async function newProject(): Promise<string> {
  const directory = join(temporaryDirectory(), 'Wine Service')
  expect(await penstock(['init', directory])).toMatchObject({ code: 0, stderr: '' })
  mkdirSync(join(directory, 'node_modules'))
  symlinkSync(projectPath, join(directory, 'node_modules', 'penstock'))
  return directory
}

describe('init', () => {
  test("init: the project's own test passes, and its files are in the way of a second one", async () => {
    const directory = await newProject()
    const json = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8')) as {
      name: string
      scripts: { test: string }
    }
    expect([json.name, json.scripts.test]).toEqual(['wine-service', 'node --test'])
    const child = spawn(process.execPath, ['--test'], { cwd: directory, stdio: ['ignore', 'pipe', 'inherit'] })
    let output = ''
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
    expect(await once(child, 'close'), output).toEqual([0, null])
    expect(output).toMatch(/pass 3\n/)
    writeFileSync(join(directory, 'README.md'), 'mine')
    rmSync(join(directory, 'scripts'), { recursive: true })
    const again = await penstock(['init', directory])
    expect([again.code, again.stderr]).toEqual([
      2,
      expect.stringMatching(/to have none of the project's files but it has README\.md, /),
    ])
    expect(readFileSync(join(directory, 'README.md'), 'utf8')).toBe('mine')
    expect(existsSync(join(directory, 'scripts'))).toBe(false)
  })
})

describe('dev', () => {
  test('dev: follows what is saved, tells what is broken while the version before serves, and ends with a signal', async () => {
    const directory = await newProject()
    const { url, child, output, ended } = await serve([directory, '--grpc-port', 'off'], {}, 'dev')
    const path = (file: string): string => join(directory, file)
    const edit = (file: string, from: string, to: string): void => {
      const text = readFileSync(path(file), 'utf8')
      expect(text).toContain(from)
      // As editors save: another file takes the place.
      writeFileSync(path('saved'), text.replace(from, to))
      renameSync(path('saved'), path(file))
    }
    const { example } = JSON.parse(readFileSync(path('contracts/wine.json'), 'utf8')) as { example: object }
    const predict = async (pipeline = 'wine'): Promise<Record<string, unknown>> => {
      const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(example) }
      return (await (await fetch(`${url}/predict/${pipeline}`, init)).json()) as Record<string, unknown>
    }
    const says = (line: string | RegExp) => expect.poll(() => output.stdout, { timeout: 15_000 }).toMatch(line)

    expect(await predict()).toMatchObject({ grade: 'fair', model: 'wine@1' })
    edit('scripts/grade.ts', "'fair'", "'drinkable'")
    await says(/wine, version 2, is deployed/)
    expect(await predict()).toMatchObject({ grade: 'drinkable' })

    edit('scripts/grade.ts', 'function gradeOf(', 'function gradeOf(:')
    await says(
      /pipelines\/wine\.json: steps\[2\] \(script\) of pipeline wine: Expected grade\.ts to load, but at line 9:/,
    )
    expect(await predict()).toMatchObject({ grade: 'drinkable' })
    edit('scripts/grade.ts', 'function gradeOf(:', 'function gradeOf(')
    await says(/No file is broken any more/)

    edit('transforms/prepare.json', '"mean"', '"median"')
    await says(/wine, version 3, is deployed/)
    edit('contracts/wine.json', '"max": 20, "unit": "g/l"', '"max": 8, "unit": "g/l"')
    // Its example breaks the new bound: the contract is refused, and the one before holds.
    await says(/contracts\/wine\.json: /)
    expect(await predict()).toMatchObject({ grade: 'drinkable' })

    writeFileSync(path('models/wine/model.onnx'), readFileSync(modelPath('wine-gbt')))
    await says(/wine@champion is version 2/)
    expect(await predict()).toMatchObject({ model: 'wine@2' })
    const second = {
      contract: 'wine',
      steps: [
        { type: 'transform', ops: '../transforms/prepare.json' },
        { type: 'model', model: 'wine' },
        {
          type: 'script',
          file: '../scripts/grade.ts',
          columns: ['quality'],
          outputs: [{ name: 'grade', dtype: 'string' }],
        },
      ],
    }
    writeFileSync(path('pipelines/second.json'), JSON.stringify(second))
    await says(/second, version 1, is deployed/)
    expect(await predict('second')).toMatchObject({ model: 'wine@2' })
    rmSync(path('pipelines/second.json'))
    await says(/second is undeployed: its file has gone/)

    child.kill('SIGINT')
    expect(await ended).toBe(0)
    expect(existsSync(path('.penstock'))).toBe(true)
  })

  test('dev: of a folder that is no project says so, with the way out', async () => {
    const { code, stderr } = await penstock(['dev', temporaryDirectory(), '--port', '0'])
    expect([code, stderr]).toEqual([
      1,
      expect.stringMatching(/Expected the project to be a folder with .*`penstock init` writes one/),
    ])
  })
})

describe('applyProject', () => {
  let engine: Engine
  beforeAll(async () => {
    engine = await Engine.open({ inferWorkers: 1, calibration: 'off' })
  })
  afterAll(() => engine?.close())

  test('applyProject: tells each file that cannot be applied, and applies the others', async () => {
    const directory = temporaryDirectory()
    const write = (file: string, text: string | Buffer): void => {
      mkdirSync(join(directory, file, '..'), { recursive: true })
      writeFileSync(join(directory, file), text)
    }
    write('contracts/odd.json', '{"fields": 7}')
    write('models/text/model.onnx', 'no model')
    write('models/wine/model.onnx', readFileSync(modelPath('wine-mlp')))
    write('models/notes/readme.txt', 'passed over')
    write('pipelines/broken.json', '{"steps": [')
    write('pipelines/fine.json', '{"steps": [{"type": "model", "model": "wine@champion"}]}')
    write('pipelines/lost.json', '{"steps": [{"type": "script", "file": "gone.ts", "columns": ["a"], "outputs": []}]}')
    write('pipelines/ops.json', '{"steps": [{"type": "transform", "ops": "../models/notes/readme.txt"}]}')
    const { changes, problems } = await applyProject(engine, directory)
    expect(changes).toEqual(['wine@champion is version 1', 'fine, version 1, is deployed'])
    expect(problems.map(({ file, error }) => [file, error.code, error.message])).toEqual([
      ['contracts/odd.json', 'ERR_CONTRACT_INVALID', expect.stringContaining('fields')],
      ['models/text/model.onnx', 'ERR_MODEL_INVALID', expect.any(String)],
      ['pipelines/broken.json', 'ERR_ARGUMENT', expect.stringContaining('JSON')],
      [
        'pipelines/lost.json',
        'ERR_PIPELINE_INVALID',
        expect.stringMatching(
          /^Expected steps\[0\]\.file to be a file beside the definition, but .*gone\.ts cannot be read: ENOENT/,
        ),
      ],
      [
        'pipelines/ops.json',
        'ERR_PIPELINE_INVALID',
        expect.stringMatching(/^Expected steps\[0\]\.ops to be a file of JSON, but .*readme\.txt is none/),
      ],
    ])
    expect(await applyProject(engine, directory)).toMatchObject({ changes: [] })
  })
})

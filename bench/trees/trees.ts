/**
 * The tree kernels' figures: `npm run bench:trees`. Ensembles are made, penstock-trees (bench/trees/main.cpp) answers the same
 * rows by our kernels and by ONNX Runtime with one thread, in turn, compares all bits, and says how many times as fast.
 *
 * Options: --rounds 9 --rows 1,16,64,256,1024,8192 --levels avx2,avx512 --only TEXT --json
 */
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { parseArgs, promisify } from 'node:util'
import { machineLine, projectRoot, readMachine } from '../harness/project.js'
import { makeForest, type ForestShape } from './forests.js'

const run = promisify(execFile)
const buildFolder = join(projectRoot, 'build', 'kernels')
const shapes: readonly ForestShape[] = [
  { name: 'forest 500 x 256', trees: 500, leaves: 256, features: 30, missing: 0, balance: 0.1 },
  { name: 'boosted 1,000 x 31 with NaN', trees: 1000, leaves: 31, features: 30, missing: 0.1, balance: 0.1 },
  { name: 'boosted 250 x 16', trees: 250, leaves: 16, features: 12, missing: 0, balance: 0.1 },
  { name: 'forest 60 x 96', trees: 60, leaves: 96, features: 12, missing: 0, balance: 0.1 },
  { name: 'forest 200 x 501', trees: 200, leaves: 501, features: 30, missing: 0, balance: 0.1 },
  { name: 'boosted 300 x 63 with NaN', trees: 300, leaves: 63, features: 30, missing: 0.1, balance: 0.1 },
]

interface LevelFigure {
  readonly us: number
  readonly ratio: number
  readonly least: number
  readonly most: number
}
type Figure = { readonly rows: number; readonly onnxRuntimeUs: number } & Readonly<Record<string, LevelFigure>>

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '9' },
    rows: { type: 'string', default: '1,16,64,256,1024,8192' },
    levels: { type: 'string', default: 'avx2,avx512' },
    only: { type: 'string', default: '' },
    json: { type: 'boolean', default: false },
  },
})

await run('cmake', ['-S', join(projectRoot, 'native'), '-B', buildFolder, '-DPENSTOCK_BENCH=ON'])
await run('cmake', ['--build', buildFolder, '--parallel', '2', '--target', 'penstock-trees'])
if (!values.json) process.stdout.write(`${machineLine(readMachine())}\n`)
for (const shape of shapes.filter(({ name }) => name.includes(values.only))) {
  const figures = await measure(shape)
  if (values.json)
    for (const figure of figures) process.stdout.write(`${JSON.stringify({ name: shape.name, ...figure })}\n`)
  else process.stdout.write(`\n${shape.name}\n${figures.map(line).join('\n')}\n`)
}

async function measure(shape: ForestShape): Promise<Figure[]> {
  const folder = mkdtempSync(join(tmpdir(), 'penstock-trees-'))
  try {
    const { model, arrays } = makeForest(shape)
    writeFileSync(join(folder, 'model.onnx'), model)
    writeFileSync(join(folder, 'model.spec'), specBytes(arrays))
    const { stdout } = await run(join(buildFolder, 'penstock-trees'), [
      ortLibrary(),
      join(folder, 'model.onnx'),
      join(folder, 'model.spec'),
      ...['rows', 'levels', 'rounds'].flatMap((name) => [`--${name}`, values[name as 'rows' | 'levels' | 'rounds']]),
    ])
    return stdout
      .trim()
      .split('\n')
      .map((text) => JSON.parse(text) as Figure)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** spec_file.hpp reads it. */
function specBytes(arrays: Readonly<Record<string, Uint8Array>>): Buffer {
  const length = (bytes: Uint8Array) => new Uint8Array(Uint32Array.of(bytes.length).buffer)
  return Buffer.concat(
    Object.entries(arrays).flatMap(([name, bytes]) => {
      const text = Buffer.from(name)
      return [length(text), text, length(bytes), bytes]
    }),
  )
}

function ortLibrary(): string {
  const root = dirname(createRequire(import.meta.url).resolve('onnxruntime-node/package.json'))
  return join(root, 'bin', 'napi-v6', process.platform, process.arch, 'libonnxruntime.so.1')
}

function line({ rows, onnxRuntimeUs, ...levels }: Figure): string {
  const parts = Object.entries(levels as Record<string, LevelFigure>).map(
    ([level, { us, ratio, least, most }]) => `${level} ${us} µs, ${ratio} times (${least} to ${most})`,
  )
  return `  ${rows} rows: ONNX Runtime ${onnxRuntimeUs} µs · ${parts.join(' · ')}`
}

/**
 * The models of the compute-bound rows, which are too large to be committed: tools/train makes them into
 * build/bench-models, once, and again when the scripts that make them have changed. Needs Python 3.11 and the packages
 * of tools/train/requirements-bench.txt, which the script installs into a virtual environment of its own;
 * PENSTOCK_BENCH_PYTHON names an interpreter that has them, PENSTOCK_BENCH_MODELS a folder that has the models.
 */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { projectRoot } from './project.js'

const run = promisify(execFile)
const train = join(projectRoot, 'tools', 'train')
const makers = ['bench_models.py', 'bench_networks.py', 'graphs.py', 'wine.py', 'requirements-bench.txt']
const makeLimitMs = 900_000

export type BenchModel = 'resnet50' | 'mobilenet-v3-large' | 'encoder' | 'forest' | 'image-mean'

/** Path of the model's file. @throws Error with what Python said when it cannot be made. */
export async function benchModel(name: BenchModel): Promise<string> {
  const given = process.env['PENSTOCK_BENCH_MODELS']
  const folder = given ?? join(projectRoot, 'build', 'bench-models')
  const path = join(folder, `${name}.onnx`)
  if (given !== undefined) {
    if (existsSync(path)) return path
    throw new Error(`Expected PENSTOCK_BENCH_MODELS to be a folder with ${name}.onnx but received ${given}`)
  }
  const stampPath = join(folder, `${name}.stamp`)
  const stamp = stampOfMakers()
  if (existsSync(path) && existsSync(stampPath) && readFileSync(stampPath, 'utf8') === stamp) return path
  try {
    await run(join(train, 'bench_models.sh'), ['--out', folder, '--only', name], { timeout: makeLimitMs })
  } catch (cause) {
    const { stderr = '' } = cause as { stderr?: string }
    throw new Error(`Cannot make the model ${name} with tools/train/bench_models.sh: ${stderr.slice(-2000)}`, { cause })
  }
  writeFileSync(stampPath, stamp)
  return path
}

function stampOfMakers(): string {
  const hash = createHash('sha256')
  for (const name of makers) hash.update(readFileSync(join(train, name)))
  return hash.digest('hex')
}

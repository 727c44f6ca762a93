/** Homes with a large model in them, and what each number of workers on one costs. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Engine, Home } from '../../../src/index.js'
import { denseModel } from './dense-model.js'
import { measureInChild, type Measurement } from './measure.js'

export interface StoredModel {
  /** Measures in a fresh process. */
  measure(workers: number): Promise<Measurement>
  remove(): Promise<void>
}

/**
 * @param isShared false: every worker has a copy: a session of its own, by onnxruntime-node, and the directory of the prepared
 * files is blocked by a file.
 */
export async function storeModel(sizeMib: number, isShared: boolean): Promise<StoredModel> {
  const path = await mkdtemp(join(tmpdir(), 'penstock-weights-'))
  const remove = () => rm(path, { recursive: true, force: true })
  try {
    const width = await upload(path, sizeMib)
    if (!isShared) await writeFile(join(path, 'prepared'), 'blocks the directory\n')
    // The first deploy makes the prepared files; its peak must not count as serving.
    if (isShared) await measureInChild({ home: path, workers: 1, width })
    const runs = isShared ? 'native' : 'onnxruntime-node'
    return { measure: (workers) => measureInChild({ home: path, workers, width, runs }), remove }
  } catch (error) {
    await remove()
    throw error
  }
}

/** In a home that no later process inherits memory from. @returns floats of a row. */
async function upload(path: string, sizeMib: number): Promise<number> {
  const { bytes, width } = denseModel(sizeMib)
  const home = await Home.open({ path })
  const engine = await Engine.open({ models: home.models, inferWorkers: 1 })
  await engine.addModel('dense', bytes)
  await engine.close()
  await home.close()
  return width
}

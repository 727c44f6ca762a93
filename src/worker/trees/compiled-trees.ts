/**
 * Trees compiled for the kernels, once in the process: the first isolate that wants a model compiles its file, all others
 * find what it made by the hash of the file. Their memory ends when the last handle is closed.
 */
import { readFile } from 'node:fs/promises'
import { addon } from '../../../bindings/native.js'
import { collectGarbage } from '../collect-garbage.js'
import type { TreesHandle } from '../../../bindings/native.js'
import { readOnnx } from '../../onnx/index.js'
import { readTrees, type TreeGraph } from '../../onnx/trees/index.js'
import { treePlanOf, type TreePlan } from './tree-plan.js'

export interface CompiledTrees {
  readonly handle: TreesHandle
  readonly plan: TreePlan
}

/** @throws Error in one sentence when the kernels cannot run it. */
export function compileTrees(trees: TreeGraph): CompiledTrees {
  const handle = addon.makeTrees(trees.spec)
  const plan = treePlanOf(trees)
  const { scoreColumns, hasLabels } = addon.treesInfo(handle)
  if (scoreColumns !== plan.scoreColumns || hasLabels !== plan.hasLabels)
    throw new Error(`Its kernels give ${scoreColumns} scores a row, but its graph ${plan.scoreColumns}`)
  return { handle, plan }
}

interface TreeSource {
  readonly label: string
  readonly path: string | null
  readonly bytes: Uint8Array | null
}

/** @throws Error when the file has changed since it was found to be trees. */
export async function openTrees(source: TreeSource, key: string): Promise<CompiledTrees> {
  const found = addon.findTrees(key)
  if (found !== null) return { handle: found.trees, plan: JSON.parse(found.note) as TreePlan }
  const compiled = await compileFile(source)
  addon.publishTrees(key, compiled.handle, JSON.stringify(compiled.plan))
  // The file and its nodes as JavaScript read them: several times the model, which an idle thread would keep.
  collectGarbage()
  return compiled
}

async function compileFile(source: TreeSource): Promise<CompiledTrees> {
  const { label, path, bytes } = source
  const file = bytes ?? (path === null ? null : await readFile(path))
  if (file === null) throw new Error(`Expected ${label} to come with a path or with its bytes`)
  const { trees, reason } = readTrees(readOnnx(file))
  if (trees === null) throw new Error(`Expected ${label} to be the trees that it was when it was added. ${reason}`)
  return compileTrees(trees)
}

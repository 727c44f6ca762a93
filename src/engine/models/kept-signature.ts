/**
 * What stays of a version's signature when its file is inspected again: class names, which lie beside the file that was
 * sent, a difference that was found live, and the time of an operator's word. Adding a file twice then changes nothing.
 */
import { isDeepStrictEqual } from 'node:util'
import type { BatchingProof, ModelSignature } from '../api/api.js'

export function keptSignature(before: ModelSignature, inspected: ModelSignature): ModelSignature {
  const now = keptRunner(before, inspected)

  const outputs = now.outputs.map((field) => {
    const classes = before.outputs.find(({ name }) => name === field.name)?.classes
    return classes === undefined || field.classes !== undefined ? field : { ...field, classes }
  })
  const { batchingProof: old } = before
  const { batchingProof: proof } = now
  if (proof === undefined || old === undefined) return { ...now, outputs }
  const found = old.found !== undefined && proof.override === undefined ? { found: old.found } : {}
  const kept: BatchingProof = { ...proof, ...found }
  const said =
    kept.override !== undefined && kept.override.operator === old.override?.operator ? old.override : undefined
  const same = said === undefined ? kept : { ...kept, override: said }
  // How far a trial got depends on the machine's mood.
  const isSameFinding = isDeepStrictEqual({ ...same, comparisons: 0 }, { ...old, comparisons: 0 })
  return {
    ...now,
    outputs,
    batchingProof: isSameFinding ? old : same,
    ...(isSameFinding ? { remark: before.remark } : {}),
  }
}

/** How many rows were compared depends on the machine's mood. */
function keptRunner({ runner: before }: ModelSignature, now: ModelSignature): ModelSignature {
  const isSame =
    before !== undefined &&
    now.runner !== undefined &&
    isDeepStrictEqual({ ...before, rows: 0 }, { ...now.runner, rows: 0 })
  return isSame ? { ...now, runner: before } : now
}

/** The signature of before with what runs the version now; the tree kernels know the dims of all outputs. */
export function withRunner(before: ModelSignature, { runner, outputs }: ModelSignature): ModelSignature {
  const { runner: _, ...rest } = before
  if (runner?.name !== 'native-trees') return runner === undefined ? rest : { ...rest, runner }
  return {
    ...rest,
    runner,
    outputs: before.outputs.map((field) => ({
      ...field,
      shape: outputs.find(({ name }) => name === field.name)?.shape ?? field.shape,
    })),
  }
}

/**
 * What a proof of the tree kernels holds for: the kernels of another instruction set, or changed ones, or another ONNX
 * Runtime may round otherwise. The engine asks before any session exists, so nothing here imports onnxruntime-node.
 */
import { arch } from 'node:os'
import { addon } from '../../../bindings/native.js'
import { runtimeVersion } from '../../onnx/runtime-version.js'
import { TREE_KERNELS_REVISION } from '../../base/limits/tree-limits.js'
import type { ModelSignature } from '../../engine/api/api.js'

let conditions: string | undefined

/** One text, for records: `tree kernels 1, onnxruntime 1.30.0, x64 avx2`. */
export function treeConditions(): string {
  return (conditions ??= [
    `tree kernels ${TREE_KERNELS_REVISION}`,
    `onnxruntime ${runtimeVersion()}`,
    `${arch()} ${addon.simdLevel()}`,
  ].join(', '))
}

/** Whether the record's word on what runs the model was found under the conditions of this process. */
export function isRunnerCurrent({ runner }: Pick<ModelSignature, 'runner'>): boolean {
  return runner?.foundWith === treeConditions()
}

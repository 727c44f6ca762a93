/**
 * Pipelines whose transforms the addon runs for WebSocket requests, from the bytes of a frame to those of another: decided
 * once a deployment. It leaves those to JavaScript whose answers have texts, or rows that the operations behind the models
 * may refuse; and every request in which it finds something, whose words are request-transforms.ts's.
 */
import { addon } from '../../../bindings/native.js'
import type { PlanHandle } from '../../../bindings/native.js'
import { type CompiledPlan, planSignature } from '../../pipeline/plan.js'
import type { TransformProgram } from '../../transforms/program/compile.js'
import type { RequestTransforms } from './request-transforms.js'

/** @returns whether callers' columns reach the plan, and its answers callers, without JavaScript. */
export function bindNativeColumns(plan: PlanHandle, compiled: CompiledPlan, transforms: RequestTransforms): boolean {
  const { inputTransform, outputTransform, inputChain, outputChain, inputFields, isStringPath } = compiled
  // A chain that is more than a program has stages, which wait, or columns whose rows are of any length.
  const isProgram =
    (inputChain === null) === (inputTransform === null) && (outputChain === null) === (outputTransform === null)
  if (isStringPath || !isProgram || (inputTransform === null && outputTransform === null)) return false
  const columns = inputTransform?.columns ?? []
  const freeDims = columns
    .flatMap(({ rowDims }, i) => rowDims.filter((_, axis) => inputFields[i]?.shape[axis + 1] === null))
    .filter((dim) => dim !== null)
  try {
    addon.bindColumns(plan, {
      input: transforms.inputHandle,
      inputColumns: columns.map(({ name }) => outputOf(inputTransform?.program, name)),
      freeDims,
      output: transforms.outputHandle,
      outputColumns: outputTransform?.outputs.map(({ output }) => output) ?? [],
      signature: planSignature(compiled),
    })
    return true
  } catch (error) {
    if (error instanceof RangeError) return false
    throw error
  }
}

function outputOf(program: TransformProgram | undefined, name: string): number {
  return program?.outputs.find((column) => column.name === name)?.output ?? 0
}

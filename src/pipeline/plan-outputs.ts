/**
 * What a stage gives: the outputs that the branches of a node have in common, and their names in an answer.
 */
import { dimsCompatible, formatShape, loosenDims } from '../tensor/shape.js'
import type { TensorField } from '../tensor/tensor.js'
import { fieldOf, invalid, outputSource, type Output, type Position } from './plan-graph.js'
import { expectSameNames, formatModel, rowDimsOf } from './plan-inputs.js'
import type { PlanAudit, ResolvedModel } from './plan.js'

/**
 * The outputs of a node. All branches of a split give the same ones; a dim that differs is free.
 * @throws PenstockError ERR_PIPELINE_INVALID naming the branches that disagree.
 */
export function alignOutputs(
  where: string,
  position: Position,
  models: readonly ResolvedModel[],
  isNonBatching: boolean,
): Output[] {
  const [first] = models
  if (first === undefined) return []
  for (const model of models) {
    expectSameNames(where, 'outputs', first.signature.outputs, model.signature.outputs, first, model)
  }
  return first.signature.outputs.map((field) => {
    const { name, dtype } = field
    const slots = models.map(({ signature }) => signature.outputs.findIndex((output) => output.name === name))
    let rowDims = rowDimsOf(field, isNonBatching)
    models.forEach((model, i) => {
      const other = model.signature.outputs[slots[i] as number] as TensorField
      const otherDims = rowDimsOf(other, isNonBatching)
      if (other.dtype !== dtype || !dimsCompatible(rowDimsOf(field, isNonBatching), otherDims)) {
        throw invalid(
          `Expected ${name} to be alike in the options of ${where} but it is ${formatField(field, isNonBatching)} in ` +
            `${formatModel(first)} and ${formatField(other, isNonBatching)} in ${formatModel(model)}`,
        )
      }
      rowDims = loosenDims(rowDims, otherDims)
    })
    return { name, dtype, rowDims, model: position.label, position, slots }
  })
}

/**
 * Outputs as an answer names them: the first node's by their own names, the others as `<label>.<name>`.
 * @throws PenstockError ERR_PIPELINE_INVALID when two have one name.
 */
export function nameOutputs(where: string, positions: readonly Position[]): Map<string, Output> {
  const named = new Map<string, Output>()
  positions.forEach((position, i) => {
    for (const output of position.outputs) {
      const name = i === 0 ? output.name : `${position.label}.${output.name}`
      if (named.has(name)) throw invalid(`Expected the outputs of ${where} to have different names but two are ${name}`)
      named.set(name, output)
    }
  })
  return named
}

/** What the log takes besides the answer. Labels of different steps may be the same: the later ones get #2, #3 … */
export function auditsOf(positions: readonly Position[], isNonBatching: boolean): PlanAudit[] {
  const counts = new Map<string, number>()
  return positions.map(({ stage, index, label, outputs }) => {
    const count = (counts.get(label) ?? 0) + 1
    counts.set(label, count)
    return {
      stage,
      position: index,
      label: count === 1 ? label : `${label}#${count}`,
      tensors: outputs.map((output) => ({
        field: fieldOf(output.name, output, isNonBatching),
        source: outputSource(output),
      })),
    }
  })
}

function formatField(field: TensorField, isNonBatching: boolean): string {
  const shape = isNonBatching ? field.shape : [null, ...rowDimsOf(field, isNonBatching)]
  return `${field.dtype} ${formatShape(shape, isNonBatching)}`
}

/**
 * The inputs of a model with what its graph says of them: the width that its weights want in place of a free dim, and a
 * shape where the file gives none. ONNX Runtime shows an input without a shape as a scalar.
 */
import { inputHints, type OnnxModel } from '../../onnx/index.js'
import { UnservableModel, type DeclaredField } from './declared-fields.js'

/** @throws UnservableModel for an input without a shape that the graph does not show. */
export function withHints(fields: readonly DeclaredField[], model: OnnxModel): DeclaredField[] {
  const hints = inputHints(model)
  const shapeless = new Set(
    model.graph.inputs.flatMap(({ name, type }) => (type?.kind === 'tensor' && type.dims === null ? [name] : [])),
  )
  return fields.map((field) => {
    const hint = hints.get(field.name)
    const hinted = hint?.dims ?? null
    if (shapeless.has(field.name) && hinted === null) throw new UnservableModel(noShape(field.name))
    const dims = shapeless.has(field.name)
      ? (hinted ?? []).map((dim, axis) => dim ?? `free_${axis}`)
      : field.dims.map((dim, axis) =>
          typeof dim === 'string' && axis > 0 && hinted?.length === field.dims.length ? (hinted[axis] ?? dim) : dim,
        )
    return hint === undefined ? { ...field, dims } : { ...field, dims, hint }
  })
}

function noShape(name: string): string {
  return (
    `Input ${name} has no shape in the file, and its weights do not tell one. Export again with one, for example ` +
    "`initial_types=[('x', FloatTensorType([None, 12]))]` in skl2onnx, or set `graph.input[0].type.tensor_type.shape` with onnx"
  )
}

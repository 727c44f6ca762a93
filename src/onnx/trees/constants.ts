/** Values that a graph holds itself: initializers and the results of Constant nodes. */
import type { OnnxGraph, OnnxTensorInfo } from '../model.js'

export class Constants {
  readonly #tensors: ReadonlyMap<string, OnnxTensorInfo>

  constructor({ initializers, nodes }: OnnxGraph) {
    const made = nodes.flatMap(({ opType, domain, outputs, attributes }) => {
      const tensor = opType === 'Constant' && domain === '' ? attributes.get('value')?.tensor : undefined
      return tensor === undefined ? [] : [[outputs[0] ?? '', tensor] as const]
    })
    this.#tensors = new Map([...initializers.map((tensor) => [tensor.name, tensor] as const), ...made])
  }

  get(name: string): OnnxTensorInfo | undefined {
    return name === '' ? undefined : this.#tensors.get(name)
  }

  /** The integers of a vector of int64 that is short: a shape, axes. undefined: it is none. */
  integers(name: string): readonly number[] | undefined {
    const tensor = this.get(name)
    if (tensor?.dtype !== 'int64' || tensor.dims.length > 1 || (tensor.dims[0] ?? 1) > 16) return undefined
    return [...(tensor.read() as BigInt64Array)].map(Number)
  }

  /** Whether it is one number and that is 1. */
  isOne(name: string): boolean {
    const tensor = this.get(name)
    if (tensor === undefined || tensor.dtype === 'string' || tensor.dtype === 'float16' || tensor.dtype === 'bfloat16')
      return false
    return tensor.dims.length <= 2 && tensor.dims.every((dim) => dim === 1) && Number(tensor.read()[0]) === 1
  }
}

/** Sizes in a model file that no tensor can have: refused when the file is read, by name and number, wherever they stand. */
import { describe, expect, it } from 'vitest'
import { DIM_MAX } from '../base/limits/limits.js'
import { readOnnx } from './read.js'
import { buildModel, type BuiltModel } from './testing/build.js'
import { takeUpload } from './upload.js'

/** y = x, with a shape in one of the places where a file has one. */
function withShape(place: 'input' | 'output' | 'initializer' | 'sparse', dims: readonly number[]): Uint8Array {
  const plain = [null, 2] as const
  const empty = { name: 'w', dtype: 'float32', dims, data: new Float32Array(0) } as const
  const values = { name: 's', dtype: 'float32', dims: [0], data: new Float32Array(0) } as const
  const indices = { name: '', dtype: 'int64', dims: [0], data: new BigInt64Array(0) } as const
  const model: BuiltModel = {
    nodes: [{ op: 'Identity', inputs: ['x'], outputs: ['y'] }],
    inputs: [['x', 'float32', place === 'input' ? [null, ...dims] : plain]],
    outputs: [['y', 'float32', place === 'output' ? [null, ...dims] : plain]],
    ...(place === 'initializer' ? { initializers: [empty] } : {}),
    ...(place === 'sparse' ? { sparseInitializers: [{ values, indices, dims: [...dims] }] } : {}),
  }
  return buildModel(model)
}

const tooLarge = [2 ** 31, 2 ** 31 + 3, 2 ** 32, 2 ** 32 + 4, 2 ** 53 - 1]

describe('a dim of a model file', () => {
  it.each(['input', 'output', 'initializer', 'sparse'] as const)('of an %s: at most 2^31 - 1', (place) => {
    for (const dim of tooLarge) {
      for (const dims of [[dim], [0, dim], [dim, 0]]) {
        const take = (): unknown => takeUpload({ bytes: withShape(place, dims), dataFiles: new Map() })
        expect(take).toThrow(expect.objectContaining({ code: 'ERR_MODEL_INVALID' }) as Error)
        expect(take).toThrow(`to be at most ${DIM_MAX} but received ${dim}`)
      }
    }
    const { graph } = readOnnx(withShape(place, [0, DIM_MAX]))
    expect(graph.nodes).toHaveLength(1)
  })

  it('of an input: all together make no more elements than a tensor may have', () => {
    for (const dims of [
      [65_536, 65_536],
      [DIM_MAX, 2],
      [2 ** 16, 2 ** 16, 2 ** 16, 2 ** 16],
      [2, 2 ** 30],
    ]) {
      const take = (): unknown => takeUpload({ bytes: withShape('input', dims), dataFiles: new Map() })
      expect(take).toThrow(expect.objectContaining({ code: 'ERR_MODEL_INVALID' }) as Error)
      expect(take).toThrow(
        `Expected input x to have at most ${DIM_MAX} elements but its shape is [?, ${dims.join(', ')}]`,
      )
    }
    expect(takeUpload({ bytes: withShape('input', [2, 2 ** 30 - 1]), dataFiles: new Map() }).changes).toEqual([])
  })
})

/** A model whose answers are as large as a test wants them, from four bytes a row. */
import { buildModel } from '../../../src/onnx/testing/build.js'

/**
 * `x` float32 [N,1] → `y` float32 [N,`width`], each row its x over and over.
 * @param isDeclared whether the signature has `width`; else it is known only after the run.
 * @returns the file in base64, as a server child takes it.
 */
export function wideModel(width: number, isDeclared: boolean): string {
  const bytes = buildModel({
    nodes: [{ op: 'Expand', inputs: ['x', 'shape'], outputs: ['y'] }],
    inputs: [['x', 'float32', ['N', 1]]],
    outputs: [['y', 'float32', ['N', isDeclared ? width : 'M']]],
    initializers: [{ name: 'shape', dtype: 'int64', dims: [2], data: BigInt64Array.of(1n, BigInt(width)) }],
  })
  return Buffer.from(bytes).toString('base64')
}

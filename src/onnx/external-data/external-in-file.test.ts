import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { obstacleInBytes, obstacleInFile } from './external-in-file.js'
import { buildModel, type BuiltModel, type BuiltTensor } from '../testing/build.js'

const directory = mkdtempSync(join(tmpdir(), 'penstock-external-'))
afterAll(() => rmSync(directory, { recursive: true }))

const outside: BuiltTensor = { name: 'w', dtype: 'float32', dims: [2], external: { location: 'decoy.data' } }
/** Larger than the window that is read at a time. */
const large: BuiltTensor = { name: 'v', dtype: 'float32', dims: [50_000], data: new Float32Array(50_000).fill(7) }
const inner = (tensor: BuiltTensor) => ({
  op: 'If',
  inputs: ['c'],
  outputs: ['y'],
  attributes: {
    then_branch: { graph: { nodes: [], outputs: [['w', 'float32', [2]] as const], initializers: [tensor] } },
  },
})
const constant = (tensor: BuiltTensor) => ({
  op: 'Constant',
  inputs: [],
  outputs: ['w'],
  attributes: { value: { tensor } },
})
const fields = { inputs: [['x', 'float32', ['n', 2]]], outputs: [['y', 'float32', ['n', 2]]] } as const

describe('data in other files', () => {
  it.each<[string, BuiltModel]>([
    ['an initializer', { ...fields, nodes: [], initializers: [large, outside] }],
    ['an attribute', { ...fields, nodes: [constant(large), constant(outside)] }],
    ['a subgraph', { ...fields, nodes: [inner(outside)], initializers: [large] }],
  ])('is found in %s, behind weights that are not read', async (_where, model) => {
    const bytes = buildModel(model)
    const path = join(directory, 'model.onnx')
    writeFileSync(path, bytes)
    expect(await obstacleInFile(path)).toBe('external')
    expect(await obstacleInBytes(bytes)).toBe('external')
  })

  it('is not found in models that hold their weights, whatever these are', async () => {
    const path = join(directory, 'whole.onnx')
    writeFileSync(path, buildModel({ ...fields, nodes: [constant(large), inner(large)], initializers: [large] }))
    expect(await obstacleInFile(path)).toBe('')
  })

  it('is suspected where the file cannot be followed', async () => {
    const bytes = buildModel({ ...fields, nodes: [constant(large)], initializers: [large] })
    for (let length = 1; length < bytes.length; length += 4099)
      expect(await obstacleInBytes(bytes.subarray(0, length)), `${length} bytes`).toBe('malformed')
    expect(await obstacleInBytes(Uint8Array.of(0x3b, 0x3c))).toBe('malformed')
    expect(await obstacleInBytes(new Uint8Array(40).fill(0xff))).toBe('malformed')
  })
})

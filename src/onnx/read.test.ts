import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { ProtoWriter } from '../base/protobuf/wire-writer.js'
import { nodesOf, readOnnx, tensorsOf } from './index.js'

const file = (name: string): Buffer => readFileSync(new URL(`../../test/models/${name}.onnx`, import.meta.url))

describe('the ONNX reader', () => {
  it('reads versions, inputs, outputs, nodes and weights of a file', () => {
    const model = readOnnx(file('linear'))
    expect(model.irVersion).toBeGreaterThan(3)
    expect(model.opsets.get('')).toBeGreaterThan(8)
    expect(model.graph.inputs).toEqual([
      { name: 'x', type: { kind: 'tensor', dtype: 'float32', elementType: 1, dims: ['N', 4], denotation: '' } },
    ])
    expect(model.graph.outputs.map(({ name }) => name)).toEqual(['y'])
    expect(model.graph.nodes.map(({ opType, inputs, outputs }) => [opType, inputs, outputs])).toEqual([
      ['MatMul', ['x', 'w'], ['xw']],
      ['Add', ['xw', 'b'], ['y']],
    ])
    expect(model.graph.initializers.map(({ name, dims }) => [name, dims])).toEqual([
      ['w', [4, 2]],
      ['b', [2]],
    ])
    expect(model.graph.initializers[1]?.read()).toEqual(Float32Array.of(3, -1))
  })

  it('reads attributes of every kind, and maps and sequences as types', () => {
    const model = readOnnx(file('zipmap-classifier'))
    const zipMap = model.graph.nodes.find(({ opType }) => opType === 'ZipMap')
    expect(zipMap?.domain).toBe('ai.onnx.ml')
    const labels = zipMap?.attributes.get('classlabels_int64s')
    expect(labels?.type).toBe('ints')
    expect(labels?.ints).toEqual(BigInt64Array.from([0n, 1n, 2n]))
    const value = { kind: 'tensor', dtype: 'float32', elementType: 1, dims: null, denotation: '' }
    const map = { kind: 'map', key: 'int64', value, denotation: '' }
    expect(model.graph.outputs[1]?.type).toEqual({ kind: 'sequence', element: map, denotation: '' })
  })

  it('finds tensors whose data lies elsewhere, and refuses to read them', () => {
    const [tensor] = [...tensorsOf(readOnnx(file('missing-external-data')))].filter(({ isExternal }) => isExternal)
    expect(tensor?.externalData.get('location')).toBeTypeOf('string')
    expect(() => tensor?.read()).toThrow('lies in another file')
  })

  it('reads values that are packed, unpacked or raw alike', () => {
    const tensor = (write: (message: ProtoWriter) => void): Uint8Array =>
      new ProtoWriter().message(7, (graph) => graph.message(5, write)).bytes
    const values = (bytes: Uint8Array) => readOnnx(bytes).graph.initializers[0]?.read()
    const packed = tensor((t) => t.unsigned(1, 2).unsigned(2, 7).packedUnsigned(7, [5, 300]))
    const unpacked = tensor((t) => t.unsigned(1, 2).unsigned(2, 7).unsigned(7, 5).unsigned(7, 300))
    const raw = tensor((t) =>
      t
        .unsigned(1, 2)
        .unsigned(2, 7)
        .data(9, new BigInt64Array([5n, 300n])),
    )
    for (const bytes of [packed, unpacked, raw]) expect(values(bytes)).toEqual(BigInt64Array.from([5n, 300n]))
  })

  it('refuses data that do not fill the dims', () => {
    const tensor = (dims: number) =>
      new ProtoWriter().message(7, (graph) =>
        graph.message(5, (t) => t.unsigned(1, dims).unsigned(2, 7).packedUnsigned(7, [5, 300]).text(8, 'w')),
      ).bytes
    for (const dims of [1, 3, 2 ** 30])
      expect(() => readOnnx(tensor(dims)).graph.initializers[0]?.read()).toThrow(
        /Expected the data of tensor w to fill \[\d+\] but received/,
      )
  })

  it('refuses a second graph, which protobuf would merge with the first behind its back', () => {
    const twice = new ProtoWriter().message(7, (g) => g.text(2, 'a')).message(7, (g) => g.text(2, 'b')).bytes
    expect(() => readOnnx(twice)).toThrow('Expected one graph but the file has two')
  })

  it('refuses graphs that lie too deep in each other, and more items than a graph may have', () => {
    const deep = (depth: number, graph: ProtoWriter): ProtoWriter =>
      depth === 0
        ? graph
        : graph.message(1, (node) =>
            node.message(5, (attribute) => attribute.text(1, 'body').message(6, (g) => deep(depth - 1, g))),
          )
    const nested = (depth: number) => new ProtoWriter().message(7, (graph) => deep(depth, graph)).bytes
    expect([...nodesOf(readOnnx(nested(32)))]).toHaveLength(32)
    expect(() => [...nodesOf(readOnnx(nested(33)))]).toThrow('at most 32 inside each other')
    // Empty names of a function's inputs.
    const names = Buffer.alloc(2 * 2_200_000, Buffer.from([0x22, 0]))
    const many = new ProtoWriter().data(25, names).bytes
    expect(() => readOnnx(many)).toThrow('at most 2097152 nodes, names and tensors')
  })

  it('refuses what is no model', () => {
    for (const bytes of [Buffer.alloc(0), Buffer.from('PK\x03\x04'), Buffer.from('{"a":1}')])
      expect(() => readOnnx(bytes)).toThrow(expect.objectContaining({ code: 'ERR_MODEL_INVALID' }))
  })
})

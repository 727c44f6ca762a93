import { describe, expect, it } from 'vitest'
import { externalFiles, nodesOf, readOnnx, takeUpload } from './index.js'
import {
  buildModel,
  sequenceOf,
  sequenceOfMaps,
  tensorType,
  type BuiltModel,
  type BuiltNode,
  type BuiltTensor,
} from './testing/build.js'

const noFiles = new Map<string, Uint8Array>()
const refusalOf = (run: () => unknown): string => {
  try {
    run()
  } catch (error) {
    return (error as Error).message
  }
  return 'no refusal'
}

describe('data files', () => {
  const fields = { inputs: [['x', 'float32', ['n', 2]]], outputs: [['y', 'float32', ['n', 2]]] } as const
  const add = { op: 'Add', inputs: ['x', 'w'], outputs: ['y'] }
  const outside = (external: Record<string, string>, dims = [2]): BuiltTensor => ({
    name: 'w',
    dtype: 'float32',
    dims,
    external,
  })
  const modelOf = (tensor: BuiltTensor): Uint8Array => buildModel({ ...fields, nodes: [add], initializers: [tensor] })
  const file = new Uint8Array(Float32Array.of(9, 2, 3, 9).buffer)

  it('are put into the model, each tensor from its place', () => {
    const bytes = modelOf(outside({ location: 'net.onnx.data', offset: '4', length: '8' }))
    const { bytes: served, model, changes } = takeUpload({ bytes, dataFiles: new Map([['net.onnx.data', file]]) })
    expect(model.graph.initializers[0]?.read()).toEqual(Float32Array.of(2, 3))
    expect(externalFiles(readOnnx(served)).size).toBe(0)
    expect(changes).toEqual([
      expect.stringMatching(/^The weights of net\.onnx\.data \(16 bytes, sha256 [0-9a-f]{64}\)/),
    ])
    const again = takeUpload({ bytes, dataFiles: new Map([['net.onnx.data', file]]) })
    expect(Buffer.compare(again.bytes, served)).toBe(0)
  })

  it('are put into subgraphs, attributes, functions and sparse tensors as well', () => {
    const tensor = outside({ location: 'w.bin', offset: '4' })
    const constant = { op: 'Constant', inputs: [], outputs: ['w'], attributes: { value: { tensor } } }
    const body = { nodes: [constant, add], outputs: [['y', 'float32', ['n', 2]] as const], initializers: [tensor] }
    const index: BuiltTensor = { name: 'i', dtype: 'int64', dims: [2], data: BigInt64Array.of(0n, 1n) }
    const bytes = buildModel({
      ...fields,
      nodes: [{ op: 'If', inputs: ['c'], outputs: ['y'], attributes: { then_branch: { graph: body } } }, constant],
      initializers: [tensor],
      sparseInitializers: [{ values: tensor, indices: index, dims: [4] }],
      functions: [{ name: 'F', domain: 'own', inputs: ['x'], outputs: ['y'], nodes: [constant, add] }],
    })
    const { model } = takeUpload({ bytes, dataFiles: new Map([['w.bin', file]]) })
    expect(externalFiles(model).size).toBe(0)
    const values = [...nodesOf(model)].flatMap(({ attributes }) => {
      const tensor = attributes.get('value')?.tensor
      return tensor === undefined ? [] : [tensor.read()]
    })
    expect(values).toEqual(Array.from({ length: 3 }, () => Float32Array.of(2, 3)))
    expect(model.graph.sparseInitializers[0]?.values.read()).toEqual(Float32Array.of(2, 3))
  })

  it('that are missing, too short or do not fit are refused', () => {
    const ask = (
      external: Record<string, string>,
      files: ReadonlyMap<string, Uint8Array> = new Map([['w.bin', file]]),
      dims = [2],
    ): string => refusalOf(() => takeUpload({ bytes: modelOf(outside(external, dims)), dataFiles: files }))
    expect(ask({ location: 'w.bin' }, noFiles)).toContain(
      'lie in another file, w.bin, which was not sent. Send it along',
    )
    expect(ask({ location: 'w.bin' }, new Map([['v.bin', file]]))).toContain('(received: v.bin)')
    expect(ask({ location: 'w.bin', offset: '12' })).toContain('to have the bytes 12..20 of tensor w but it ends at 16')
    expect(ask({ location: 'w.bin', offset: '999999999999999' })).toContain('but it ends at 16')
    expect(ask({ location: 'w.bin', offset: '-8' })).toContain('a whole number of bytes but received -8')
    expect(ask({ location: 'w.bin', length: '4' })).toContain('to have 8 bytes, as its type and shape say')
    expect(ask({ location: 'w.bin' }, undefined, [2 ** 30])).toContain('but it ends at 16')
    expect(
      ask(
        { location: 'w.bin' },
        new Map([
          ['w.bin', file],
          ['v.bin', file],
        ]),
      ),
    ).toContain('names no data file v.bin')
  })

  it('of other folders are refused by name, before anybody looks for them', () => {
    for (const location of [
      '/etc/passwd',
      '../w.bin',
      'a/../../w.bin',
      'C:\\w.bin',
      '\\w.bin',
      '..\\w.bin',
      '',
      '*/_ORT_MEM_ADDR_/*',
    ])
      expect(refusalOf(() => takeUpload({ bytes: modelOf(outside({ location })), dataFiles: noFiles }))).toContain(
        "in the model's own folder",
      )
    const inside = modelOf(outside({ location: './a/w.bin' }))
    expect(takeUpload({ bytes: inside, dataFiles: new Map([['a/w.bin', file]]) }).changes).toHaveLength(1)
  })

  it('the refusal names what the tool that wrote the file takes', () => {
    const from = (producer: string): string => {
      const bytes = buildModel({ ...fields, producer, nodes: [add], initializers: [outside({ location: 'w.bin' })] })
      return refusalOf(() => takeUpload({ bytes, dataFiles: noFiles }))
    }
    expect(from('pytorch')).toContain('torch.onnx.export(…, external_data=False)')
    expect(from('something')).toContain('save_as_external_data=False')
  })
})

describe('maps at the end of a graph', () => {
  const inputs = [['x', 'float32', ['n', 2]]] as const
  const zipMap = (source: string, target: string, classes: Record<string, readonly string[] | readonly number[]>) => ({
    op: 'ZipMap',
    domain: 'ai.onnx.ml',
    inputs: [source],
    outputs: [target],
    attributes: classes,
  })
  const scores = { op: 'Identity', inputs: ['x'], outputs: ['scores'] }
  const taken = (model: Omit<BuiltModel, 'inputs'>) => {
    const bytes = buildModel({ ...model, inputs, domains: { 'ai.onnx.ml': 3 } })
    return { given: bytes, ...takeUpload({ bytes, dataFiles: noFiles }) }
  }
  const outputsOf = ({ model }: ReturnType<typeof taken>) =>
    model.graph.outputs.map(({ name, type }) => [name, type?.kind, type?.kind === 'tensor' ? type.dims : null])

  it('are cut off: the tensor takes the output, its columns keep the names of the classes', () => {
    const strings = taken({
      nodes: [scores, zipMap('scores', 'probabilities', { classlabels_strings: ['no', 'yes'] })],
      outputs: [['probabilities', sequenceOfMaps('string')]],
    })
    expect(outputsOf(strings)).toEqual([['probabilities', 'tensor', [null, 2]]])
    expect([...strings.classes]).toEqual([['probabilities', ['no', 'yes']]])
    expect(strings.changes[0]).toContain('its map (ZipMap) was cut off')
    expect(strings.model.graph.nodes.map(({ opType }) => opType)).toEqual(['Identity', 'Identity'])
    const integers = taken({
      nodes: [scores, zipMap('scores', 'p', { classlabels_int64s: [-1, 7] })],
      outputs: [['p', sequenceOfMaps('int64')]],
    })
    expect([...integers.classes]).toEqual([['p', [-1, 7]]])
  })

  it('behind an Identity, of a tensor that others use, too', () => {
    const behind = taken({
      nodes: [
        scores,
        zipMap('scores', 'map', { classlabels_int64s: [0, 1] }),
        { op: 'Identity', inputs: ['map'], outputs: ['p'] },
        { op: 'ArgMax', inputs: ['scores'], outputs: ['label'], attributes: { axis: 1 } },
      ],
      outputs: [
        ['label', 'int64', ['n', 1]],
        ['p', sequenceOfMaps('int64')],
      ],
    })
    expect(behind.model.graph.nodes.map(({ opType, outputs }) => [opType, outputs[0]])).toEqual([
      ['Identity', 'scores'],
      ['ArgMax', 'label'],
      ['Identity', 'p'],
    ])
  })

  it('of several targets become one tensor each', () => {
    const parts = taken({
      nodes: [
        scores,
        zipMap('scores', 'a', { classlabels_strings: ['no', 'yes'] }),
        zipMap('x', 'b', { classlabels_int64s: [4, 5] }),
        { op: 'SequenceConstruct', inputs: ['a', 'b'], outputs: ['probabilities'] },
      ],
      outputs: [['probabilities', sequenceOf(sequenceOfMaps('string'))]],
    })
    expect(outputsOf(parts)).toEqual([
      ['probabilities_0', 'tensor', [null, 2]],
      ['probabilities_1', 'tensor', ['n', 2]],
    ])
    expect([...parts.classes]).toEqual([
      ['probabilities_0', ['no', 'yes']],
      ['probabilities_1', [4, 5]],
    ])
    const tensors = taken({
      nodes: [scores, { op: 'SequenceConstruct', inputs: ['scores', 'x'], outputs: ['p'] }],
      outputs: [['p', sequenceOf(tensorType('float32', [null, 2]))]],
    })
    expect(outputsOf(tensors)).toEqual([
      ['p_0', 'tensor', [null, 2]],
      ['p_1', 'tensor', [null, 2]],
    ])
    expect(tensors.classes.size).toBe(0)
  })

  it('of several targets without maps have the labels of their classifiers, where those are certain', () => {
    const scored = (op: string, attributes: NonNullable<BuiltNode['attributes']>, from = 'P') =>
      taken({
        nodes: [
          { op, domain: 'ai.onnx.ml', inputs: ['x'], outputs: ['L', 'P'], attributes },
          { op: 'Normalizer', domain: 'ai.onnx.ml', inputs: ['P'], outputs: ['N'] },
          { op: 'Cast', inputs: ['N'], outputs: ['C'] },
          { op: 'Relu', inputs: ['P'], outputs: ['R'] },
          { op: 'SequenceConstruct', inputs: [from], outputs: ['p'] },
        ],
        outputs: [['p', sequenceOf(tensorType('float32', null))]],
      })
    const three = { classlabels_strings: ['a', 'b', 'c'] }
    const known = scored('LinearClassifier', { ...three, intercepts: new Float32Array(3) }, 'C')
    expect([...known.classes]).toEqual([['p_0', ['a', 'b', 'c']]])
    expect(outputsOf(known)).toEqual([['p_0', 'tensor', [null, 3]]])
    expect([...scored('TreeEnsembleClassifier', { classlabels_int64s: [3, 7] }).classes]).toEqual([['p_0', [3, 7]]])
    expect([...scored('SVMClassifier', { classlabels_ints: [1, 2], prob_a: new Float32Array(1) }).classes]).toEqual([
      ['p_0', [1, 2]],
    ])
    const two = { classlabels_strings: ['a', 'b'], intercepts: new Float32Array(1) }
    expect([...scored('LinearClassifier', two).classes]).toEqual([['p_0', ['a', 'b']]])
    // A score for each pair of classes, another number of scores, something else in between, the labels themselves.
    expect(scored('SVMClassifier', three).classes.size).toBe(0)
    expect(scored('LinearClassifier', { ...three, intercepts: new Float32Array(1) }).classes.size).toBe(0)
    expect(scored('TreeEnsembleClassifier', three, 'R').classes.size).toBe(0)
    expect(scored('TreeEnsembleClassifier', three, 'L').classes.size).toBe(0)
  })

  it('without maps are tensors with the labels of their classifier, where those are certain', () => {
    const scored = (dims: readonly (number | string | null)[] | null, from = 'P') =>
      taken({
        nodes: [
          {
            op: 'LinearClassifier',
            domain: 'ai.onnx.ml',
            inputs: ['x'],
            outputs: ['L', 'P'],
            attributes: { classlabels_strings: ['no', 'yes'], intercepts: new Float32Array(2) },
          },
          { op: 'Relu', inputs: ['P'], outputs: ['R'] },
        ],
        outputs: [[from, tensorType('float32', dims)]],
      })
    for (const dims of [null, ['n', 2], [null, null]]) {
      const { classes, changes } = scored(dims)
      expect([[...classes], changes]).toEqual([[['P', ['no', 'yes']]], []])
    }
    expect(scored(['n', 3]).classes.size).toBe(0)
    expect(scored(['n']).classes.size).toBe(0)
    expect(scored(['n', 2], 'R').classes.size).toBe(0)
    expect(scored(['n', 2], 'L').classes.size).toBe(0)
  })

  it('show the width of a tensor that the file leaves open', () => {
    const open = taken({
      nodes: [scores, zipMap('scores', 'm', { classlabels_strings: ['no', 'yes'] })],
      outputs: [
        ['scores', 'float32', ['n', null]],
        ['m', sequenceOfMaps('string')],
      ],
    })
    expect(outputsOf(open)[1]).toEqual(['m', 'tensor', ['n', 2]])
  })

  it('are left where nothing is to be cut: the bytes stay the very bytes', () => {
    const plain = taken({ nodes: [scores], outputs: [['scores', 'float32', ['n', 2]]] })
    expect(plain.bytes).toBe(plain.given)
    const loop = taken({
      nodes: [{ op: 'SplitToSequence', inputs: ['x'], outputs: ['parts'] }],
      outputs: [['parts', sequenceOf(tensorType('float32', null))]],
    })
    expect(loop.bytes).toBe(loop.given)
  })

  it('a circle of Identity nodes ends', () => {
    const circle = taken({
      nodes: [
        { op: 'Identity', inputs: ['b'], outputs: ['a'] },
        { op: 'Identity', inputs: ['a'], outputs: ['b'] },
      ],
      outputs: [['a', sequenceOfMaps('int64')]],
    })
    expect(circle.changes).toEqual([])
  })
})

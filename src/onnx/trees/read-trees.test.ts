/**
 * Reads graphs that ONNX Runtime runs and answers rows by what was read, naively: the two must agree. And graphs that are
 * no trees, or broken: a sentence, never an exception.
 */
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { describe, expect, it, test } from 'vitest'
import { TreeMode } from '../../base/generated/boundary.js'
import { seededRandom } from '../../base/random.js'
import { readOnnx } from '../read.js'
import { buildModel, type BuiltModel, type BuiltNode } from '../testing/build.js'
import { readTrees } from './read-trees.js'
import { buildClassifier, buildRegressor, drawTrees, treeAttributes, type BuiltTree } from './testing/build-trees.js'
import { answerNaively } from './testing/naive-trees.js'
import type { TreeGraph } from './tree-spec.js'

const allModes = ['BRANCH_LEQ', 'BRANCH_LT', 'BRANCH_GTE', 'BRANCH_GT', 'BRANCH_EQ', 'BRANCH_NEQ']
const leaf = (weight: number, target = 0): BuiltTree => ({ weights: { [target]: weight } })
const stump: BuiltTree = { column: 1, threshold: 0.5, yes: leaf(1), no: leaf(2) }

function graphOf(bytes: Uint8Array): TreeGraph {
  const { trees, reason } = readTrees(readOnnx(bytes))
  expect(reason).toBe('')
  return trees as TreeGraph
}

const reasonOf = (bytes: Uint8Array): string => readTrees(readOnnx(bytes)).reason

function rowsOf(count: number, columns: number, seed: number): Float32Array {
  const random = seededRandom(seed)
  const specials = [Number.NaN, Infinity, -Infinity, -0, 0, 1e-42, 1, 2, 3]
  return Float32Array.from({ length: count * columns }, () =>
    random() < 0.3 ? (specials[Math.floor(random() * specials.length)] as number) : random() * 5 - 1,
  )
}

/** What ONNX Runtime answers on one thread, and what was read. */
async function bothAnswers(bytes: Uint8Array, columns: number): Promise<{ runtime: Float32Array; read: Float32Array }> {
  const session = await InferenceSession.create(bytes, { intraOpNumThreads: 1, logSeverityLevel: 4 })
  const rows = 97
  const input = rowsOf(rows, columns, 7)
  const results = await session.run({ x: new Tensor('float32', input.slice(), [rows, columns]) })
  const runtime = (results[session.outputNames[0] as string] as Tensor).data as Float32Array
  const { spec } = graphOf(bytes)
  await session.release()
  return { runtime: runtime.slice(), read: answerNaively(spec, input, rows) }
}

describe('trees: what is read answers as ONNX Runtime does', () => {
  const draw = (modes: readonly string[], targets = 1, seed = 1) =>
    drawTrees({ columns: 4, depth: 5, targets, modes, count: 9 }, seededRandom(seed))
  const models: Readonly<Record<string, Uint8Array>> = {
    ...Object.fromEntries(allModes.map((mode) => [mode, buildRegressor({ columns: 4, trees: draw([mode]) })])),
    'all modes mixed': buildRegressor({ columns: 4, trees: draw(allModes) }),
    'several targets, base values': buildRegressor({
      columns: 4,
      targets: 3,
      trees: draw(['BRANCH_LEQ'], 3),
      attributes: { base_values: Float32Array.of(0.25, -1, 3) },
    }),
    average: buildRegressor({ columns: 4, trees: draw(['BRANCH_LT']), attributes: { aggregate_function: 'AVERAGE' } }),
    least: buildRegressor({ columns: 4, trees: draw(['BRANCH_LT']), attributes: { aggregate_function: 'MIN' } }),
    greatest: buildRegressor({ columns: 4, trees: draw(['BRANCH_LT']), attributes: { aggregate_function: 'MAX' } }),
    'a lone leaf among trees': buildRegressor({ columns: 4, trees: [leaf(0.5), ...draw(['BRANCH_GT'])] }),
    'a Scaler before': buildRegressor({
      columns: 4,
      trees: draw(['BRANCH_LEQ']),
      before: [
        {
          op: 'Scaler',
          domain: 'ai.onnx.ml',
          inputs: ['x'],
          outputs: ['s'],
          attributes: { offset: Float32Array.of(0.1, 0.2, -0.3, 0), scale: Float32Array.of(2, 0.5, 1, 3) },
        },
      ],
    }),
    'nodes listed out of order': shuffledNodes(draw(['BRANCH_LEQ'])),
    'the unified operator': unified(),
  }
  it.each(Object.keys(models))('trees: %s', async (name) => {
    const { runtime, read } = await bothAnswers(models[name] as Uint8Array, 4)
    expect(new Set(runtime).size).toBeGreaterThan(1)
    expect(read).toEqual(runtime)
  })
})

/** As CatBoost may: a tree's nodes are named by numbers that do not follow their places. */
function shuffledNodes(trees: readonly BuiltTree[]): Uint8Array {
  const attributes = treeAttributes(trees, 'target') as Record<string, number[]>
  const last = (attributes['nodes_nodeids'] as number[]).length - 1
  const rename = (ids: readonly number[]): number[] => ids.map((id) => last - id)
  const renamed = ['nodes_nodeids', 'nodes_truenodeids', 'nodes_falsenodeids', 'target_nodeids']
  return buildRegressor({
    columns: 4,
    trees,
    attributes: Object.fromEntries(renamed.map((name) => [name, rename(attributes[name] as number[])])),
  })
}

/** x[2] in {1, 3} ? 10 : (x[0] < 0.5 ? 20 : 30), and x[1] in {2} ? 1 : 2. */
function unified(): Uint8Array {
  const floats = (name: string, data: readonly number[]) => ({
    tensor: { name, dtype: 'float32' as const, dims: [data.length], data: Float32Array.from(data) },
  })
  const modes = Uint8Array.of(TreeMode.member, TreeMode.less, TreeMode.member)
  return buildModel({
    opset: 21,
    irVersion: 10,
    domains: { 'ai.onnx.ml': 5 },
    inputs: [['x', 'float32', ['n', 4]]],
    outputs: [['y', 'float32', ['n', 1]]],
    nodes: [
      {
        op: 'TreeEnsemble',
        domain: 'ai.onnx.ml',
        inputs: ['x'],
        outputs: ['y'],
        attributes: {
          n_targets: 1,
          aggregate_function: 1,
          post_transform: 0,
          tree_roots: [0, 2],
          nodes_featureids: [2, 0, 1],
          nodes_splits: floats('s', [0, 0.5, 0]),
          nodes_modes: { tensor: { name: 'm', dtype: 'uint8', dims: [3], data: modes } },
          nodes_truenodeids: [0, 1, 3],
          nodes_trueleafs: [1, 1, 1],
          nodes_falsenodeids: [1, 2, 4],
          nodes_falseleafs: [0, 1, 1],
          leaf_targetids: [0, 0, 0, 0, 0],
          leaf_weights: floats('w', [10, 20, 30, 1, 2]),
          membership_values: floats('v', [1, 3, Number.NaN, 2, Number.NaN]),
        },
      },
    ],
  })
}

describe('trees: what stands around them', () => {
  const behind = (nodes: readonly BuiltNode[], rest: Partial<BuiltModel>): Uint8Array =>
    buildClassifier({
      columns: 2,
      labels: [3, 5, 7],
      trees: [{ column: 0, threshold: 1, yes: leaf(1, 0), no: leaf(1, 2) }],
      behind: nodes,
      rest,
    })

  it('trees: Identity, a cast to the same dtype and a product with 1 change nothing', () => {
    const bytes = behind(
      [
        { op: 'Identity', inputs: ['label'], outputs: ['l1'] },
        { op: 'Cast', inputs: ['l1'], outputs: ['l'], attributes: { to: 7 } },
        { op: 'Mul', inputs: ['scores', 'one'], outputs: ['p'] },
      ],
      {
        outputs: [
          ['l', 'int64', [null]],
          ['p', 'float32', [null, 3]],
        ],
        initializers: [{ name: 'one', dtype: 'float32', dims: [], data: Float32Array.of(1) }],
      },
    )
    expect(graphOf(bytes).outputs).toEqual([
      { name: 'l', source: 'labels', dtype: 'int64', dims: [] },
      { name: 'p', source: 'scores', dtype: 'float32', dims: [3] },
    ])
  })

  it('trees: other dims and wider dtypes are read', () => {
    const shape = { name: 'shape', dtype: 'int64' as const, dims: [2], data: BigInt64Array.of(-1n, 1n) }
    const bytes = behind(
      [
        { op: 'Reshape', inputs: ['label', 'shape'], outputs: ['l1'] },
        { op: 'Cast', inputs: ['l1'], outputs: ['l'], attributes: { to: 1 } },
        { op: 'Cast', inputs: ['scores'], outputs: ['p'], attributes: { to: 11 } },
      ],
      {
        outputs: [
          ['l', 'float32', [null, 1]],
          ['p', 'float64', [null, 3]],
        ],
        initializers: [shape],
      },
    )
    expect(graphOf(bytes).outputs).toEqual([
      { name: 'l', source: 'labels', dtype: 'float32', dims: [1] },
      { name: 'p', source: 'scores', dtype: 'float64', dims: [3] },
    ])
  })

  it('trees: labels of texts are indexes, and their texts beside them', () => {
    const bytes = buildClassifier({ columns: 2, labels: ['no', 'yes'], trees: [stump] })
    const { labelTexts, spec, outputs } = graphOf(bytes)
    expect(labelTexts).toEqual(['no', 'yes'])
    expect(spec.classLabels).toEqual(BigInt64Array.of(0n, 1n))
    expect(outputs[0]).toEqual({ name: 'label', source: 'labels', dtype: 'string', dims: [] })
  })

  it.each([
    ['float64', 11, 'float64'],
    ['int64', 7, 'float32'],
    ['int32', 6, 'float32'],
  ] as const)('trees: an input of %s compares in the dtype that ONNX Runtime takes', (inputDtype, code, compared) => {
    const { spec } = graphOf(buildRegressor({ columns: 2, trees: [stump], inputDtype }))
    expect(spec.inputDtype).toBe(code)
    expect(spec.thresholds).toBeInstanceOf(compared === 'float64' ? Float64Array : Float32Array)
  })

  test('trees: a cast before them is the kernels', () => {
    const before = [{ op: 'Cast', inputs: ['x'], outputs: ['c'], attributes: { to: 1 } }]
    const { spec } = graphOf(buildRegressor({ columns: 2, trees: [stump], inputDtype: 'float64', before }))
    expect([spec.inputDtype, spec.valueDtype]).toEqual([11, 1])
  })
})

describe('trees: what they are not', () => {
  const regressor = (attributes: Parameters<typeof buildRegressor>[0]['attributes'] = {}, columns = 2): Uint8Array =>
    buildRegressor({ columns, trees: [stump], attributes: attributes ?? {} })
  const after = (node: Partial<BuiltNode>): Uint8Array =>
    buildRegressor({ columns: 2, trees: [stump], behind: [{ op: 'Exp', inputs: ['y'], outputs: ['z'], ...node }] })
  it.each([
    [
      'no trees',
      buildModel({
        inputs: [['x', 'float32', ['n', 2]]],
        nodes: [{ op: 'Neg', inputs: ['x'], outputs: ['y'] }],
        outputs: [['y', 'float32', null]],
      }),
      /no tree ensemble/,
    ],
    ['an operator behind them', after({}), /does more than trees: Exp/],
    ['a foreign operator of a known name', after({ op: 'Identity', domain: 'com.example' }), /com\.example\.Identity/],
    ['a cast that loses', after({ op: 'Cast', attributes: { to: 6 } }), /does more than trees: Cast/],
    [
      'a product with 2',
      buildRegressor({
        columns: 2,
        trees: [stump],
        behind: [{ op: 'Mul', inputs: ['y', 'two'], outputs: ['z'] }],
        rest: { initializers: [{ name: 'two', dtype: 'float32', dims: [], data: Float32Array.of(2) }] },
      }),
      /does more than trees: Mul/,
    ],
    [
      'an operator before them',
      buildRegressor({ columns: 2, trees: [stump], before: [{ op: 'Neg', inputs: ['x'], outputs: ['c'] }] }),
      /does more than trees: Neg/,
    ],
    [
      'a circle behind them',
      buildRegressor({
        columns: 2,
        trees: [stump],
        behind: [
          { op: 'Identity', inputs: ['z'], outputs: ['w'] },
          { op: 'Identity', inputs: ['w'], outputs: ['z'] },
        ],
      }),
      /no origin/,
    ],
    ['a column that the input has not', regressor({}, 1), /column 1 of 1/],
    [
      'columns without a number',
      buildRegressor({ columns: 2, trees: [stump], rest: { inputs: [['x', 'float32', ['n', null]]] } }),
      /fixed number of columns/,
    ],
    [
      'rows of another rank',
      buildRegressor({ columns: 2, trees: [stump], rest: { inputs: [['x', 'float32', ['n', 2, 2]]] } }),
      /no rows of columns/,
    ],
    [
      'an input that no tree compares',
      buildRegressor({ columns: 2, trees: [stump], rest: { inputs: [['x', 'float16', ['n', 2]]] } }),
      /no tree compares/,
    ],
    [
      'two inputs',
      buildRegressor({
        columns: 2,
        trees: [stump],
        rest: {
          inputs: [
            ['x', 'float32', ['n', 2]],
            ['z', 'float32', ['n', 2]],
          ],
        },
      }),
      /2 inputs/,
    ],
    ['a mode of tomorrow', regressor({ nodes_modes: ['BRANCH_NEAR', 'LEAF', 'LEAF'] }), /compares by BRANCH_NEAR/],
    [
      'a name of every object as mode',
      regressor({ nodes_modes: ['constructor', 'LEAF', 'LEAF'] }),
      /compares by constructor/,
    ],
    ['lists of different lengths', regressor({ nodes_featureids: [0] }), /nodes_featureids has 1 values for 3 nodes/],
    ['a child that is not there', regressor({ nodes_truenodeids: [9, 0, 0] }), /names a node 9 of tree 0/],
    ['a negative child', regressor({ nodes_nodeids: [-1, 1, 2] }), /nodes_nodeids has the value -1/],
    ['a node twice', regressor({ nodes_nodeids: [0, 1, 1] }), /lists node 1 of tree 0 twice/],
    ['a tree in two parts', regressor({ nodes_treeids: [0, 1, 0] }), /do not stand together/],
    ['a weight of a branch', regressor({ target_nodeids: [0, 2] }), /has a weight and is no leaf/],
    ['a target too many', regressor({ target_ids: [0, 4] }), /target_ids has 4, of 1/],
    ['no targets', regressor({ n_targets: 0 }), /n_targets is 0/],
    ['base values of others', regressor({ base_values: Float32Array.of(1, 2, 3) }), /3 base values for 1 targets/],
    ['a post-transform of tomorrow', regressor({ post_transform: 'CUBE' }), /post_transform is CUBE/],
    [
      'labels that are not there',
      buildClassifier({ columns: 2, labels: [], trees: [stump] }),
      /without labels|one class/,
    ],
    ['no nodes', regressor({ nodes_nodeids: [], nodes_treeids: [] }), /lists no nodes/],
  ])('trees: %s', (_, bytes, reason) => {
    expect(reasonOf(bytes)).toMatch(reason)
  })

  test('trees: a file whose attributes are cut off anywhere reads as a sentence', () => {
    const bytes = buildRegressor({ columns: 2, trees: [stump] })
    let refused = 0
    for (let place = 0; place < bytes.length; place++) {
      const broken = bytes.slice()
      broken[place] = (broken[place] as number) ^ 0x55
      let model
      try {
        model = readOnnx(broken)
      } catch {
        continue
      }
      const { trees, reason } = readTrees(model)
      if (trees === null) refused++
      expect(trees === null ? reason.length : 1).toBeGreaterThan(0)
    }
    expect(refused).toBeGreaterThan(20)
  })
})

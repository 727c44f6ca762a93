import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { PenstockError } from '../../base/errors.js'
import { seededRandom } from '../../base/random.js'
import type { Tensor } from '../../tensor/tensor.js'
import type { Inputs } from './prepared-kind.js'
import { prepareKinds } from './prepare.js'
import { parseScenario } from './scenario-file.js'
import type { Signature } from './signature.js'
import type { Target } from './target.js'

const signature: Signature = {
  inputs: [
    { name: 'x', dtype: 'float32', shape: [null, 3] },
    { name: 'n', dtype: 'int64', shape: [null, 1] },
  ],
  outputs: [{ name: 'y', dtype: 'float32', shape: [null, 1] }],
  isNonBatching: false,
  rowsMax: 100,
  isSplit: false,
}

const output = (shape: number[], values: number[]): Inputs => ({
  y: { dtype: 'float32', shape, data: Float32Array.from(values) },
})
/** y: the sum of the row's x. */
const sums = ({ x }: Inputs): Inputs => {
  const data = x?.data as Float32Array
  const rows = data.length / 3
  const sum = (row: number) => (data[3 * row] ?? 0) + (data[3 * row + 1] ?? 0) + (data[3 * row + 2] ?? 0)
  return output(
    [rows, 1],
    Array.from({ length: rows }, (_, row) => sum(row)),
  )
}

interface Asked {
  readonly target: Target
  readonly questions: Inputs[]
}

function targetOf(answer: (inputs: Inputs) => Inputs = sums, known: Signature = signature): Asked {
  const questions: Inputs[] = []
  const unused = () => Promise.reject(new Error('not asked for here'))
  const target: Target = {
    description: { server: 'a server', url: '', pid: 0 },
    signature: (pipeline) =>
      pipeline === 'p' ? Promise.resolve(known) : Promise.reject(new PenstockError('ERR_PIPELINE_NOT_FOUND')),
    ask: async (_, inputs) => {
      questions.push(inputs)
      return answer(inputs)
    },
    metrics: unused,
    run: unused,
    close: () => Promise.resolve(),
  }
  return { target, questions }
}

async function prepare(request: object, { target }: Asked = targetOf(), folder = '/') {
  const phases = [{ closed: {}, duration: 1 }]
  const text = JSON.stringify({ requests: [{ pipeline: 'p', ...request }], phases })
  const [kind] = await prepareKinds(parseScenario(text, join(folder, 's.json')), target, seededRandom(1))
  return kind!
}

function folderWith(name: string, text: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'penstock-prepare-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  writeFileSync(join(folder, name), text)
  return folder
}

describe('prepare: inputs', () => {
  it('draws from ranges: whole integers, every element of its own, and different bodies', async () => {
    const ranges = {
      x: [
        [0, 1],
        [5, 6],
        [-1, -1],
      ],
      n: { values: [7] },
    }
    const { bodies } = await prepare({ rows: 2, inputs: { ranges } })
    expect(bodies).toHaveLength(64)
    const [first, second] = bodies.map(({ inputs }) => inputs['x']!)
    expect(first).not.toEqual(second)
    for (const { inputs } of bodies) {
      const { shape, data } = inputs['x'] as Tensor
      expect(shape).toEqual([2, 3])
      expect([data[1], data[4]].every((value) => Number(value) >= 5 && Number(value) < 6)).toBe(true)
      expect([data[2], data[5]]).toEqual([-1, -1])
      expect(inputs['n']?.data).toEqual(BigInt64Array.of(7n, 7n))
    }
  })

  it('the same seed draws the same', async () => {
    expect((await prepare({})).bodies).toEqual((await prepare({})).bodies)
  })

  it('draws one size for all free dims', async () => {
    const inputs = [
      { name: 'ids', dtype: 'int64' as const, shape: [null, null] },
      { name: 'mask', dtype: 'bool' as const, shape: [null, null] },
    ]
    const known = { ...signature, inputs, outputs: [] }
    const { bodies } = await prepare(
      { inputs: { freeDims: [2, 9] } },
      targetOf(() => ({}), known),
    )
    const sizes = bodies.map(({ inputs: { ids, mask } }) => [ids?.shape[1], mask?.shape[1]])
    expect(sizes.every(([ids, mask]) => ids === mask && ids! >= 2 && ids! <= 9)).toBe(true)
    expect(new Set(sizes.map(([ids]) => ids)).size).toBeGreaterThan(3)
  })

  it.each([
    ['rows.ndjson', '{"x": [1, 2, 3], "n": 4}\n\n{"x": [5, 6, 7], "n": [8]}\n'],
    ['rows.json', '{"x": [[1, 2, 3], [5, 6, 7]], "n": [[4], [8]]}'],
    ['rows.csv', 'x[0],x[1],x[2],n\n1,2,3,4\n5,"6",7,8\n'],
  ])('takes the rows of %s in turn', async (file, text) => {
    const { bodies } = await prepare({ rows: 3, inputs: { file } }, targetOf(), folderWith(file, text))
    expect(bodies).toHaveLength(1)
    expect(bodies[0]?.inputs['x']?.data).toEqual(Float32Array.of(1, 2, 3, 5, 6, 7, 1, 2, 3))
    expect(bodies[0]?.inputs['n']?.data).toEqual(BigInt64Array.of(4n, 8n, 4n))
  })

  it('a table of bare columns is the one input', async () => {
    const known = { ...signature, inputs: signature.inputs.slice(0, 1) }
    const folder = folderWith('t.csv', 'a,b,c\n1,2,3\n')
    const { bodies } = await prepare({ inputs: { file: 't.csv' } }, targetOf(sums, known), folder)
    expect(bodies[0]?.inputs['x']?.data).toEqual(Float32Array.of(1, 2, 3))
  })

  it.each<[string, string, RegExp]>([
    ['rows.ndjson', '{"x": [1, 2, 3]}', /a row of the inputs to be with n/],
    ['rows.ndjson', '{"x": [1', /rows\.ndjson:1 to be JSON/],
    ['rows.ndjson', '', /a file with at least one row/],
    ['rows.csv', 'a,b,c,n\n1,2,3,4', /the header of .* columns such as x, n or x\[0\]/],
    ['rows.csv', 'x[0],x[1],x[2],n\n1,2', /rows.csv: Expected 4 cells in each row, as the header has, but row 2 has 2/],
    ['rows.json', '{"x": [[1, 2, 3]], "n": [[1], [2]]}', /n to be 1 rows, as x has/],
  ])('refuses %s of %j, naming it', async (file, text, sentence) => {
    await expect(prepare({ inputs: { file } }, targetOf(), folderWith(file, text))).rejects.toThrow(sentence)
  })

  it.each<[object, RegExp]>([
    [{ inputs: { file: 'absent.csv' } }, /p: Cannot read the inputs of \/absent\.csv/],
    [{ inputs: { ranges: { z: [0, 1] } } }, /each name of "ranges" to be one of x, n but received "z"/],
    [{ inputs: { ranges: { x: [[0, 1]] } } }, /the ranges of x to be 3, one for each element/],
    [{ rows: 101 }, /rows to be at most 100/],
    [{ inputs: { literal: { x: [[1, 2, 3]] } } }, /"literal" to be an object with n/],
    [{ pipeline: 'q' }, /ERR_|q/],
  ])('refuses %j', async (request, sentence) => {
    await expect(prepare(request)).rejects.toThrow(sentence)
  })
})

describe('prepare: answers', () => {
  it('asks for each body alone, and keeps what came', async () => {
    const asked = targetOf()
    const kind = await prepare({}, asked)
    expect(kind).toMatchObject({ comparison: 'alone', remark: '' })
    // The first one twice: an answer that changes is no answer to compare with.
    expect(asked.questions).toHaveLength(65)
    for (const { inputs, expected } of kind.bodies) expect(expected).toEqual(sums(inputs))
  })

  it('takes the answers and the tolerance of a file that has them', async () => {
    const golden = {
      tolerance: { relative: 0.5, absolute: 0.25 },
      inputs: { x: { dtype: 'float32', shape: [2, 3], data: [1, 2, 3, 4, 5, 6] }, n: [[1], [2]] },
      outputs: { y: [[10], [20]] },
    }
    const folder = folderWith('golden.json', JSON.stringify(golden))
    const kind = await prepare({ inputs: { file: 'golden.json' } }, targetOf(), folder)
    expect(kind).toMatchObject({ comparison: 'file', tolerance: { relative: 0.5, absolute: 0.25 } })
    expect(kind.bodies.map(({ expected }) => expected?.['y']?.data[0])).toEqual([10, 20])
  })

  it('takes the outputs of the scenario', async () => {
    const inputs = { literal: { x: [[1, 2, 3]], n: [[0]] } }
    const kind = await prepare({ inputs, expect: { outputs: { y: [[6]] } } })
    expect(kind.comparison).toBe('outputs')
    expect(kind.bodies[0]?.expected).toEqual(output([1, 1], [6]))
  })

  it('compares nothing when the same request is answered differently, or a split has no key, and says so', async () => {
    let count = 0
    const fickle = await prepare(
      {},
      targetOf(() => output([1, 1], [count++])),
    )
    expect(fickle).toMatchObject({ comparison: 'none', remark: 'it answers the same request differently' })
    const split = await prepare({}, targetOf(sums, { ...signature, isSplit: true }))
    expect(split.remark).toMatch(/a split without a routing key/)
    const keyed = await prepare({ meta: { region: 'eu' } }, targetOf(sums, { ...signature, isSplit: true }))
    expect(keyed.comparison).toBe('alone')
  })

  it.each<[string, Inputs, RegExp]>([
    ['a missing output', {}, /there is no y/],
    ['too many rows', output([2, 1], [1, 2]), /y has the shape \[2,1\] for 1 rows/],
    ['a number that is not finite', output([1, 1], [Number.NaN]), /not finite/],
  ])('refuses an answer of the wrong form before the load begins: %s', async (_, answer, sentence) => {
    await expect(
      prepare(
        { expect: { answers: 'none' } },
        targetOf(() => answer),
      ),
    ).rejects.toThrow(sentence)
  })

  it('asks nothing of a request that must be refused, and sends it as it stands', async () => {
    const asked = targetOf()
    const wrong = { inputs: { literal: { x: [[1, 2]] } }, expect: { status: 400 } }
    const kind = await prepare(wrong, asked)
    expect(kind).toMatchObject({ comparison: 'none', bodies: [{ expected: null }] })
    expect(kind.bodies[0]?.inputs['x']).toMatchObject({ shape: [1, 2], dtype: 'float32' })
    expect((await prepare({ ...wrong, pipeline: 'q', expect: { status: 404 } }, asked)).signature).toBeNull()
    expect(asked.questions).toEqual([])
  })
})

/**
 * Transform programs against numpy, scikit-learn and scipy: program-goldens.json, which
 * tools/train/transform_program_goldens.py makes. Each runs as it is, in blocks of one and of three rows and row by row:
 * the bits are the same.
 */
import { describe, expect, it } from 'vitest'
import { opNames } from '../../src/transforms/ops/kinds.js'
import { compileOps } from '../../src/transforms/program/compile.js'
import { parseOps } from '../../src/transforms/program/definition.js'
import { Transform } from '../../src/transforms/program/transform.js'
import { columnsOf, difference, type Golden, type PlainColumn, readGoldens, typeOf } from './testing/columns.js'
import { rowOf } from './testing/rows.js'

const programs = readGoldens().filter(({ expected }) => expected !== undefined)

function compile({ ops, columns }: Golden) {
  return compileOps(parseOps(ops), columns.map(typeOf))
}

describe('transform programs: goldens', () => {
  it.each(programs)('$name', (golden) => {
    const program = compile(golden)
    const expected = golden.expected as PlainColumn[]
    expect(program.outputs.map(({ name }) => name)).toEqual(expected.map(({ name }) => name))
    for (const blockRows of [0, 1, 3]) {
      const result = new Transform(program, blockRows).run(columnsOf(golden))
      expect(result.failures).toEqual([])
      for (const column of expected)
        expect(difference(column, result.columns[column.name], golden.tolerance)).toBeNull()
    }
  })

  it.each(programs)('$name: row by row', (golden) => {
    const transform = new Transform(compile(golden))
    const all = transform.run(columnsOf(golden))
    for (let row = 0; row < all.rows; row++) {
      const one = transform.run(rowOf(columnsOf(golden), row))
      expect(one.columns).toEqual(rowOf(all.columns, row))
    }
  })

  it('every operation but those on names has a golden', () => {
    const seen = new Set(programs.flatMap(({ ops }) => ops.map(({ op }) => op)))
    // resize is compared with the function of penstock/transforms, which has goldens.
    expect(opNames.filter((name) => !seen.has(name))).toEqual(['resize', 'drop', 'keep'])
  })

  it('a result that is off by its last bit is noticed', () => {
    const golden = programs.find(({ name }) => name === 'numpy.clip, float32') as Golden
    const { columns } = new Transform(compile(golden)).run(columnsOf(golden))
    const { data } = columns['x'] as { data: Float32Array }
    new Uint32Array(data.buffer)[7]! += 1
    expect(difference((golden.expected as [PlainColumn])[0], columns['x'], 0)).toMatch(/^element 7/)
  })
})

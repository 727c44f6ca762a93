/** The language of checks from text to verdict: parser, binder, bytecode and evaluator together. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Dtype, TensorData } from '../tensor/tensor.js'
import { checkFails, evaluateCheck, type RowView } from './check-evaluate.js'
import { bindCheck, compileCheck, type CheckNode, type FoundTensor } from './check-program.js'
import { formatTensorName, parseCheck, tensorsOf } from './check-syntax.js'
import { Opcode } from './generated/check-opcodes.js'
import { randomExpression } from './testing/random-expression.js'

interface TestTensor {
  dims: (number | null)[]
  row: RowView
}
function tensor(dims: (number | null)[], dtype: Dtype, data: TensorData): TestTensor {
  return { dims, row: { dtype, data, start: 1, count: data.length - 1 } }
}
// The first element of each is not of the row: reading it would be a bug.
const tensors: Record<string, TestTensor> = {
  'in.a': tensor([3], 'float32', new Float32Array([99, 1, -2, 3])),
  'in.big': tensor([1], 'int64', new BigInt64Array([0n, 2n ** 62n])),
  'out.s': tensor([], 'float32', new Float32Array([99, 0.5])),
  'out.m': tensor([2, 2], 'int32', new Int32Array([99, 1, 2, 3, 4])),
  'out.n': tensor([3], 'float64', new Float64Array([99, NaN, 0, Infinity])),
  'out.free': tensor([null], 'uint8', new Uint8Array([99, 5, 7])),
  'out.grid': tensor([null, 2], 'uint8', new Uint8Array([99, 5, 7])),
  'out.h': tensor([1], 'float16', new Uint16Array([0, 0x3c00])),
  'out.b': tensor([1], 'bfloat16', new Uint16Array([0, 0x4040])),
  'out.flag': tensor([], 'bool', new Uint8Array([0, 1])),
  'out.my-name': tensor([1], 'float32', new Float32Array([99, 8])),
  'out.label': tensor([], 'string', ['x', 'spam']),
  'out.labels': tensor([2], 'string', ['x', 'ham', 'spam']),
}

function find(side: 'in' | 'out', name: string): FoundTensor<TestTensor> {
  const source = tensors[`${side}.${name}`]
  if (source === undefined) throw new Error(`no ${side}.${name}`)
  return { source, rowDims: source.dims, isText: source.row.dtype === 'string' }
}
function bound(text: string) {
  const { node, sources } = bindCheck('check "c"', parseCheck('check "c"', text), find)
  return { node, read: (source: number): RowView => (sources[source] as TestTensor).row }
}
function valueOf(text: string): number {
  const { node, read } = bound(text)
  return evaluateCheck(node, read)
}

/** A stack machine written from the sentences of check-opcodes.json alone. */
function run(code: Int32Array, constants: Float64Array, read: (source: number) => RowView): number {
  const stack: number[] = []
  const truthy = (x: number) => x !== 0 && x === x
  const elements = (source: number) => {
    const { data, dtype, start, count } = read(source)
    const values = Array.from(data as Float64Array).slice(start, start + count)
    // The tests' halves are 1 and 3.
    return values.map((value) => (dtype === 'float16' ? 1 : dtype === 'bfloat16' ? 3 : Number(value)))
  }
  const machine: Record<number, (a: number, b: number) => number> = {}
  const pop = () => stack.pop() as number
  const two = (apply: (x: number, y: number) => number | boolean) => () => {
    const y = pop()
    return Number(apply(pop(), y))
  }
  const one = (apply: (x: number) => number | boolean) => () => Number(apply(pop()))
  let window = [0, Infinity]
  let hasMagnitudes = false
  const all = (apply: (values: number[]) => number) => (a: number) => {
    const part = elements(a).slice(window[0], window[1])
    const values = hasMagnitudes ? part.map(Math.abs) : part
    window = [0, Infinity]
    hasMagnitudes = false
    return apply(values)
  }
  machine[Opcode.constant] = (a) => constants[a] as number
  machine[Opcode.load] = (a, b) => elements(a)[b] ?? NaN
  machine[Opcode.sum] = all((v) => v.reduce((x, y) => x + y, 0))
  machine[Opcode.mean] = all((v) => v.reduce((x, y) => x + y, 0) / v.length)
  machine[Opcode.minimum] = all((v) => Math.min(...v))
  machine[Opcode.maximum] = all((v) => Math.max(...v))
  machine[Opcode.length] = all((v) => v.length)
  machine[Opcode.argmax] = all((v) => v.reduce((best, x, i) => (x > (v[best] as number) ? i : best), 0))
  machine[Opcode.add] = two((x, y) => x + y)
  machine[Opcode.subtract] = two((x, y) => x - y)
  machine[Opcode.multiply] = two((x, y) => x * y)
  machine[Opcode.divide] = two((x, y) => x / y)
  machine[Opcode.modulo] = two((x, y) => x % y)
  machine[Opcode.power] = two((x, y) => x ** y)
  machine[Opcode.min2] = two((x, y) => Math.min(x, y))
  machine[Opcode.max2] = two((x, y) => Math.max(x, y))
  machine[Opcode.less] = two((x, y) => x < y)
  machine[Opcode.lessEqual] = two((x, y) => x <= y)
  machine[Opcode.greater] = two((x, y) => x > y)
  machine[Opcode.greaterEqual] = two((x, y) => x >= y)
  machine[Opcode.equal] = two((x, y) => x === y)
  machine[Opcode.notEqual] = two((x, y) => x !== y)
  machine[Opcode.and] = two((x, y) => truthy(x) && truthy(y))
  machine[Opcode.or] = two((x, y) => truthy(x) || truthy(y))
  machine[Opcode.not] = one((x) => !truthy(x))
  machine[Opcode.select] = () => {
    const z = pop()
    const y = pop()
    return truthy(pop()) ? y : z
  }
  machine[Opcode.negate] = one((x) => -x)
  machine[Opcode.absolute] = one(Math.abs)
  machine[Opcode.squareRoot] = one(Math.sqrt)
  machine[Opcode.logarithm] = one(Math.log)
  machine[Opcode.exponential] = one(Math.exp)
  machine[Opcode.floor] = one(Math.floor)
  machine[Opcode.ceiling] = one(Math.ceil)
  machine[Opcode.round] = one((x) => Math.floor(x + 0.5))
  machine[Opcode.isNan] = one(Number.isNaN)
  machine[Opcode.isFinite] = one(Number.isFinite)
  expect(Object.keys(machine)).toHaveLength(Object.keys(Opcode).length - 2)
  for (let i = 0; i < code.length; i += 3) {
    if (code[i] === Opcode.window) {
      window = [code[i + 1] as number, code[i + 2] === -1 ? Infinity : (code[i + 2] as number)]
      continue
    }
    if (code[i] === Opcode.magnitudes) {
      hasMagnitudes = true
      continue
    }
    stack.push(
      (machine[code[i] as number] as (a: number, b: number) => number)(code[i + 1] as number, code[i + 2] as number),
    )
  }
  expect(stack).toHaveLength(1)
  return stack[0] as number
}

describe('the language of checks', () => {
  it.each<[string, number]>([
    ['out.s[0] > 0.25', 1],
    ['out.s > 0.25', 1],
    ['in.a[1]', -2],
    ['in["a"][2] * 2', 6],
    ['out["my-name"][0]', 8],
    ['out.m[3] == out.m[1][1]', 1],
    ['out.m[1][0]', 3],
    ['out.free[1]', 7],
    ['out.free[9] == out.free[9]', 0],
    ['out.grid[0][1]', 7],
    ['out.h + out.b', 4],
    ['out.flag', 1],
    ['in.big == 4611686018427387904', 1],
    ['1 + 2 * 3 ** 2 - 4 / 2 % 3', 17],
    ['2 ** 3 ** 2', 512],
    ['-2 < -1 && !(1 > 2)', 1],
    ['(1 < 2) & (3 < 4) | (1 > 2)', 1],
    ['1 < 2 & 3 > 4', 0],
    ['out.s > 1 ? 10 : 20', 20],
    ['min(in.a) + max(in.a) + sum(in.a) + length(in.a)', 6],
    ['mean(out.m)', 2.5],
    ['argmax(out.m)', 3],
    ['argmax(out.n)', 0],
    ['isNaN(max(out.n))', 1],
    ['min(3, 1, 2) + max(3, 1, 2)', 4],
    ['abs(-3) + sqrt(16) + floor(1.5) + ceil(1.5) + round(-0.5) + round(2.5)', 13],
    ['log(exp(2))', 2],
    ['isFinite(out.n[2]) || isNaN(out.n[0])', 1],
    ['out.n[0] < 1', 0],
    ['out.n[0] == out.n[0]', 0],
    ['out.n[0] != out.n[0]', 1],
    ['true + true', 2],
    ['+3', 3],
    ['out.label == "spam"', 1],
    ["out.label != 'spam'", 0],
    ['!(out.labels[0] == out.labels[1])', 1],
    ['length(out.labels)', 2],
    ['length(out.labels[1:])', 1],
    ['sum(in.a[1:])', 1],
    ['sum(in.a[:2])', -1],
    ['sum(in.a[ 1 : 2 ])', -2],
    ['max(in.a[0:2]) + min(in.a[0:2])', -1],
    ['argmax(in.a[1:3])', 1],
    ['mean(out.m[1:])', 3],
    ['sum(abs(in.a))', 6],
    ['max(abs(in.a[:2]))', 2],
    ['min(abs(out.n[1:]))', 0],
    ['isNaN(sum(abs(out.n)))', 1],
    ['length(out.free[1:9])', 1],
    ['isNaN(max(out.free[5:]))', 1],
    ['sum(out.free[5:])', 0],
    ['true ? 1 : 2', 1],
    ['in.a[0] > 0 ? sum(in.a[0:1]) : 5', 1],
    ['"a" == "a"', 1],
  ])('%s is %d', (text, value) => {
    expect(valueOf(text)).toBe(value)
  })

  it.each<[string, RegExp]>([
    ['', /one expression but received an empty text/],
    ['1 2', /one expression/],
    ['1; 2', /one expression/],
    ['1, 2', /one expression/],
    ['out.s[0] >', /an expression: /],
    ['(1', /an expression: /],
    ['out', /below in or out but received out/],
    ['variable[0] > 1', /below in or out but received variable/],
    ['this[0]', /below in or out/],
    ['outs.label', /below in or out but received outs/],
    ['out[0]', /below in or out/],
    ['out?.s', /below in or out/],
    ['out.s[-1]', /an integer >= 0/],
    ['out.s[0.5]', /an integer >= 0/],
    ['out.s[in.a[0]]', /an integer >= 0/],
    ['out.s.constructor', /an integer >= 0/],
    ['eval("1")', /one of abs, argmax, ceil/],
    ['constructor(1)', /one of abs/],
    ['__proto__(1)', /one of abs/],
    ['out.s.toString()', /one of abs/],
    ['abs(1, 2)', /abs in check "c" to be of one number but received 2/],
    ['sum(1)', /sum in check "c" to be of one tensor, e\.g\. sum\(out\.scores\)/],
    ['min(1)', /two and more numbers/],
    ['min()', /one of abs|two and more/],
    ['1 << 2', /without the operator but received <</],
    ['~1', /without the operator but received ~/],
    ['a = 1', /below in or out|an expression/],
    ['[1, 2]', /a ArrayExpression/],
    ['null', /numbers, texts and tensors but received null/],
    ['out.s > 1 + sum(3)', /sum in check "c" .* at character 13/],
    ['1 + (variable > 2)', /below in or out but received variable at character 6/],
    ['1 + out.s ^ 2', /without the operator but received \^ at character 1/],
    ['1 + foo(2)', /one of .* but received foo at character 5/],
    ['out.s > ', /an expression: Expected expression after > at character 9/],
    ['sum(in.a[2:2])', /a slice in check "c" to be start:end with 0 <= start < end but received 2:2 at character 5/],
    ['sum(in.a[2:1])', /0 <= start < end but received 2:1/],
    ['sum(in.a[:0])', /0 <= start < end but received 0:0/],
    ['sum(in.a[-1:])', /integer >= 0|an expression/],
    ['sum(in.a[0:1][0])', /an integer >= 0/],
    ['sum(in.a[0][0:1])', /an integer >= 0/],
    ['sum(in.a[0:1:2])', /an expression: /],
    ['in[0:1]', /below in or out/],
    ['1'.repeat(5000), /at most 4096 characters/],
    ['('.repeat(4000), /an expression: /],
    [Array(800).fill('1').join('+'), /at most 1022 operations/],
    ['1+('.repeat(80) + '1' + ')'.repeat(80), /at most 64 values/],
  ])('refuses %s', (text, message) => {
    expect(() => parseCheck('check "c"', text)).toThrow(
      expect.objectContaining({ code: 'ERR_PIPELINE_INVALID', message: expect.stringMatching(message) }),
    )
  })

  it.each<[string, RegExp]>([
    ['in.a[3] > 0', /in\.a at character 1 has no element 3: it has a row of the shape \[3\]/],
    ['out.m[2][0]', /no element \[2\]\[0\]/],
    ['out.m[0][0][0]', /3 indexes for a row of the shape \[2, 2\]/],
    ['in.a > 0', /3 elements in a row: name one, as in in\.a\[0\]/],
    ['out.free > 0', /unknown size: name one/],
    ['abs(in.a)', /name one/],
    ['out.label', /true or false, not a text/],
    ['out.label > 1', /compared with texts/],
    ['out.label == 1', /compared with texts/],
    ['1 + "a"', /compared with texts/],
    ['out.s == "a"', /compared with texts/],
    ['max(out.labels)', /max|numbers/],
    ['1 + in.a[5]', /in\.a at character 5 has no element 5/],
    ['in.a[0:2] > 1', /in\.a at character 1 is a slice where one number is meant/],
    ['abs(in.a[0:2]) > 1', /is a slice/],
    ['sum(in.a[1:4])', /has no elements 1:4: it has 3 in a row/],
    ['sum(in.a[3:])', /has no elements 3:: it has 3 in a row/],
    ['max(abs(out.labels))', /abs is of numbers/],
    ['true ? "a" : "b"', /compared with texts/],
  ])('refuses %s once the tensors are known', (text, message) => {
    expect(() => bound(text)).toThrow(
      expect.objectContaining({ code: 'ERR_PIPELINE_INVALID', message: expect.stringMatching(message) }),
    )
  })

  it('fails when flag is true and when require is not, with NaN as not true', () => {
    const fails = (text: string, failsWhen: boolean) =>
      checkFails({ node: bound(text).node, failsWhen }, bound(text).read)
    expect([fails('out.s', true), fails('out.s', false), fails('out.n[0]', true), fails('out.n[0]', false)]).toEqual([
      true,
      false,
      false,
      true,
    ])
  })

  it('reads each tensor through one source however often it is named', () => {
    const syntax = parseCheck('c', 'out.m[0] + out["m"][1] + sum(out.m) + in.a[0]')
    expect(bindCheck('c', syntax, find).sources).toHaveLength(2)
    expect(tensorsOf(syntax).map(({ side, name }) => formatTensorName(side, name))).toEqual([
      'out.m',
      'out.m',
      'out.m',
      'in.a',
    ])
    expect(formatTensorName('out', 'my-name')).toBe('out["my-name"]')
  })

  it('has no bytecode for texts', () => {
    expect(compileCheck(bound('!(out.label == "spam") && out.s > 0').node, true).code).toHaveLength(0)
  })

  it('compiles to bytecode that says what the evaluator says, for random expressions (seed 23)', () => {
    const leaves = [
      ...['in.a[0]', 'in.a[2]', 'in.big', 'out.s', 'out.m[1][1]', 'out.n[0]', 'out.n[1]', 'out.n[2]', 'out.free[1]'],
      ...['out.free[5]', 'out.h', 'out.b', 'sum(in.a)', 'mean(out.m)', 'min(in.a)', 'max(out.n)', 'length(out.free)'],
      ...['argmax(out.n)', 'min(out.b)', 'sum(out.h)', 'sum(abs(in.a))', 'max(abs(in.a[:2]))', 'mean(out.m[1:3])'],
      ...['min(out.free[1:])', 'length(out.free[1:9])', 'argmax(out.m[2:])', 'sum(out.n[1:2])'],
    ]
    const expression = randomExpression(leaves, true)
    let failures = 0
    fc.assert(
      fc.property(expression, fc.boolean(), (text, failsWhen) => {
        fc.pre(text.length < 1000)
        const { node, read } = bound(text)
        const fails = checkFails({ node, failsWhen }, read)
        failures += Number(fails)
        const { code, constants } = compileCheck(node, failsWhen)
        expect(run(code, constants, read)).toBe(Number(fails))
        // The value itself, by way of code that ends before the negations.
        const value = run(code.subarray(0, code.length - (failsWhen ? 6 : 3)), constants, read)
        const expected = evaluateCheck(node, read)
        expect(value === expected || (Number.isNaN(value) && Number.isNaN(expected))).toBe(true)
      }),
      { seed: 23, numRuns: 3000 },
    )
    // A property over verdicts that are all alike would prove nothing.
    expect(failures).toBeGreaterThan(500)
    expect(failures).toBeLessThan(2500)
  })

  it('keeps one copy of a constant, and minus zero apart from zero', () => {
    const { node } = bound('1 + 1 + 0 + (-0)')
    expect(compileCheck(node, true).constants).toEqual(Float64Array.from([1, 0, -0]))
    const number: CheckNode = { kind: 'number', value: 2 }
    expect(compileCheck(number, false)).toEqual({
      code: Int32Array.from([1, 0, 0, 42, 0, 0]),
      constants: Float64Array.from([2]),
    })
  })
})

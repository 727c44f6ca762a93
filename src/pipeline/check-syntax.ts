/**
 * The text of a check → a small tree of our own. jsep does the tokens and the precedence (JavaScript's); everything that a
 * check cannot mean is refused here, so that later stages meet only numbers, texts, tensors and operations.
 *
 *   out.variable[0] > 1500000.0        in.tensor[3] * 2 <= max(out.scores)        out["my-name"][0] != 0
 *
 * Wallaroo users write `(a < b) & (c > d)`: single & and | are the logical operators. There is no short circuit and no
 * need of one: every operation is total, so the order of evaluation cannot be seen.
 */
import jsep from 'jsep'
import { PenstockError } from '../base/errors.js'
import { CHECK_EXPRESSION_CHARACTERS_MAX, CHECK_INSTRUCTIONS_MAX, CHECK_STACK_MAX } from '../base/limits.js'
import type { OpcodeName } from './generated/check-opcodes.js'

export type ReduceOperation = 'sum' | 'mean' | 'minimum' | 'maximum' | 'length' | 'argmax'
export type ApplyOperation = Exclude<OpcodeName, ReduceOperation | 'constant' | 'load'>
export type CheckSide = 'in' | 'out'

export interface TensorSyntax {
  readonly kind: 'tensor'
  readonly side: CheckSide
  readonly name: string
  /** null: the whole row. One index: the element in row-major order; as many as the row has dims: one per dim. */
  readonly indexes: readonly number[] | null
}
export type CheckSyntax =
  | { readonly kind: 'number'; readonly value: number }
  | { readonly kind: 'text'; readonly value: string }
  | TensorSyntax
  | { readonly kind: 'reduce'; readonly operation: ReduceOperation; readonly tensor: TensorSyntax }
  | { readonly kind: 'apply'; readonly operation: ApplyOperation; readonly operands: readonly CheckSyntax[] }

/**
 * Parses the expression of a check.
 * @param where how messages name it, e.g. `steps[2].flag`.
 * @throws PenstockError ERR_PIPELINE_INVALID naming what is not understood.
 */
export function parseCheck(where: string, text: string): CheckSyntax {
  if (text.length > CHECK_EXPRESSION_CHARACTERS_MAX) {
    throw refusal(where, `at most ${CHECK_EXPRESSION_CHARACTERS_MAX} characters`, `${text.length} characters`)
  }
  const syntax = convert(where, parseTokens(where, text))
  const size = measure(syntax)
  // Two more: a check ends with one or two negations that make 1 of "failed".
  if (size.instructions + 2 > CHECK_INSTRUCTIONS_MAX) {
    throw refusal(where, `at most ${CHECK_INSTRUCTIONS_MAX - 2} operations`, `${size.instructions} operations`)
  }
  if (size.stack > CHECK_STACK_MAX) {
    throw refusal(where, `an expression that needs at most ${CHECK_STACK_MAX} values at a time`, String(size.stack))
  }
  return syntax
}

/** The tensors that an expression reads, in order, with repeats. */
export function tensorsOf(syntax: CheckSyntax): TensorSyntax[] {
  if (syntax.kind === 'tensor') return [syntax]
  if (syntax.kind === 'reduce') return [syntax.tensor]
  return syntax.kind === 'apply' ? syntax.operands.flatMap(tensorsOf) : []
}

/** How an expression names a tensor, e.g. `out["my-name"]`. */
export function formatTensorName(side: CheckSide, name: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(name) ? `${side}.${name}` : `${side}[${JSON.stringify(name)}]`
}

function parseTokens(where: string, text: string): jsep.Expression {
  try {
    return jsep(text)
  } catch (error) {
    // jsep recurses: thousands of opening brackets exhaust the stack before it can complain.
    const reason = error instanceof RangeError ? 'it is nested too deeply' : (error as Error).message
    throw new PenstockError('ERR_PIPELINE_INVALID', `Expected ${where} to be an expression: ${reason}`)
  }
}

function refusal(where: string, rule: string, received: string, wayOut = ''): PenstockError {
  const sentence = `Expected ${where} to be ${rule} but received ${received}`
  return new PenstockError('ERR_PIPELINE_INVALID', wayOut === '' ? sentence : `${sentence}. ${wayOut}`)
}

const binaryOperations: Readonly<Partial<Record<string, ApplyOperation>>> = {
  '+': 'add',
  '-': 'subtract',
  '*': 'multiply',
  '/': 'divide',
  '%': 'modulo',
  '**': 'power',
  '<': 'less',
  '<=': 'lessEqual',
  '>': 'greater',
  '>=': 'greaterEqual',
  '==': 'equal',
  '===': 'equal',
  '!=': 'notEqual',
  '!==': 'notEqual',
  '&&': 'and',
  '&': 'and',
  '||': 'or',
  '|': 'or',
}
const unaryOperations: Readonly<Partial<Record<string, ApplyOperation>>> = { '-': 'negate', '!': 'not' }
const functions: Readonly<Partial<Record<string, ApplyOperation>>> = {
  abs: 'absolute',
  sqrt: 'squareRoot',
  log: 'logarithm',
  exp: 'exponential',
  floor: 'floor',
  ceil: 'ceiling',
  round: 'round',
  isNaN: 'isNan',
  isFinite: 'isFinite',
}
const reductions: Readonly<Partial<Record<string, ReduceOperation>>> = {
  sum: 'sum',
  mean: 'mean',
  length: 'length',
  argmax: 'argmax',
}
/** Of two numbers, or of the elements of one tensor. */
const extrema: Readonly<Partial<Record<string, { two: ApplyOperation; all: ReduceOperation }>>> = {
  min: { two: 'min2', all: 'minimum' },
  max: { two: 'max2', all: 'maximum' },
}
const functionNames = [functions, extrema, reductions].flatMap(Object.keys).sort().join(', ')

/** A member of a table, never one of Object.prototype: names come from the user. */
function lookUp<T>(table: Readonly<Partial<Record<string, T>>>, key: string): T | undefined {
  return Object.hasOwn(table, key) ? table[key] : undefined
}

function convert(where: string, expression: jsep.Expression): CheckSyntax {
  const node = expression as jsep.CoreExpression
  switch (node.type) {
    case 'Literal':
      return convertLiteral(where, node)
    case 'UnaryExpression':
      return convertUnary(where, node)
    case 'BinaryExpression': {
      const operation = lookUp(binaryOperations, node.operator)
      if (operation === undefined) throw refusal(where, 'without the operator', node.operator)
      return { kind: 'apply', operation, operands: [convert(where, node.left), convert(where, node.right)] }
    }
    case 'ConditionalExpression': {
      const operands = [node.test, node.consequent, node.alternate].map((operand) => convert(where, operand))
      return { kind: 'apply', operation: 'select', operands }
    }
    case 'CallExpression':
      return convertCall(where, node)
    case 'MemberExpression':
    case 'Identifier':
      return convertTensor(where, node)
    default:
      throw refusal(where, 'one expression', node.type === 'Compound' ? compoundWords(node) : `a ${node.type}`)
  }
}

function compoundWords(node: jsep.Compound): string {
  return node.body.length === 0 ? 'an empty text' : `${node.body.length} of them`
}

function convertLiteral(where: string, { value, raw }: jsep.Literal): CheckSyntax {
  if (typeof value === 'number') return { kind: 'number', value }
  if (typeof value === 'boolean') return { kind: 'number', value: Number(value) }
  if (typeof value === 'string') return { kind: 'text', value }
  throw refusal(where, 'made of numbers, texts and tensors', raw)
}

function convertUnary(where: string, node: jsep.UnaryExpression): CheckSyntax {
  const operand = convert(where, node.argument)
  if (node.operator === '+') return operand
  const operation = lookUp(unaryOperations, node.operator)
  if (operation === undefined) throw refusal(where, 'without the operator', node.operator)
  if (operation === 'negate' && operand.kind === 'number') return { kind: 'number', value: -operand.value }
  return { kind: 'apply', operation, operands: [operand] }
}

function convertCall(where: string, node: jsep.CallExpression): CheckSyntax {
  const name = node.callee.type === 'Identifier' ? String((node.callee as jsep.Identifier).name) : ''
  const operands = node.arguments.map((argument) => convert(where, argument))
  const extremum = lookUp(extrema, name)
  const reduction = lookUp(reductions, name) ?? (operands.length === 1 ? extremum?.all : undefined)
  if (reduction !== undefined) {
    const [tensor] = operands
    if (operands.length === 1 && tensor?.kind === 'tensor' && tensor.indexes === null) {
      return { kind: 'reduce', operation: reduction, tensor }
    }
    const rule = extremum === undefined ? 'one tensor' : 'one tensor, or of two and more numbers'
    throw refusal(`${name} in ${where}`, `of ${rule}, e.g. ${name}(out.scores),`, 'something else')
  }
  if (extremum !== undefined && operands.length > 1) {
    return operands.reduce((left, right) => ({ kind: 'apply', operation: extremum.two, operands: [left, right] }))
  }
  const operation = lookUp(functions, name)
  if (operation === undefined)
    throw refusal(`a function in ${where}`, `one of ${functionNames}`, name || 'an expression')
  if (operands.length !== 1) throw refusal(`${name} in ${where}`, 'of one number', `${operands.length} arguments`)
  return { kind: 'apply', operation, operands }
}

/** `in.name`, `out["name"]`, each with indexes behind it. */
function convertTensor(where: string, node: jsep.MemberExpression | jsep.Identifier): TensorSyntax {
  const indexes: number[] = []
  let inner: jsep.Expression = node
  for (;;) {
    const member = inner as jsep.MemberExpression
    if (inner.type !== 'MemberExpression' || member.optional === true) throw tensorRefusal(where, inner)
    const root = member.object as jsep.Identifier
    if (root.type === 'Identifier' && (root.name === 'in' || root.name === 'out')) {
      const name = memberName(member)
      if (name === null) throw tensorRefusal(where, inner)
      return { kind: 'tensor', side: root.name, name, indexes: indexes.length === 0 ? null : indexes }
    }
    if (root.type === 'Identifier') throw tensorRefusal(where, root)
    indexes.unshift(elementIndex(where, member))
    inner = member.object
  }
}

function memberName(member: jsep.MemberExpression): string | null {
  if (!member.computed) return String((member.property as jsep.Identifier).name)
  const { value } = member.property as jsep.Literal
  return typeof value === 'string' ? value : null
}

function elementIndex(where: string, member: jsep.MemberExpression): number {
  const { value } = member.property as jsep.Literal
  const isIndex = member.computed && member.property.type === 'Literal' && Number.isInteger(value)
  if (isIndex && (value as number) <= 0x7fffffff) return value as number
  throw refusal(`an index in ${where}`, 'an integer >= 0, as in out.scores[0],', 'something else')
}

function tensorRefusal(where: string, node: jsep.Expression): PenstockError {
  const name = node.type === 'Identifier' ? String((node as jsep.Identifier).name) : 'something else'
  const wayOut = 'Write in.<input>[i] or out.<output>[i]; out["<output>"][i] for names with other characters'
  return refusal(`a tensor in ${where}`, 'below in or out', name, wayOut)
}

/** Instructions and stack slots that an expression compiles to. */
function measure(syntax: CheckSyntax): { instructions: number; stack: number } {
  let instructions = 1
  let stack = 1
  if (syntax.kind !== 'apply') return { instructions, stack }
  syntax.operands.forEach((operand, below) => {
    const size = measure(operand)
    instructions += size.instructions
    stack = Math.max(stack, below + size.stack)
  })
  return { instructions, stack }
}

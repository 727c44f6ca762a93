/**
 * The text of a check → a small tree of our own. check-tokens.ts does the tokens and the precedence (JavaScript's);
 * everything that a check cannot mean is refused here, with its place, so that later stages meet only numbers, texts,
 * tensors and operations.
 *
 *   out.variable[0] > 1500000.0        in.tensor[3] * 2 <= max(abs(out.scores[2:5]))        out["my-name"][0] != 0
 *
 * Wallaroo users write `(a < b) & (c > d)`: single & and | are the logical operators. There is no short circuit and no
 * need of one: every operation is total, so the order of evaluation cannot be seen.
 */
import type jsep from 'jsep'
import { PenstockError } from '../base/errors.js'
import { CHECK_EXPRESSION_CHARACTERS_MAX, CHECK_INSTRUCTIONS_MAX, CHECK_STACK_MAX } from '../base/limits/limits.js'
import { parseCheckText, type CheckText, type SliceExpression } from './check-tokens.js'
import type { OpcodeName } from './generated/check-opcodes.js'

export type ReduceOperation = 'sum' | 'mean' | 'minimum' | 'maximum' | 'length' | 'argmax'
export type ApplyOperation = Exclude<OpcodeName, ReduceOperation | 'constant' | 'load' | 'window' | 'magnitudes'>
export type CheckSide = 'in' | 'out'

export interface TensorSyntax {
  readonly kind: 'tensor'
  readonly side: CheckSide
  readonly name: string
  /** null: the whole row. One index: the element in row-major order; as many as the row has dims: one per dim. */
  readonly indexes: readonly number[] | null
  /** Elements start..end - 1 in row-major order, end null: to the last; null: all. */
  readonly slice: { readonly start: number; readonly end: number | null } | null
  /** 1-based character of the text at which it stands. */
  readonly at: number
}
export interface ReduceSyntax {
  readonly kind: 'reduce'
  readonly operation: ReduceOperation
  readonly tensor: TensorSyntax
  /** True: it reduces the elements' absolute values. */
  readonly isOfMagnitudes: boolean
}
export type CheckSyntax =
  | { readonly kind: 'number'; readonly value: number }
  | { readonly kind: 'text'; readonly value: string }
  | TensorSyntax
  | ReduceSyntax
  | { readonly kind: 'apply'; readonly operation: ApplyOperation; readonly operands: readonly CheckSyntax[] }

/**
 * Parses the expression of a check.
 * @param where how messages name it, e.g. `steps[2].flag`.
 * @throws PenstockError ERR_PIPELINE_INVALID naming what is not understood.
 */
export function parseCheck(where: string, text: string): CheckSyntax {
  if (text.length > CHECK_EXPRESSION_CHARACTERS_MAX) {
    throw sizeRefusal(where, `at most ${CHECK_EXPRESSION_CHARACTERS_MAX} characters`, `${text.length} characters`)
  }
  const tokens = parseCheckText(where, text)
  const syntax = convert(tokens, tokens.expression)
  const size = measure(syntax)
  // Two more: a check ends with one or two negations that make 1 of "failed".
  if (size.instructions + 2 > CHECK_INSTRUCTIONS_MAX) {
    throw sizeRefusal(where, `at most ${CHECK_INSTRUCTIONS_MAX - 2} operations`, `${size.instructions} operations`)
  }
  if (size.stack > CHECK_STACK_MAX) {
    throw sizeRefusal(where, `an expression that needs at most ${CHECK_STACK_MAX} values at a time`, String(size.stack))
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

function sizeRefusal(where: string, rule: string, received: string): PenstockError {
  return new PenstockError('ERR_PIPELINE_INVALID', `Expected ${where} to be ${rule} but received ${received}`)
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
/** These take two numbers, or the elements of one tensor. */
const extrema: Readonly<Partial<Record<string, { two: ApplyOperation; all: ReduceOperation }>>> = {
  min: { two: 'min2', all: 'minimum' },
  max: { two: 'max2', all: 'maximum' },
}
const functionNames = [functions, extrema, reductions].flatMap(Object.keys).sort().join(', ')

/** A member of a table, never one of Object.prototype: names come from the user. */
function lookUp<T>(table: Readonly<Partial<Record<string, T>>>, key: string): T | undefined {
  return Object.hasOwn(table, key) ? table[key] : undefined
}

function convert(check: CheckText, expression: jsep.Expression): CheckSyntax {
  const node = expression as jsep.CoreExpression
  switch (node.type) {
    case 'Literal':
      return convertLiteral(check, node)
    case 'UnaryExpression':
      return convertUnary(check, node)
    case 'BinaryExpression': {
      const operation = lookUp(binaryOperations, node.operator)
      if (operation === undefined) throw check.refusal(node, 'without the operator', node.operator)
      return { kind: 'apply', operation, operands: [convert(check, node.left), convert(check, node.right)] }
    }
    case 'ConditionalExpression': {
      const operands = [node.test, node.consequent, node.alternate].map((operand) => convert(check, operand))
      return { kind: 'apply', operation: 'select', operands }
    }
    case 'CallExpression':
      return convertCall(check, node)
    case 'MemberExpression':
    case 'Identifier':
      return convertTensor(check, node)
    default:
      throw check.refusal(node, 'one expression', node.type === 'Compound' ? compoundWords(node) : `a ${node.type}`)
  }
}

function compoundWords(node: jsep.Compound): string {
  return node.body.length === 0 ? 'an empty text' : `${node.body.length} of them`
}

function convertLiteral(check: CheckText, node: jsep.Literal): CheckSyntax {
  const { value, raw } = node
  if (typeof value === 'number') return { kind: 'number', value }
  if (typeof value === 'boolean') return { kind: 'number', value: Number(value) }
  if (typeof value === 'string') return { kind: 'text', value }
  throw check.refusal(node, 'made of numbers, texts and tensors', raw)
}

function convertUnary(check: CheckText, node: jsep.UnaryExpression): CheckSyntax {
  const operand = convert(check, node.argument)
  if (node.operator === '+') return operand
  const operation = lookUp(unaryOperations, node.operator)
  if (operation === undefined) throw check.refusal(node, 'without the operator', node.operator)
  if (operation === 'negate' && operand.kind === 'number') return { kind: 'number', value: -operand.value }
  return { kind: 'apply', operation, operands: [operand] }
}

function convertCall(check: CheckText, node: jsep.CallExpression): CheckSyntax {
  const name = node.callee.type === 'Identifier' ? String((node.callee as jsep.Identifier).name) : ''
  const operands = node.arguments.map((argument) => convert(check, argument))
  const extremum = lookUp(extrema, name)
  const reduction = lookUp(reductions, name) ?? (operands.length === 1 ? extremum?.all : undefined)
  if (reduction !== undefined) {
    const reduced = operands.length === 1 ? reduceOperand(operands[0] as CheckSyntax) : null
    if (reduced !== null) return { kind: 'reduce', operation: reduction, ...reduced }
    const rule = extremum === undefined ? 'one tensor' : 'one tensor, or of two and more numbers'
    throw check.refusal(node, `of ${rule}, e.g. ${name}(out.scores),`, 'something else', '', name)
  }
  if (extremum !== undefined && operands.length > 1) {
    return operands.reduce((left, right) => ({ kind: 'apply', operation: extremum.two, operands: [left, right] }))
  }
  const operation = lookUp(functions, name)
  if (operation === undefined)
    throw check.refusal(node, `one of ${functionNames}`, name || 'an expression', '', 'a function')
  if (operands.length !== 1) throw check.refusal(node, 'of one number', `${operands.length} arguments`, '', name)
  return { kind: 'apply', operation, operands }
}

/** A whole row, a slice of one, or the absolute values of either; null: something else. */
function reduceOperand(operand: CheckSyntax): { tensor: TensorSyntax; isOfMagnitudes: boolean } | null {
  const isOfMagnitudes = operand.kind === 'apply' && operand.operation === 'absolute'
  const tensor = isOfMagnitudes ? operand.operands[0] : operand
  return tensor?.kind === 'tensor' && tensor.indexes === null ? { tensor, isOfMagnitudes } : null
}

/** `in.name`, `out["name"]`, each with indexes or one slice behind it. */
function convertTensor(check: CheckText, node: jsep.MemberExpression | jsep.Identifier): TensorSyntax {
  const places: jsep.MemberExpression[] = []
  let inner: jsep.Expression = node
  for (;;) {
    const member = inner as jsep.MemberExpression
    if (inner.type !== 'MemberExpression' || member.optional === true) throw tensorRefusal(check, node, inner)
    const root = member.object as jsep.Identifier
    if (root.type === 'Identifier' && (root.name === 'in' || root.name === 'out')) {
      const name = memberName(member)
      if (name === null) throw tensorRefusal(check, node, inner)
      return { kind: 'tensor', side: root.name, name, ...placesOf(check, node, places), at: check.placeOf(node) }
    }
    if (root.type === 'Identifier') throw tensorRefusal(check, node, root)
    places.unshift(member)
    inner = member.object
  }
}

function placesOf(
  check: CheckText,
  node: jsep.Expression,
  members: readonly jsep.MemberExpression[],
): Pick<TensorSyntax, 'indexes' | 'slice'> {
  const [only] = members
  if (only === undefined) return { indexes: null, slice: null }
  const slice = only.property as SliceExpression
  if (members.length > 1 || !only.computed || slice.type !== 'SliceExpression')
    return { indexes: members.map((member) => elementIndex(check, node, member)), slice: null }
  const { start, end } = slice
  if (start <= INDEX_MAX && (end === null || (end > start && end <= INDEX_MAX)))
    return { indexes: null, slice: { start, end } }
  throw check.refusal(node, 'start:end with 0 <= start < end', `${start}:${end ?? ''}`, '', 'a slice')
}

function memberName(member: jsep.MemberExpression): string | null {
  if (!member.computed) return String((member.property as jsep.Identifier).name)
  const { value } = member.property as jsep.Literal
  return typeof value === 'string' ? value : null
}

const INDEX_MAX = 0x7fffffff

function elementIndex(check: CheckText, node: jsep.Expression, member: jsep.MemberExpression): number {
  const { value } = member.property as jsep.Literal
  const isIndex = member.computed && member.property.type === 'Literal' && Number.isInteger(value)
  if (isIndex && (value as number) <= INDEX_MAX) return value as number
  const wayOut = 'Several elements are a slice, as in max(out.scores[0:3])'
  throw check.refusal(node, 'an integer >= 0, as in out.scores[0],', 'something else', wayOut, 'an index')
}

function tensorRefusal(check: CheckText, node: jsep.Expression, part: jsep.Expression): PenstockError {
  const name = part.type === 'Identifier' ? String((part as jsep.Identifier).name) : 'something else'
  const wayOut = 'Write in.<input>[i] or out.<output>[i]; out["<output>"][i] for names with other characters'
  return check.refusal(node, 'below in or out', name, wayOut, 'a tensor')
}

/** Instructions and stack slots that an expression compiles to. */
function measure(syntax: CheckSyntax): { instructions: number; stack: number } {
  let instructions = 1
  let stack = 1
  if (syntax.kind === 'reduce') instructions += Number(syntax.tensor.slice !== null) + Number(syntax.isOfMagnitudes)
  if (syntax.kind !== 'apply') return { instructions, stack }
  syntax.operands.forEach((operand, below) => {
    const size = measure(operand)
    instructions += size.instructions
    stack = Math.max(stack, below + size.stack)
  })
  return { instructions, stack }
}

/**
 * A parsed check bound to the tensors of a plan, and compiled to the addon's stack machine (check-opcodes.json).
 *
 * Every value is a float64; a bool is 0 or 1, an int64 beyond 2^53 is rounded. Texts meet nothing but == and != with
 * another text; a check that reads text has no bytecode, since pipelines with string tensors never enter the addon.
 */
import { PenstockError } from '../base/errors.js'
import { CHECK_SOURCES_MAX } from '../base/limits/limits.js'
import { staticElementCount, type FieldShape } from '../tensor/shape.js'
import { formatTensorName } from './check-syntax.js'
import type {
  ApplyOperation,
  CheckSide,
  CheckSyntax,
  ReduceOperation,
  ReduceSyntax,
  TensorSyntax,
} from './check-syntax.js'
import { Opcode } from './generated/check-opcodes.js'

export type CheckNode =
  | { readonly kind: 'number'; readonly value: number }
  | { readonly kind: 'text'; readonly value: string }
  | { readonly kind: 'element'; readonly source: number; readonly index: number; readonly isText: boolean }
  | ReduceNode
  | { readonly kind: 'apply'; readonly operation: ApplyOperation; readonly operands: readonly CheckNode[] }
  | { readonly kind: 'compareText'; readonly isNegated: boolean; readonly left: CheckNode; readonly right: CheckNode }

/** An operation on elements start..end - 1 of a row, or on their absolute values; end null: to the last. */
export interface ReduceNode {
  readonly kind: 'reduce'
  readonly operation: ReduceOperation
  readonly source: number
  readonly start: number
  readonly end: number | null
  readonly isOfMagnitudes: boolean
}

/** What a tensor name of an expression turned out to be. */
export interface FoundTensor<Source> {
  readonly source: Source
  /** Dims of one row (the tensor's shape where the pipeline is non-batching); null is free. */
  readonly rowDims: FieldShape
  readonly isText: boolean
}

export interface BoundCheck<Source> {
  readonly node: CheckNode
  /** In the order that the node's source indexes count. */
  readonly sources: Source[]
}

/**
 * Binds an expression to tensors.
 * @param find the tensor of a name; throws when there is none.
 * @throws PenstockError ERR_PIPELINE_INVALID: an index beyond the row, a whole row where a number is meant, mixed types.
 */
export function bindCheck<Source>(
  where: string,
  syntax: CheckSyntax,
  find: (side: CheckSide, name: string) => FoundTensor<Source>,
): BoundCheck<Source> {
  const binder = new Binder(where, find)
  const node = binder.bind(syntax)
  if (isText(node)) throw new PenstockError('ERR_PIPELINE_INVALID', `Expected ${where} to be true or false, not a text`)
  return { node, sources: binder.found.map(({ source }) => source) }
}

/**
 * Compiles a bound check. Running the code leaves 1 when the check failed, else 0.
 * @param failsWhen the truth of the expression that is a failure: true for `flag`, false for `require`.
 * @returns instructions of 3 int32 and their constants; both empty for a check that compares texts.
 */
export function compileCheck(node: CheckNode, failsWhen: boolean): { code: Int32Array; constants: Float64Array } {
  if (readsText(node)) return { code: new Int32Array(0), constants: new Float64Array(0) }
  const code: number[] = []
  const constants: number[] = []
  emit(node, code, constants)
  code.push(Opcode.not, 0, 0)
  if (failsWhen) code.push(Opcode.not, 0, 0)
  return { code: Int32Array.from(code), constants: Float64Array.from(constants) }
}

class Binder<Source> {
  readonly found: FoundTensor<Source>[] = []
  private readonly indexByName = new Map<string, number>()

  constructor(
    private readonly where: string,
    private readonly find: (side: CheckSide, name: string) => FoundTensor<Source>,
  ) {}

  bind(syntax: CheckSyntax): CheckNode {
    switch (syntax.kind) {
      case 'number':
      case 'text':
        return syntax
      case 'tensor':
        return this.bindElement(syntax)
      case 'reduce':
        return this.bindReduce(syntax)
      case 'apply':
        return this.bindApply(
          syntax.operation,
          syntax.operands.map((operand) => this.bind(operand)),
        )
    }
  }

  private bindElement(tensor: TensorSyntax): CheckNode {
    const source = this.sourceOf(tensor)
    const { rowDims, isText } = this.foundAt(source)
    return { kind: 'element', source, index: this.elementOf(tensor, rowDims), isText }
  }

  private bindReduce({ operation, tensor, isOfMagnitudes }: ReduceSyntax): CheckNode {
    const source = this.sourceOf(tensor)
    const { rowDims, isText } = this.foundAt(source)
    if (isText && (operation !== 'length' || isOfMagnitudes))
      throw this.error(tensor, `has texts: ${isOfMagnitudes ? 'abs' : operation} is of numbers`)
    const { start, end } = tensor.slice ?? { start: 0, end: null }
    const count = staticElementCount(rowDims)
    if (count !== null && Math.max(start + 1, end ?? 0) > count && tensor.slice !== null)
      throw this.error(tensor, `has no elements ${start}:${end ?? ''}: it has ${count} in a row`)
    return { kind: 'reduce', operation, source, start, end, isOfMagnitudes }
  }

  private bindApply(operation: ApplyOperation, operands: readonly CheckNode[]): CheckNode {
    const texts = operands.filter(isText)
    if (texts.length === 0) return { kind: 'apply', operation, operands }
    const [left, right] = operands
    const isComparison = operation === 'equal' || operation === 'notEqual'
    if (!isComparison || texts.length < 2 || left === undefined || right === undefined) {
      const message = `Expected texts in ${this.where} to be compared with texts, by == or !=, and with nothing else`
      throw new PenstockError('ERR_PIPELINE_INVALID', message)
    }
    return { kind: 'compareText', isNegated: operation === 'notEqual', left, right }
  }

  private sourceOf(tensor: TensorSyntax): number {
    const key = `${tensor.side}.${tensor.name}`
    const known = this.indexByName.get(key)
    if (known !== undefined) return known
    if (this.found.length === CHECK_SOURCES_MAX)
      throw this.error(tensor, `is tensor ${CHECK_SOURCES_MAX + 1}: too many`)
    this.indexByName.set(key, this.found.length)
    return this.found.push(this.find(tensor.side, tensor.name)) - 1
  }

  private foundAt(source: number): FoundTensor<Source> {
    return this.found[source] as FoundTensor<Source>
  }

  /** Flat index in the row. */
  private elementOf(tensor: TensorSyntax, rowDims: FieldShape): number {
    const { indexes } = tensor
    const count = staticElementCount(rowDims)
    const shape = `a row of the shape [${rowDims.map((dim) => dim ?? '?').join(', ')}]`
    if (tensor.slice !== null)
      throw this.error(
        tensor,
        'is a slice where one number is meant: put it into sum, mean, min, max, argmax or length',
      )
    if (indexes === null) {
      if (count === 1) return 0
      const size = count === null ? 'a row of unknown size' : `${count} elements in a row`
      throw this.error(tensor, `has ${size}: name one, as in ${formatTensorName(tensor.side, tensor.name)}[0]`)
    }
    const [first] = indexes
    if (indexes.length === 1 && first !== undefined) {
      if (count !== null && first >= count) throw this.error(tensor, `has no element ${first}: it has ${shape}`)
      return first
    }
    if (indexes.length !== rowDims.length) throw this.error(tensor, `has ${indexes.length} indexes for ${shape}`)
    return this.flatIndex(tensor, indexes, rowDims, shape)
  }

  private flatIndex(tensor: TensorSyntax, indexes: readonly number[], rowDims: FieldShape, shape: string): number {
    let flat = 0
    rowDims.forEach((dim, axis) => {
      const index = indexes[axis] as number
      // The first dim multiplies nothing, so only it may be free.
      if (dim === null && axis > 0) throw this.error(tensor, `has ${shape}: give one index, in row-major order`)
      if (dim !== null && index >= dim)
        throw this.error(tensor, `has no element [${indexes.join('][')}]: it has ${shape}`)
      flat = flat * (dim ?? 1) + index
    })
    return flat
  }

  private error(tensor: TensorSyntax, problem: string): PenstockError {
    const name = formatTensorName(tensor.side, tensor.name)
    return new PenstockError(
      'ERR_PIPELINE_INVALID',
      `Expected ${this.where} to be about tensors that exist: ${name} at character ${tensor.at} ${problem}`,
    )
  }
}

function isText(node: CheckNode): boolean {
  return node.kind === 'text' || (node.kind === 'element' && node.isText)
}

function readsText(node: CheckNode): boolean {
  return node.kind === 'compareText' || isText(node) || (node.kind === 'apply' && node.operands.some(readsText))
}

function emit(node: CheckNode, code: number[], constants: number[]): void {
  switch (node.kind) {
    case 'number': {
      const known = constants.findIndex((constant) => Object.is(constant, node.value))
      code.push(Opcode.constant, known >= 0 ? known : constants.push(node.value) - 1, 0)
      return
    }
    case 'element':
      code.push(Opcode.load, node.source, node.index)
      return
    case 'reduce':
      if (node.start > 0 || node.end !== null) code.push(Opcode.window, node.start, node.end ?? -1)
      if (node.isOfMagnitudes) code.push(Opcode.magnitudes, 0, 0)
      code.push(Opcode[node.operation], node.source, 0)
      return
    case 'apply':
      for (const operand of node.operands) emit(operand, code, constants)
      code.push(Opcode[node.operation], 0, 0)
      return
    case 'text':
    case 'compareText':
      throw new Error('assertion: a check with texts is not compiled')
  }
}

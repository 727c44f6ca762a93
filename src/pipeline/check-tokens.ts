/**
 * The tokens and the precedence of a check's text: jsep (JavaScript's grammar) with two additions of ours.
 *
 *   slices   `out.scores[2:5]`, `[2:]`, `[:5]`: an index that is a SliceExpression
 *   places   where in the text each token began, for messages; jsep keeps none
 *
 * jsep's hooks are global, but nothing else of this program uses it. Numbers are read in the hook, because jsep's own way
 * to them does not show that the token ended.
 */
import jsep from 'jsep'
import { PenstockError } from '../base/errors.js'

/** Elements start..end - 1 of a row; end null: to its last one. */
export interface SliceExpression extends jsep.Expression {
  readonly type: 'SliceExpression'
  readonly start: number
  readonly end: number | null
}

/** The text of one check: its tree, and sentences about parts of it. */
export interface CheckText {
  readonly expression: jsep.Expression
  /** 1-based character at which a part begins. */
  placeOf(node: jsep.Expression): number
  /**
   * The error that says what is expected at a part.
   * @param subject what is at fault; absent: the check.
   */
  refusal(node: jsep.Expression, rule: string, received: string, wayOut?: string, subject?: string): PenstockError
}

/** @throws PenstockError ERR_PIPELINE_INVALID with the place when the text is no expression. */
export function parseCheckText(where: string, text: string): CheckText {
  const places = new WeakMap<jsep.Expression, number>()
  const placeOf = (node: jsep.Expression): number => places.get(leftmost(node)) ?? 1
  return {
    expression: parse(where, text, places),
    placeOf,
    refusal: (node, rule, received, wayOut = '', subject = '') => {
      const what = subject === '' ? where : `${subject} in ${where}`
      const sentence = `Expected ${what} to be ${rule} but received ${received} at character ${placeOf(node)}`
      return new PenstockError('ERR_PIPELINE_INVALID', wayOut === '' ? sentence : `${sentence}. ${wayOut}`)
    },
  }
}

function parse(where: string, text: string, places: WeakMap<jsep.Expression, number>): jsep.Expression {
  current = { places, starts: [] }
  try {
    return jsep(text)
  } catch (error) {
    // jsep recurses: thousands of opening brackets exhaust the stack before it can complain.
    const reason = error instanceof RangeError ? 'it is nested too deeply' : withPlace(error as JsepError)
    throw new PenstockError('ERR_PIPELINE_INVALID', `Expected ${where} to be an expression: ${reason}`)
  } finally {
    current = null
  }
}

interface JsepError extends Error {
  readonly index?: number
  readonly description?: string
}

/** jsep counts characters from 0. */
function withPlace({ message, index, description }: JsepError): string {
  return index === undefined || description === undefined ? message : `${description} at character ${index + 1}`
}

/** Operators are not tokens of jsep's: what they join begins where its first part does. */
function leftmost(node: jsep.Expression): jsep.Expression {
  const core = node as jsep.CoreExpression
  if (core.type === 'BinaryExpression') return leftmost(core.left)
  return core.type === 'ConditionalExpression' ? leftmost(core.test) : node
}

/** State of the parse under way; one is enough, for jsep is synchronous. */
let current: { readonly places: WeakMap<jsep.Expression, number>; readonly starts: number[] } | null = null

const COLON = ':'.charCodeAt(0)
const PERIOD = '.'.charCodeAt(0)

jsep.hooks.add('gobble-token', function (env) {
  current?.starts.push(this.index)
  const next = this.expr.charCodeAt(this.index + 1)
  const isNumber = isDigit(this.code) || (this.code === PERIOD && isDigit(next))
  const number = isNumber ? this.gobbleNumericLiteral() : undefined
  if (number !== undefined) env.node = number
})

jsep.hooks.add('after-token', (env) => {
  const start = current?.starts.pop()
  // false: there was no token.
  if (start !== undefined && typeof env.node === 'object') current?.places.set(env.node, start + 1)
})

jsep.hooks.add('after-expression', function (env) {
  if (this.code !== COLON) return
  // `test ? 1 : 2` has a colon behind a number, too; a slice has nothing but its start between the bracket and it.
  const start = /\[\s*(\d*)\s*$/.exec(this.expr.slice(0, this.index))?.[1]
  if (start === undefined) return
  this.index++
  this.gobbleSpaces()
  const end = /^\d*/.exec(this.expr.slice(this.index))?.[0] ?? ''
  this.index += end.length
  const slice: SliceExpression = {
    type: 'SliceExpression',
    start: Number(start),
    end: end === '' ? null : Number(end),
  }
  env.node = slice
})

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39
}

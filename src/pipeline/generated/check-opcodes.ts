// Generated from src/pipeline/check-opcodes.json by tools/codegen: do not edit, run `npm run codegen`.
export const Opcode = {
  /** push constants[a] */
  constant: 1,
  /** push element b of the row of sources[a]; NaN when b is beyond the row (refused at build when the shape is known) */
  load: 2,
  /** push the sum over the row of sources[a] */
  sum: 3,
  /** push the mean over the row of sources[a] */
  mean: 4,
  /** push the least element of the row of sources[a]; NaN if any is NaN */
  minimum: 5,
  /** push the greatest element of the row of sources[a]; NaN if any is NaN */
  maximum: 6,
  /** push the number of elements in the row of sources[a] */
  length: 7,
  /** push the index of the first greatest element of the row of sources[a] */
  argmax: 8,
  /** the reduction that follows reads elements a..b - 1 of its row, as far as they are there; b -1: to the last */
  window: 9,
  /** the reduction that follows reads absolute values */
  magnitudes: 10,
  /** x + y */
  add: 16,
  /** x - y */
  subtract: 17,
  /** x * y */
  multiply: 18,
  /** x / y */
  divide: 19,
  /** x % y, sign of x (C fmod, JavaScript %) */
  modulo: 20,
  /** x ** y */
  power: 21,
  /** the lesser of x and y; NaN if either is */
  min2: 22,
  /** the greater of x and y; NaN if either is */
  max2: 23,
  /** x < y */
  less: 32,
  /** x <= y */
  lessEqual: 33,
  /** x > y */
  greater: 34,
  /** x >= y */
  greaterEqual: 35,
  /** x == y */
  equal: 36,
  /** x != y */
  notEqual: 37,
  /** 1 when both are truthy (neither 0 nor NaN), else 0 */
  and: 40,
  /** 1 when either is truthy, else 0 */
  or: 41,
  /** 1 when x is 0 or NaN, else 0 */
  not: 42,
  /** x ? y : z */
  select: 43,
  /** -x */
  negate: 48,
  /** |x| */
  absolute: 49,
  /** sqrt(x) */
  squareRoot: 50,
  /** ln(x) */
  logarithm: 51,
  /** e ** x */
  exponential: 52,
  /** floor(x) */
  floor: 53,
  /** ceil(x) */
  ceiling: 54,
  /** half away from zero is not JavaScript's rule: floor(x + 0.5) */
  round: 55,
  /** 1 when x is NaN */
  isNan: 56,
  /** 1 when x is neither NaN nor infinite */
  isFinite: 57,
} as const

export type OpcodeName = keyof typeof Opcode
export type OpcodeCode = (typeof Opcode)[OpcodeName]

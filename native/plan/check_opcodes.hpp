// Generated from src/pipeline/check-opcodes.json by tools/codegen: do not edit, run `npm run codegen`.
// Instructions of a compiled check: 3 int32 each (opcode, a, b), over a stack of float64.
// clang-format off
#pragma once

#include <cstdint>

namespace penstock {

enum class Opcode : int32_t {
  kConstant = 1,  // push constants[a]
  kLoad = 2,  // push element b of the row of sources[a]; NaN when b is beyond the row (refused at build when the shape is known)
  kSum = 3,  // push the sum over the row of sources[a]
  kMean = 4,  // push the mean over the row of sources[a]
  kMinimum = 5,  // push the least element of the row of sources[a]; NaN if any is NaN
  kMaximum = 6,  // push the greatest element of the row of sources[a]; NaN if any is NaN
  kLength = 7,  // push the number of elements in the row of sources[a]
  kArgmax = 8,  // push the index of the first greatest element of the row of sources[a]
  kWindow = 9,  // the reduction that follows reads elements a..b - 1 of its row, as far as they are there; b -1: to the last
  kMagnitudes = 10,  // the reduction that follows reads absolute values
  kAdd = 16,  // x + y
  kSubtract = 17,  // x - y
  kMultiply = 18,  // x * y
  kDivide = 19,  // x / y
  kModulo = 20,  // x % y, sign of x (C fmod, JavaScript %)
  kPower = 21,  // x ** y
  kMin2 = 22,  // the lesser of x and y; NaN if either is
  kMax2 = 23,  // the greater of x and y; NaN if either is
  kLess = 32,  // x < y
  kLessEqual = 33,  // x <= y
  kGreater = 34,  // x > y
  kGreaterEqual = 35,  // x >= y
  kEqual = 36,  // x == y
  kNotEqual = 37,  // x != y
  kAnd = 40,  // 1 when both are truthy (neither 0 nor NaN), else 0
  kOr = 41,  // 1 when either is truthy, else 0
  kNot = 42,  // 1 when x is 0 or NaN, else 0
  kSelect = 43,  // x ? y : z
  kNegate = 48,  // -x
  kAbsolute = 49,  // |x|
  kSquareRoot = 50,  // sqrt(x)
  kLogarithm = 51,  // ln(x)
  kExponential = 52,  // e ** x
  kFloor = 53,  // floor(x)
  kCeiling = 54,  // ceil(x)
  kRound = 55,  // half away from zero is not JavaScript's rule: floor(x + 0.5)
  kIsNan = 56,  // 1 when x is NaN
  kIsFinite = 57,  // 1 when x is neither NaN nor infinite
};

}  // namespace penstock

#include "plan/check_program.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "core/assert.hpp"
#include "kernel/cast.hpp"

namespace penstock {
namespace {
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

bool is_reduction(Opcode opcode) noexcept {
  return opcode >= Opcode::kSum && opcode <= Opcode::kArgmax;
}
bool is_source_read(Opcode opcode) noexcept {
  return opcode == Opcode::kLoad || is_reduction(opcode);
}
// Says what the next reduction reads; pushes nothing.
bool is_prefix(Opcode opcode) noexcept {
  return opcode == Opcode::kWindow || opcode == Opcode::kMagnitudes;
}
bool is_binary(Opcode opcode) noexcept {
  return (opcode >= Opcode::kAdd && opcode <= Opcode::kMax2) ||
         (opcode >= Opcode::kLess && opcode <= Opcode::kNotEqual) || opcode == Opcode::kAnd || opcode == Opcode::kOr;
}
bool is_unary(Opcode opcode) noexcept {
  return opcode == Opcode::kNot || (opcode >= Opcode::kNegate && opcode <= Opcode::kIsFinite);
}
bool is_truthy(double x) noexcept {
  return x != 0.0 && !std::isnan(x);
}
double as_number(bool x) noexcept {
  return x ? 1.0 : 0.0;
}

// What a reduction reads of its row.
struct Window {
  size_t start = 0;
  size_t end = std::numeric_limits<size_t>::max();
  bool is_of_magnitudes = false;
};

RowView part_of(const RowView& row, const Window& window) noexcept {
  const size_t start = std::min(window.start, row.elements);
  const size_t end = std::min(window.end, row.elements);
  return {row.data + start * dtype_size_bytes(row.dtype), end - start, row.dtype};
}

double reduce(Opcode opcode, const RowView& row, bool is_of_magnitudes) noexcept {
  if (opcode == Opcode::kLength) return static_cast<double>(row.elements);
  if (row.elements == 0) return opcode == Opcode::kSum ? 0.0 : kNan;
  const size_t bytes = dtype_size_bytes(row.dtype);
  const auto load = [&](size_t index) {
    const double x = load_as_double(row.data + index * bytes, row.dtype);
    return is_of_magnitudes ? std::fabs(x) : x;
  };
  double sum = 0.0;
  double best = load(0);
  size_t best_index = 0;
  bool has_nan = false;
  for (size_t i = 0; i < row.elements; ++i) {
    const double x = load(i);
    sum += x;
    has_nan = has_nan || std::isnan(x);
    if (opcode == Opcode::kMinimum ? x < best : x > best) {
      best = x;
      best_index = i;
    }
  }
  switch (opcode) {
    case Opcode::kSum:
      return sum;
    case Opcode::kMean:
      return sum / static_cast<double>(row.elements);
    case Opcode::kArgmax:
      return static_cast<double>(best_index);
    default:
      return has_nan ? kNan : best;
  }
}

double apply(Opcode opcode, double x, double y) noexcept {
  switch (opcode) {
    case Opcode::kAdd:
      return x + y;
    case Opcode::kSubtract:
      return x - y;
    case Opcode::kMultiply:
      return x * y;
    case Opcode::kDivide:
      return x / y;
    case Opcode::kModulo:
      return std::fmod(x, y);
    case Opcode::kPower:
      return std::isnan(y) || (std::fabs(x) == 1.0 && std::isinf(y)) ? kNan : std::pow(x, y);
    case Opcode::kMin2:
      return std::isnan(x) || std::isnan(y) ? kNan : std::min(x, y);
    case Opcode::kMax2:
      return std::isnan(x) || std::isnan(y) ? kNan : std::max(x, y);
    case Opcode::kLess:
      return as_number(x < y);
    case Opcode::kLessEqual:
      return as_number(x <= y);
    case Opcode::kGreater:
      return as_number(x > y);
    case Opcode::kGreaterEqual:
      return as_number(x >= y);
    case Opcode::kEqual:
      return as_number(x == y);
    case Opcode::kNotEqual:
      return as_number(x != y);
    case Opcode::kAnd:
      return as_number(is_truthy(x) && is_truthy(y));
    default:
      return as_number(is_truthy(x) || is_truthy(y));  // kOr: validate lets nothing else through
  }
}

double apply(Opcode opcode, double x) noexcept {
  switch (opcode) {
    case Opcode::kNot:
      return as_number(!is_truthy(x));
    case Opcode::kNegate:
      return -x;
    case Opcode::kAbsolute:
      return std::fabs(x);
    case Opcode::kSquareRoot:
      return std::sqrt(x);
    case Opcode::kLogarithm:
      return std::log(x);
    case Opcode::kExponential:
      return std::exp(x);
    case Opcode::kFloor:
      return std::floor(x);
    case Opcode::kCeiling:
      return std::ceil(x);
    case Opcode::kRound:
      return std::floor(x + 0.5);
    case Opcode::kIsNan:
      return as_number(std::isnan(x));
    default:
      return as_number(std::isfinite(x));  // kIsFinite
  }
}
}  // namespace

std::string CheckProgram::validate(size_t source_count) const {
  if (code.empty() || code.size() > kInstructionsMax) return "the number of instructions is out of range";
  size_t depth = 0;
  for (size_t i = 0; i < code.size(); ++i) {
    const Instruction& instruction = code[i];
    const Opcode opcode = instruction.opcode;
    size_t pops = 0;
    if (is_prefix(opcode)) {
      const Opcode next = i + 1 < code.size() ? code[i + 1].opcode : opcode;
      const bool is_last = opcode == Opcode::kMagnitudes;
      if (!is_reduction(next) && (is_last || next != Opcode::kMagnitudes)) return "a window is before no reduction";
      if (!is_last && (instruction.a < 0 || (instruction.b != -1 && instruction.b <= instruction.a)))
        return "a window is out of range";
      continue;
    }
    if (opcode == Opcode::kConstant) {
      if (instruction.a < 0 || static_cast<size_t>(instruction.a) >= constants.size())
        return "a constant is out of range";
    } else if (is_source_read(opcode)) {
      if (instruction.a < 0 || static_cast<size_t>(instruction.a) >= source_count) return "a source is out of range";
      if (opcode == Opcode::kLoad && instruction.b < 0) return "an element index is negative";
    } else if (is_binary(opcode)) {
      pops = 2;
    } else if (is_unary(opcode)) {
      pops = 1;
    } else if (opcode == Opcode::kSelect) {
      pops = 3;
    } else {
      return "an opcode is unknown";
    }
    if (depth < pops) return "the stack would run empty";
    depth = depth - pops + 1;
    if (depth > kStackMax) return "the stack would overflow";
  }
  return depth == 1 ? "" : "the stack does not end with one value";
}

bool CheckProgram::run(std::span<const RowView> rows) const noexcept {
  std::array<double, kStackMax> stack;
  size_t top = 0;  // one past the top
  Window window;
  for (const auto& [opcode, a, b] : code) {
    if (opcode == Opcode::kConstant) {
      stack[top++] = constants[static_cast<size_t>(a)];
    } else if (opcode == Opcode::kLoad) {
      const RowView& row = rows[static_cast<size_t>(a)];
      const auto index = static_cast<size_t>(b);
      stack[top++] =
          index < row.elements ? load_as_double(row.data + index * dtype_size_bytes(row.dtype), row.dtype) : kNan;
    } else if (opcode == Opcode::kWindow) {
      window.start = static_cast<size_t>(a);
      if (b >= 0) window.end = static_cast<size_t>(b);
    } else if (opcode == Opcode::kMagnitudes) {
      window.is_of_magnitudes = true;
    } else if (is_source_read(opcode)) {
      stack[top++] = reduce(opcode, part_of(rows[static_cast<size_t>(a)], window), window.is_of_magnitudes);
      window = {};
    } else if (is_unary(opcode)) {
      stack[top - 1] = apply(opcode, stack[top - 1]);
    } else if (opcode == Opcode::kSelect) {
      stack[top - 3] = is_truthy(stack[top - 3]) ? stack[top - 2] : stack[top - 1];
      top -= 2;
    } else {
      stack[top - 2] = apply(opcode, stack[top - 2], stack[top - 1]);
      top -= 1;
    }
  }
  PENSTOCK_DEBUG_ASSERT(top == 1);
  return is_truthy(stack[0]);
}
}  // namespace penstock

#include "plan/check_program.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>

#include "core/assert.hpp"
#include "core/boundary_codes.hpp"
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

// One value of each row of the block.
using Lanes = std::array<double, CheckProgram::kBlockRows>;

// What a reduction reads of its row.
struct Window {
  size_t start = 0;
  size_t end = std::numeric_limits<size_t>::max();
  bool is_of_magnitudes = false;
};

// Calls visit(load), load(element) a float64: the common dtypes without a question per element.
template <typename Visit>
double with_loader(const std::byte* data, Dtype dtype, Visit&& visit) noexcept {
  const auto direct = [&]<typename Element>(Element) {
    return visit([data](size_t index) {
      Element element;
      std::memcpy(&element, data + index * sizeof(Element), sizeof(Element));
      return static_cast<double>(element);
    });
  };
  if (dtype == Dtype::kFloat32) return direct(float{});
  if (dtype == Dtype::kFloat64) return direct(double{});
  return visit([=](size_t index) { return load_as_double(data + index * dtype_size_bytes(dtype), dtype); });
}

template <typename Load>
double reduce_elements(Opcode opcode, size_t elements, Load&& load) noexcept {
  double sum = 0.0;
  double best = load(0);
  size_t best_index = 0;
  bool has_nan = false;
  for (size_t i = 0; i < elements; ++i) {
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
      return sum / static_cast<double>(elements);
    case Opcode::kArgmax:
      return static_cast<double>(best_index);
    default:
      return has_nan ? kNan : best;
  }
}

double reduce(Opcode opcode, const std::byte* row, size_t row_elements, Dtype dtype, const Window& window) noexcept {
  const size_t start = std::min(window.start, row_elements);
  const size_t elements = std::min(window.end, row_elements) - start;
  if (opcode == Opcode::kLength) return static_cast<double>(elements);
  if (elements == 0) return opcode == Opcode::kSum ? 0.0 : kNan;
  return with_loader(row + start * dtype_size_bytes(dtype), dtype, [&](auto load) {
    if (!window.is_of_magnitudes) return reduce_elements(opcode, elements, load);
    return reduce_elements(opcode, elements, [load](size_t index) { return std::fabs(load(index)); });
  });
}

size_t row_elements_of(const RowsView& rows) noexcept {
  return rows.row_bytes / dtype_size_bytes(rows.dtype);
}

void load_element(Lanes& target, const RowsView& rows, size_t index, uint32_t count) noexcept {
  const bool is_there = index < row_elements_of(rows);
  const std::byte* element = rows.data + index * dtype_size_bytes(rows.dtype);
  for (uint32_t r = 0; r < count; ++r, element += rows.row_bytes)
    target[r] = is_there ? with_loader(element, rows.dtype, [](auto load) { return load(0); }) : kNan;
}

void reduce_rows(Lanes& target, Opcode opcode, const RowsView& rows, const Window& window, uint32_t count) noexcept {
  for (uint32_t r = 0; r < count; ++r)
    target[r] = reduce(opcode, rows.data + r * rows.row_bytes, row_elements_of(rows), rows.dtype, window);
}

template <typename Apply>
void each(Lanes& x, const Lanes& y, uint32_t count, Apply&& apply) noexcept {
  for (uint32_t r = 0; r < count; ++r) x[r] = apply(x[r], y[r]);
}

// x = x op y
void apply_binary(Opcode opcode, Lanes& x, const Lanes& y, uint32_t count) noexcept {
  switch (opcode) {
    case Opcode::kAdd:
      return each(x, y, count, [](double a, double b) { return a + b; });
    case Opcode::kSubtract:
      return each(x, y, count, [](double a, double b) { return a - b; });
    case Opcode::kMultiply:
      return each(x, y, count, [](double a, double b) { return a * b; });
    case Opcode::kDivide:
      return each(x, y, count, [](double a, double b) { return a / b; });
    case Opcode::kModulo:
      return each(x, y, count, [](double a, double b) { return std::fmod(a, b); });
    case Opcode::kPower:
      return each(x, y, count, [](double a, double b) {
        return std::isnan(b) || (std::fabs(a) == 1.0 && std::isinf(b)) ? kNan : std::pow(a, b);
      });
    case Opcode::kMin2:
      return each(x, y, count,
                  [](double a, double b) { return std::isnan(a) || std::isnan(b) ? kNan : std::min(a, b); });
    case Opcode::kMax2:
      return each(x, y, count,
                  [](double a, double b) { return std::isnan(a) || std::isnan(b) ? kNan : std::max(a, b); });
    case Opcode::kLess:
      return each(x, y, count, [](double a, double b) { return as_number(a < b); });
    case Opcode::kLessEqual:
      return each(x, y, count, [](double a, double b) { return as_number(a <= b); });
    case Opcode::kGreater:
      return each(x, y, count, [](double a, double b) { return as_number(a > b); });
    case Opcode::kGreaterEqual:
      return each(x, y, count, [](double a, double b) { return as_number(a >= b); });
    case Opcode::kEqual:
      return each(x, y, count, [](double a, double b) { return as_number(a == b); });
    case Opcode::kNotEqual:
      return each(x, y, count, [](double a, double b) { return as_number(a != b); });
    case Opcode::kAnd:
      return each(x, y, count, [](double a, double b) { return as_number(is_truthy(a) && is_truthy(b)); });
    default:  // kOr: validate lets nothing else through
      return each(x, y, count, [](double a, double b) { return as_number(is_truthy(a) || is_truthy(b)); });
  }
}

double apply_unary(Opcode opcode, double x) noexcept {
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
  if (code.empty() || code.size() > kCheckInstructionsMax) return "the number of instructions is out of range";
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
    if (depth > kCheckStackMax) return "the stack would overflow";
  }
  return depth == 1 ? "" : "the stack does not end with one value";
}

uint32_t CheckProgram::run(std::span<const RowsView> sources, uint32_t count) const noexcept {
  PENSTOCK_DEBUG_ASSERT(count >= 1 && count <= kBlockRows);
  std::array<Lanes, kCheckStackMax> stack;
  size_t top = 0;  // one past the top
  Window window;
  for (const auto& [opcode, a, b] : code) {
    if (opcode == Opcode::kConstant) {
      std::fill_n(stack[top++].begin(), count, constants[static_cast<size_t>(a)]);
    } else if (opcode == Opcode::kLoad) {
      load_element(stack[top++], sources[static_cast<size_t>(a)], static_cast<size_t>(b), count);
    } else if (opcode == Opcode::kWindow) {
      window.start = static_cast<size_t>(a);
      if (b >= 0) window.end = static_cast<size_t>(b);
    } else if (opcode == Opcode::kMagnitudes) {
      window.is_of_magnitudes = true;
    } else if (is_reduction(opcode)) {
      reduce_rows(stack[top++], opcode, sources[static_cast<size_t>(a)], window, count);
      window = {};
    } else if (is_unary(opcode)) {
      for (uint32_t r = 0; r < count; ++r) stack[top - 1][r] = apply_unary(opcode, stack[top - 1][r]);
    } else if (opcode == Opcode::kSelect) {
      for (uint32_t r = 0; r < count; ++r)
        stack[top - 3][r] = is_truthy(stack[top - 3][r]) ? stack[top - 2][r] : stack[top - 1][r];
      top -= 2;
    } else {
      apply_binary(opcode, stack[top - 2], stack[top - 1], count);
      top -= 1;
    }
  }
  PENSTOCK_DEBUG_ASSERT(top == 1);
  uint32_t failed = 0;
  for (uint32_t r = 0; r < count; ++r) failed |= static_cast<uint32_t>(is_truthy(stack[0][r])) << r;
  return failed;
}
}  // namespace penstock

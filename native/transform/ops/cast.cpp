// Casts that lose nothing unseen: what is missing where the target has no missing value, what does not fit and what is
// no number fails its row, with 0 in its place. As numpy.astype otherwise: fractions are cut off, NaN is true. Elements
// are converted by kernel/cast.hpp; the pass in front only looks for what fails.
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>

#include "kernel/cast.hpp"
#include "transform/ops/ops.hpp"

namespace penstock::transform {
namespace {
const char* check_cast(const OpShape& shape) {
  if (!shape.is_unary()) return "a cast of other than one column to one";
  const ValueType &from = shape.input(), &to = shape.output();
  if (from.width != to.width) return "a cast that changes the width";
  if (to.is_text()) return from.is_text() ? nullptr : "a cast of numbers to texts";
  if (from.is_text() && to.dtype != Dtype::kFloat64 && to.dtype != Dtype::kInt64)
    return "a cast of texts to other than float64 or int64";
  const bool is_narrow = is_float(from.dtype) && !is_real(from.dtype);
  return is_narrow && !is_float(to.dtype) ? "a cast of 16-bit floats to integers" : nullptr;
}

// Whether `value`, its fraction cut off, is one of T.
template <typename T>
bool holds(double value) noexcept {
  // 2^digits is an exact double, the maximum may be none.
  const double above = std::ldexp(1.0, std::numeric_limits<T>::digits);
  return value < above && value > static_cast<double>(std::numeric_limits<T>::min()) - 1.0;
}
template <>
bool holds<int64_t>(double value) noexcept {
  return value < 0x1p63 && value >= -0x1p63;  // -2^63 - 1 is no double
}

void set_missing_float(std::byte* element, Dtype dtype) noexcept {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  cast_elements(element, dtype, reinterpret_cast<const std::byte*>(&nan), Dtype::kFloat32, 1);
}

void set_zero(const Frame& frame, size_t element) noexcept {
  const size_t bytes = frame.output_type().element_bytes();
  std::memset(frame.output() + element * bytes, 0, bytes);
}

// Missing elements of rows: NaN, a bit, or a failure.
void carry_missing(const Frame& frame) noexcept {
  const ValueType& to = frame.output_type();
  const uint8_t* const valid = frame.input_valid();
  if (valid == nullptr) {
    if (frame.output_valid() != nullptr) std::memset(frame.output_valid(), 1, frame.rows);
    return;
  }
  if (frame.output_valid() != nullptr) {
    std::memcpy(frame.output_valid(), valid, frame.rows);
    return;
  }
  for (uint32_t r = 0; r < frame.rows; ++r) {
    if (valid[r] != 0) continue;
    if (is_float(to.dtype)) {
      set_missing_float(frame.output() + r * to.element_bytes(), to.dtype);
    } else {
      frame.fail(r, RowErrorKind::kMissing);
      set_zero(frame, r);
    }
  }
}

template <typename Target, typename Source>
void find_misfits(const Frame& frame, bool is_bool) noexcept {
  const Source* const source = frame.input<Source>();
  uint8_t* const valid = frame.output_valid();
  const uint32_t width = frame.input_type().width;
  for (size_t e = 0; e < frame.input_elements(); ++e) {
    const auto row = static_cast<uint32_t>(e / width);
    if constexpr (std::is_floating_point_v<Source>) {
      if (std::isnan(source[e])) {
        set_zero(frame, e);
        if (valid != nullptr)
          valid[row] = 0;
        else
          frame.fail(row, RowErrorKind::kMissing);
        continue;
      }
      if (is_bool || holds<Target>(static_cast<double>(source[e]))) continue;
      frame.fail(row, RowErrorKind::kOutOfRange, FailedValue::of(static_cast<double>(source[e])));
    } else {
      if (is_bool || std::in_range<Target>(source[e])) continue;
      if (valid != nullptr && valid[row] == 0) continue;
      const bool is_wide = std::is_same_v<Source, uint64_t> && !std::in_range<int64_t>(source[e]);
      frame.fail(
          row, RowErrorKind::kOutOfRange,
          is_wide ? FailedValue::of(static_cast<double>(source[e])) : FailedValue::of(static_cast<int64_t>(source[e])));
    }
    set_zero(frame, e);
  }
}

void cast_numbers(const Frame& frame) noexcept {
  const Dtype from = frame.input_type().dtype, to = frame.output_type().dtype;
  cast_elements(frame.output(), to, frame.input(), from, frame.input_elements());
  carry_missing(frame);
  if (is_float(to) || from == to || from == Dtype::kBool) return;
  with_integer(to, [&]<typename Target>(Target) {
    if (is_real(from))
      with_real(from, [&]<typename Source>(Source) { find_misfits<Target, Source>(frame, to == Dtype::kBool); });
    else
      with_integer(from, [&]<typename Source>(Source) { find_misfits<Target, Source>(frame, to == Dtype::kBool); });
  });
}

// As Python's float() and int(): spaces around, a plus sign, nan and inf in any case.
template <typename T>
bool parse(std::string_view text, T& value) noexcept {
  constexpr std::string_view kSpaces = " \t\r\n\f\v";
  const size_t start = text.find_first_not_of(kSpaces);
  if (start == std::string_view::npos) return false;
  text = text.substr(start, text.find_last_not_of(kSpaces) - start + 1);
  if (text.size() > 1 && text[0] == '+' && text[1] != '-' && text[1] != '+') text.remove_prefix(1);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (end != text.data() + text.size()) return false;
  if constexpr (std::is_floating_point_v<T>) {
    // Too large is infinite and too small 0, as everywhere in float64; from_chars leaves the value alone.
    if (error == std::errc::result_out_of_range) {
      const size_t exponent = text.find_first_of("eE");
      const bool is_small = exponent != std::string_view::npos && text.substr(exponent + 1).starts_with('-');
      value = is_small ? 0.0 : std::numeric_limits<T>::infinity();
      if (text[0] == '-') value = -value;
      return true;
    }
  }
  return error == std::errc();
}

template <typename T>
void parse_texts(const Frame& frame) noexcept {
  const Text* const source = frame.input<Text>();
  T* const target = frame.output<T>();
  const uint8_t* const valid = frame.input_valid();
  const uint32_t width = frame.input_type().width;
  for (size_t e = 0; e < frame.input_elements(); ++e) {
    const auto row = static_cast<uint32_t>(e / width);
    target[e] = T{};
    if (valid != nullptr && valid[row] == 0) continue;
    if (parse(source[e].view(), target[e])) continue;
    frame.fail(row, RowErrorKind::kNotNumber, FailedValue::of(source[e]));
    target[e] = T{};
  }
  carry_missing(frame);
}

// Only whether texts are there changes.
void require_texts(const Frame& frame) noexcept {
  std::memcpy(frame.output(), frame.input(), frame.input_elements() * sizeof(Text));
  carry_missing(frame);
}

void run_cast(const Frame& frame) noexcept {
  if (frame.output_type().is_text())
    require_texts(frame);
  else if (!frame.input_type().is_text())
    cast_numbers(frame);
  else if (frame.output_type().dtype == Dtype::kFloat64)
    parse_texts<double>(frame);
  else
    parse_texts<int64_t>(frame);
}

// All integers of one dtype are some of the other.
bool holds_all(Dtype to, Dtype from) noexcept {
  bool is_wider = false;
  with_integer(to, [&]<typename Target>(Target) {
    with_integer(from, [&]<typename Source>(Source) {
      using Limits = std::numeric_limits<Source>;
      is_wider = std::in_range<Target>(Limits::min()) && std::in_range<Target>(Limits::max());
    });
  });
  return is_wider;
}

// Texts become other texts unless one is missing, and numbers floats whatever they are.
bool cast_may_fail(const OpShape& shape) {
  const ValueType &from = shape.input(), &to = shape.output();
  if (from.is_nullable && !to.is_nullable && !is_float(to.dtype)) return true;
  if (from.is_text() || to.is_text()) return !to.is_text();
  if (is_float(to.dtype) || from.dtype == to.dtype || from.dtype == Dtype::kBool) return false;
  return is_float(from.dtype) || (to.dtype != Dtype::kBool && !holds_all(to.dtype, from.dtype));
}
}  // namespace

extern const OpEntry kCastOp = {.check = check_cast, .run = run_cast, .may_fail = cast_may_fail};
}  // namespace penstock::transform

// Categories as codes, and codes as what stands for them. A lookup finds the code of each element; one-hot, ordinal and
// label-map differ in what they gather by it. The indicators are kernel/one_hot.hpp's.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "kernel/dispatch.hpp"
#include "transform/murmur3.hpp"
#include "transform/ops/ops.hpp"

namespace penstock::transform {
namespace {
constexpr auto kFails = static_cast<int64_t>(CategoryCode::kFails);

bool is_policy(int64_t code) noexcept {
  return code >= kFails && code <= INT32_MAX;
}
const char* check_lookup(const OpShape& shape) {
  if (!shape.is_unary() || shape.output().dtype != Dtype::kInt32 || shape.output().is_nullable)
    return "a lookup of other than one column to int32";
  const ValueType& from = shape.input();
  if (from.width != shape.output().width) return "a lookup that changes the width";
  const Dtype dtype = from.dtype;
  if (!is_real(dtype) && !is_integer(dtype) && dtype != Dtype::kBool && !from.is_text())
    return "a lookup of a dtype that has none";
  const Instruction& instruction = shape.instruction;
  if (instruction.keys.size() > 0 && instruction.keys.is_of_texts() != from.is_text()) return "keys of another kind";
  const bool is_fit = instruction.integers.size() == 2 && is_policy(instruction.integers[0]);
  return is_fit && is_policy(instruction.integers[1]) ? nullptr : "no code of unknown or missing values";
}

int32_t code_or_fail(const Frame& frame, uint32_t row, int64_t policy, RowErrorKind kind,
                     const FailedValue& value) noexcept {
  if (policy != kFails) return static_cast<int32_t>(policy);
  frame.fail(row, kind, value);
  return 0;
}

// `find(element)` is its code or KeyTable::kNone; `tell(element)` what a failure tells of it.
template <typename IsMissing, typename Find, typename Tell>
void look_up(const Frame& frame, IsMissing is_missing, Find find, Tell tell) noexcept {
  const int64_t unknown = frame.instruction.integers[0], missing = frame.instruction.integers[1];
  const uint8_t* const valid = frame.input_valid();
  const uint32_t width = frame.input_type().width;
  int32_t* const target = frame.output<int32_t>();
  for (size_t e = 0; e < frame.input_elements(); ++e) {
    const auto row = static_cast<uint32_t>(e / width);
    if ((valid != nullptr && valid[row] == 0) || is_missing(e)) {
      target[e] = code_or_fail(frame, row, missing, RowErrorKind::kMissing, {});
      continue;
    }
    const int32_t code = find(e);
    target[e] =
        code != KeyTable::kNone ? code : code_or_fail(frame, row, unknown, RowErrorKind::kUnknownCategory, tell(e));
  }
}

void lookup(const Frame& frame) noexcept {
  const KeyTable& keys = frame.instruction.keys;
  const auto never = [](size_t) { return false; };
  const Dtype dtype = frame.input_type().dtype;
  if (frame.input_type().is_text()) {
    const Text* const source = frame.input<Text>();
    return look_up(
        frame, never, [&](size_t e) { return keys.find(source[e].view()); },
        [&](size_t e) { return FailedValue::of(source[e]); });
  }
  if (is_real(dtype))
    return with_real(dtype, [&]<typename T>(T) {
      const T* const source = frame.input<T>();
      look_up(
          frame, [&](size_t e) { return std::isnan(source[e]); },
          [&](size_t e) { return keys.find(KeyTable::bits_of(static_cast<double>(source[e]))); },
          [&](size_t e) { return FailedValue::of(static_cast<double>(source[e])); });
    });
  with_integer(dtype, [&]<typename T>(T) {
    const T* const source = frame.input<T>();
    look_up(
        frame, never, [&](size_t e) { return keys.find(KeyTable::bits_of(static_cast<int64_t>(source[e]))); },
        [&](size_t e) { return FailedValue::of(static_cast<int64_t>(source[e])); });
  });
}

bool lookup_may_fail(const OpShape& shape) {
  return shape.instruction.integers[0] == kFails || shape.instruction.integers[1] == kFails;
}

size_t table_size(const OpShape& shape) noexcept {
  const ValueType& to = shape.output();
  return to.is_text() ? shape.instruction.texts.size() : shape.instruction.table.size() / to.element_bytes();
}
const char* check_gather(const OpShape& shape) {
  if (!shape.is_unary() || shape.input().dtype != Dtype::kInt32 || shape.input().is_nullable)
    return "other than codes to one column";
  if (shape.input().width != shape.output().width) return "a gather that changes the width";
  const size_t bytes = shape.output().element_bytes();
  const bool is_whole = shape.output().is_text() || shape.instruction.table.size() % bytes == 0;
  return is_whole && table_size(shape) > 0 ? nullptr : "no table";
}

// A code beyond the table is a missing value, -1 among them: a NaN, a bit, a failure.
template <typename T>
void gather_from(const Frame& frame, const T* table, size_t size, const T& missing, bool is_nan) noexcept {
  const int32_t* const codes = frame.input<int32_t>();
  T* const target = frame.output<T>();
  uint8_t* const valid = frame.output_valid();
  const uint32_t width = frame.input_type().width;
  if (valid != nullptr) std::memset(valid, 1, frame.rows);
  for (size_t e = 0; e < frame.input_elements(); ++e) {
    const auto code = static_cast<uint32_t>(codes[e]);
    if (code < size) {
      target[e] = table[code];
      continue;
    }
    target[e] = missing;
    if (is_nan) continue;
    const auto row = static_cast<uint32_t>(e / width);
    if (valid != nullptr)
      valid[row] = 0;
    else
      frame.fail(row, RowErrorKind::kMissing);
  }
}
bool gather_may_fail(const OpShape& shape) {
  return !shape.output().is_nullable && !is_real(shape.output().dtype);
}
void gather(const Frame& frame) noexcept {
  const Instruction& instruction = frame.instruction;
  const ValueType& to = frame.output_type();
  if (to.is_text())
    return gather_from(frame, instruction.text_views.data(), instruction.text_views.size(), Text{}, false);
  const size_t size = instruction.table.size() / to.element_bytes();
  const auto* const table = instruction.table.data();
  if (is_real(to.dtype))
    return with_real(to.dtype, [&]<typename T>(T) {
      gather_from(frame, reinterpret_cast<const T*>(table), size, std::numeric_limits<T>::quiet_NaN(), true);
    });
  with_integer(to.dtype,
               [&]<typename T>(T) { gather_from(frame, reinterpret_cast<const T*>(table), size, T{0}, false); });
}

const char* check_one_hot(const OpShape& shape) {
  if (!shape.is_unary() || shape.input().dtype != Dtype::kInt32 || shape.input().width != 1 ||
      shape.input().is_nullable)
    return "other than codes to indicators";
  if (shape.output().dtype != Dtype::kFloat32 || shape.output().is_nullable) return "indicators of other than float32";
  const bool is_fit = shape.instruction.table.size() == shape.output().width * sizeof(int32_t);
  return is_fit ? nullptr : "other than an indicator a code";
}
void one_hot(const Frame& frame) noexcept {
  const uint32_t width = frame.output_type().width;
  kernel::kernels().one_hot.int32s(frame.output<float>(), frame.input<int32_t>(), frame.rows, 1,
                                   reinterpret_cast<const int32_t*>(frame.instruction.table.data()), &width);
}

const char* check_hash(const OpShape& shape) {
  if (!shape.is_unary() || shape.output().dtype != Dtype::kInt64 || shape.output().width != shape.input().width)
    return "a hash of other than one column to int64";
  if (shape.input().is_nullable != shape.output().is_nullable) return "a hash that loses missing values";
  if (!shape.input().is_text() && shape.input().dtype != Dtype::kInt64) return "a hash of other than texts and int64";
  const std::vector<int64_t>& integers = shape.instruction.integers;
  const bool is_fit = integers.size() == 2 && integers[0] >= 0 && integers[0] <= UINT32_MAX;
  return is_fit && integers[1] >= 1 && integers[1] <= int64_t{1} << 32 ? nullptr : "no seed or buckets";
}
void hash(const Frame& frame) noexcept {
  const auto seed = static_cast<uint32_t>(frame.instruction.integers[0]);
  const int64_t buckets = frame.instruction.integers[1];
  int64_t* const target = frame.output<int64_t>();
  const bool is_text = frame.input_type().is_text();
  for (size_t e = 0; e < frame.input_elements(); ++e) {
    const std::string_view bytes =
        is_text ? frame.input<Text>()[e].view()
                : std::string_view(reinterpret_cast<const char*>(frame.input<int64_t>() + e), sizeof(int64_t));
    target[e] = static_cast<int64_t>(murmur3(bytes, seed)) % buckets;
  }
  if (frame.input_valid() != nullptr) std::memcpy(frame.output_valid(), frame.input_valid(), frame.rows);
}
}  // namespace

extern const OpEntry kLookupOp = {.check = check_lookup, .run = lookup, .may_fail = lookup_may_fail};
extern const OpEntry kGatherOp = {.check = check_gather, .run = gather, .may_fail = gather_may_fail};
extern const OpEntry kOneHotOp = {check_one_hot, one_hot};
extern const OpEntry kHashOp = {check_hash, hash};
}  // namespace penstock::transform

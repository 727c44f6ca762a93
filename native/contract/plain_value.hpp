// The values that nearly all bodies have: a number or a word that fits its dtype, read and stored without a second
// look.
#pragma once
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "contract/element.hpp"
#include "json/text/number.hpp"
#include "json/text/scan.hpp"

namespace penstock::contract {
inline constexpr uint64_t kSafeIntegerMax = (uint64_t{1} << 53) - 1;

template <typename Type>
inline uint64_t magnitude_of(Type value) noexcept {
  if constexpr (std::is_signed_v<Type>)
    if (value < 0) return uint64_t{0} - static_cast<uint64_t>(value);
  return static_cast<uint64_t>(value);
}

// Whether the integer that was read of a text is surely what its writer meant: beyond 2^53 it is digits alone.
template <typename Element>
inline bool is_exact(const char* first, const char* last, typename Element::Type value) noexcept {
  if constexpr (!Element::kIsFloat && sizeof value == 8) {
    if (magnitude_of(value) <= kSafeIntegerMax) return true;
    return std::all_of(first + (*first == '-' ? 1 : 0), last, json::is_digit);
  } else {
    return true;
  }
}

// Reads and stores one number of a dtype. Null: it is none.
template <typename Element>
inline const char* take_number(const char* at, const char* end, std::byte* target) noexcept {
  const char* const first = at;
  typename Element::Type value;
  if (Element::fit(at, end, value) != json::NumberFit::kFits || !is_exact<Element>(first, at, value)) return nullptr;
  std::memcpy(target, &value, sizeof value);
  return at;
}

template <typename Float>
[[gnu::noinline]] const char* take_long(const char* at, const char* end, std::byte* target) noexcept {
  Float value;
  bool is_read;
  if constexpr (std::is_same_v<Float, float>)
    is_read = json::read_float(at, end, value);
  else
    is_read = json::read_number(at, end, value);
  if (!is_read) return nullptr;
  std::memcpy(target, &value, sizeof value);
  return at;
}

template <typename Float>
[[gnu::always_inline]] inline const char* take_float(const char* at, const char* end, std::byte* target) noexcept {
  json::ShortNumber number;
  if (!json::scan_short(at, end, number)) return take_long<Float>(at, end, target);
  Float value;
  if constexpr (std::is_same_v<Float, float>)
    value = json::to_float(number);
  else
    value = json::to_double(number);
  std::memcpy(target, &value, sizeof value);
  return at;
}

inline const char* take_bool(const char* at, const char* end, std::byte* target) noexcept {
  json::Cursor cursor{at, end};
  const bool is_true = json::take_word(cursor, "true");
  if (!is_true && !json::take_word(cursor, "false")) return nullptr;
  *target = static_cast<std::byte>(is_true ? 1 : 0);
  return cursor.at;
}
// Dtypes that are rare in bodies: one call more.
[[gnu::noinline]] inline const char* take_rare(Dtype dtype, const char* at, const char* end,
                                               std::byte* target) noexcept {
  const char* behind = nullptr;
  with_number(dtype, [&](auto element) { behind = take_number<decltype(element)>(at, end, target); });
  return behind;
}

// The bytes behind a value at `at`, which is now at `target`. Null: it is no such value, and nothing was stored.
[[gnu::always_inline]] inline const char* take_plain(Dtype dtype, const char* at, const char* end,
                                                     std::byte* target) noexcept {
  switch (dtype) {
    case Dtype::kFloat32:
      return take_float<float>(at, end, target);
    case Dtype::kFloat64:
      return take_float<double>(at, end, target);
    case Dtype::kInt64:
      return take_number<Int64>(at, end, target);
    case Dtype::kInt32:
      return take_number<Int32>(at, end, target);
    case Dtype::kBool:
      return take_bool(at, end, target);
    case Dtype::kString:
      return nullptr;
    default:
      return take_rare(dtype, at, end, target);
  }
}
}  // namespace penstock::contract

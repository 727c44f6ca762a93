#include "json/text/read.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>

#include "core/half.hpp"
#include "json/text/number.hpp"

namespace penstock::json {
size_t Elements::capacity_for(size_t bytes) const noexcept {
  return bytes <= capacity_ ? capacity_ : std::max({bytes, 2 * capacity_, size_t{4096}});
}

bool Elements::reserve(size_t bytes) noexcept {
  if (bytes <= capacity_) return true;
  const size_t wanted = capacity_for(bytes);
  void* const grown = std::realloc(memory_.get(), wanted);
  if (grown == nullptr) return false;
  static_cast<void>(memory_.release());
  memory_.reset(static_cast<std::byte*>(grown));
  capacity_ = wanted;
  return true;
}

void Elements::trim() noexcept {
  if (capacity_ <= kKeptBytesMax) return;
  memory_.reset();
  capacity_ = 0;
}

namespace {
// One element of each dtype: how it is read, and when a number does not fit.
struct Float32 {
  using Type = float;
  static constexpr float kMissing = std::numeric_limits<float>::quiet_NaN();
  static bool read(Cursor& cursor, float& element) noexcept { return read_float(cursor.at, cursor.end, element); }
};

struct Float64 {
  using Type = double;
  static constexpr double kMissing = std::numeric_limits<double>::quiet_NaN();
  static bool read(Cursor& cursor, double& element) noexcept { return read_number(cursor.at, cursor.end, element); }
};

// Up to 32 bits: any number that is an integer in range, 1.0 and 1e2 as well.
template <typename Integer>
struct Narrow {
  using Type = Integer;
  static bool read(Cursor& cursor, Integer& element) noexcept {
    double value;
    if (!read_number(cursor.at, cursor.end, value)) return false;
    if (!(value >= static_cast<double>(std::numeric_limits<Integer>::min()) &&
          value <= static_cast<double>(std::numeric_limits<Integer>::max())))
      return false;
    element = static_cast<Integer>(value);
    return static_cast<double>(element) == value;
  }
};

// 64 bits: digits alone, for a double would round them.
template <typename Integer>
struct Wide {
  using Type = Integer;
  static bool read(Cursor& cursor, Integer& element) noexcept {
    const char* const first = cursor.at;
    const bool is_negative = first < cursor.end && *first == '-';
    if (std::is_unsigned_v<Integer> && is_negative) return false;
    const char* const digits = first + (is_negative ? 1 : 0);
    if (cursor.end - digits >= 2 && *digits == '0' && is_digit(digits[1])) return false;
    const auto result = std::from_chars(first, cursor.end, element);
    if (result.ec != std::errc{}) return false;
    cursor.at = result.ptr;
    return cursor.at == cursor.end || (*cursor.at != '.' && *cursor.at != 'e' && *cursor.at != 'E');
  }
};

struct Bool {
  using Type = uint8_t;
  static bool read(Cursor& cursor, uint8_t& element) noexcept {
    const auto left = static_cast<size_t>(cursor.end - cursor.at);
    if (left >= 4 && std::memcmp(cursor.at, "true", 4) == 0) return take(cursor, 4, 1, element);
    if (left >= 5 && std::memcmp(cursor.at, "false", 5) == 0) return take(cursor, 5, 0, element);
    double value;
    if (!read_number(cursor.at, cursor.end, value) || (value != 0 && value != 1)) return false;
    element = value == 1 ? 1 : 0;
    return true;
  }
  static bool take(Cursor& cursor, size_t length, uint8_t value, uint8_t& element) noexcept {
    cursor.at += length;
    element = value;
    return true;
  }
};

// 16 bits; finite values only.
template <typename Format>
struct Half {
  using Type = uint16_t;
  static constexpr uint16_t kMissing = Format::kNan;
  static bool read(Cursor& cursor, uint16_t& element) noexcept {
    double value;
    return read_number(cursor.at, cursor.end, value) && Format::narrow(value, element);
  }
};

// The same, or null for a missing element.
template <typename Element>
struct OrMissing {
  using Type = typename Element::Type;
  static bool read(Cursor& cursor, Type& element) noexcept {
    if (Element::read(cursor, element)) return true;
    if (cursor.end - cursor.at < 4 || std::memcmp(cursor.at, "null", 4) != 0) return false;
    cursor.at += 4;
    element = Element::kMissing;
    return true;
  }
};

template <typename Element>
class NestReader {
 public:
  using Type = typename Element::Type;

  NestReader(Cursor& cursor, size_t count_max, Elements& elements, Nest& nest) noexcept
      : cursor_(cursor), count_max_(count_max), elements_(elements), nest_(nest) {}

  bool read() noexcept {
    if (cursor_.peek() != '[') return append();
    std::array<int64_t, kRankMax> counts;
    size_t depth = 0;
    bool has_rank = false;
    for (;;) {
      // Before a value, inside `depth` arrays.
      if (cursor_.take('[')) {
        if (depth == (has_rank ? nest_.rank : kRankMax)) return false;
        ++nest_.arrays;
        counts[depth++] = 0;
        if (!has_rank) nest_.dims[depth - 1] = -1;
        continue;
      }
      if (!has_rank) nest_.rank = depth;
      if (depth != nest_.rank) return false;
      has_rank = true;
      if (!read_run(counts[depth - 1])) return false;
      // Behind a closing bracket: the array ended, and maybe those around it.
      for (;;) {
        --depth;
        int64_t& dim = nest_.dims[depth];
        if (dim < 0) dim = counts[depth];
        if (dim != counts[depth]) return false;
        if (depth == 0) return true;
        ++counts[depth - 1];
        if (cursor_.take(',')) break;
        if (!cursor_.take(']')) return false;
      }
    }
  }

 private:
  // A value without brackets.
  bool append() noexcept {
    Type element;
    if (count_max_ == 0 || !elements_.reserve(sizeof(Type)) || !Element::read(cursor_, element)) return false;
    std::memcpy(elements_.data(), &element, sizeof(Type));
    nest_.count = 1;
    return true;
  }

  // The elements of one innermost array, up to and with its bracket. What the loop touches is local: as members the
  // compiler would have to write them back for every element it stores.
  bool read_run(int64_t& length) noexcept {
    Cursor cursor = cursor_;
    const size_t before = nest_.count;
    size_t count = before;
    size_t room = 0;
    std::byte* memory = nullptr;
    for (;;) {
      if (count >= room) {
        if (count == count_max_ || !elements_.reserve((count + 1) * sizeof(Type))) return false;
        room = std::min(count_max_, elements_.capacity() / sizeof(Type));
        memory = elements_.data();
      }
      cursor.skip_space();
      Type element;
      if (!Element::read(cursor, element)) return false;
      std::memcpy(memory + count * sizeof(Type), &element, sizeof(Type));
      ++count;
      if (cursor.at < cursor.end && *cursor.at == ',') {
        ++cursor.at;
        continue;
      }
      if (!cursor.take(',')) break;
    }
    cursor_ = cursor;
    nest_.count = count;
    length = static_cast<int64_t>(count - before);
    return cursor_.take(']');
  }

  Cursor& cursor_;
  const size_t count_max_;
  Elements& elements_;
  Nest& nest_;
};

template <typename Element>
bool read_as(Cursor& cursor, size_t count_max, Elements& elements, Nest& nest) noexcept {
  return NestReader<Element>(cursor, count_max, elements, nest).read();
}

// Floats. Nests without null, which are nearly all, are read by a loop that knows of none: a second way out of it costs
// each number some percent. What that loop does not take is read again from the start.
template <typename Element>
bool read_float_as(Cursor& cursor, size_t count_max, Elements& elements, Nest& nest) noexcept {
  const Cursor start = cursor;
  if (read_as<Element>(cursor, count_max, elements, nest)) return true;
  cursor = start;
  nest = Nest{};
  return read_as<OrMissing<Element>>(cursor, count_max, elements, nest);
}
}  // namespace

bool read_nest(Cursor& cursor, Dtype dtype, size_t count_max, Elements& elements, Nest& nest) noexcept {
  nest = Nest{};
  switch (dtype) {
    case Dtype::kFloat32:
      return read_float_as<Float32>(cursor, count_max, elements, nest);
    case Dtype::kFloat64:
      return read_float_as<Float64>(cursor, count_max, elements, nest);
    case Dtype::kInt8:
      return read_as<Narrow<int8_t>>(cursor, count_max, elements, nest);
    case Dtype::kUint8:
      return read_as<Narrow<uint8_t>>(cursor, count_max, elements, nest);
    case Dtype::kInt16:
      return read_as<Narrow<int16_t>>(cursor, count_max, elements, nest);
    case Dtype::kUint16:
      return read_as<Narrow<uint16_t>>(cursor, count_max, elements, nest);
    case Dtype::kInt32:
      return read_as<Narrow<int32_t>>(cursor, count_max, elements, nest);
    case Dtype::kUint32:
      return read_as<Narrow<uint32_t>>(cursor, count_max, elements, nest);
    case Dtype::kInt64:
      return read_as<Wide<int64_t>>(cursor, count_max, elements, nest);
    case Dtype::kUint64:
      return read_as<Wide<uint64_t>>(cursor, count_max, elements, nest);
    case Dtype::kFloat16:
      return read_float_as<Half<Float16>>(cursor, count_max, elements, nest);
    case Dtype::kBfloat16:
      return read_float_as<Half<Bfloat16>>(cursor, count_max, elements, nest);
    case Dtype::kBool:
      return read_as<Bool>(cursor, count_max, elements, nest);
    case Dtype::kString:
      return false;
  }
  return false;
}
}  // namespace penstock::json

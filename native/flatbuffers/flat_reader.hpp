// Reads FlatBuffers that a stranger sent: every offset and length is checked against the buffer before it is followed,
// and nothing needs alignment. Only what our messages use: tables, scalars, strings, vectors.
// Format: https://flatbuffers.dev/internals/ (a table begins with the signed distance back to its vtable; the vtable
// lists 16-bit field offsets, 0 = absent; vectors and strings begin with a 32-bit count).
// A view is valid as long as the buffer; functions return an absent value instead of failing.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>

namespace penstock::flatbuffers {
struct Bytes {
  const uint8_t* data = nullptr;
  size_t size = 0;

  template <typename T>
  bool holds(size_t at) const noexcept {
    return at <= size && size - at >= sizeof(T);
  }
  // The caller has checked `holds`.
  template <typename T>
  T load(size_t at) const noexcept {
    T value;
    std::memcpy(&value, data + at, sizeof(T));
    return value;
  }
};

// `count` elements of `element_bytes` from `at`, all inside the buffer.
struct Vector {
  Bytes bytes;
  size_t at = 0;
  size_t count = 0;

  bool exists() const noexcept { return bytes.data != nullptr; }
  const uint8_t* begin() const noexcept { return bytes.data + at; }
  template <typename T>
  T get(size_t index) const noexcept {
    return bytes.load<T>(at + index * sizeof(T));
  }
};

class Table {
 public:
  // False when the table or its vtable does not lie inside `bytes`.
  static bool open(Bytes bytes, size_t at, Table& table) noexcept {
    if (!bytes.holds<int32_t>(at)) return false;
    const int64_t vtable = static_cast<int64_t>(at) - bytes.load<int32_t>(at);
    if (vtable < 0 || !bytes.holds<uint32_t>(static_cast<size_t>(vtable))) return false;
    const auto vtable_at = static_cast<size_t>(vtable);
    const auto vtable_bytes = bytes.load<uint16_t>(vtable_at);
    const auto table_bytes = bytes.load<uint16_t>(vtable_at + 2);
    if (vtable_bytes < 4 || vtable_bytes % 2 != 0 || bytes.size - vtable_at < vtable_bytes) return false;
    if (table_bytes < 4 || bytes.size - at < table_bytes) return false;
    table = Table(bytes, at, vtable_at, vtable_bytes, table_bytes);
    return true;
  }
  // Follows the 32-bit offset at `at`.
  static bool open_at_offset(Bytes bytes, size_t at, Table& table) noexcept {
    size_t target = 0;
    return follow(bytes, at, target) && open(bytes, target, table);
  }

  Table() = default;

  // False: the slot is present but lies outside the table.
  template <typename T>
  bool scalar(uint16_t slot, T& value) const noexcept {
    size_t at = 0;
    if (!find(slot, sizeof(T), at)) return false;
    if (at != 0) value = bytes_.load<T>(at);
    return true;
  }
  template <typename T>
  bool optional_scalar(uint16_t slot, std::optional<T>& value) const noexcept {
    size_t at = 0;
    if (!find(slot, sizeof(T), at)) return false;
    if (at != 0) value = bytes_.load<T>(at);
    return true;
  }
  // Absent: `vector.exists()` is false and the result true.
  bool vector(uint16_t slot, size_t element_bytes, Vector& vector) const noexcept {
    size_t at = 0;
    if (!find(slot, sizeof(uint32_t), at)) return false;
    return at == 0 || open_vector(bytes_, at, element_bytes, vector);
  }
  bool string(uint16_t slot, std::optional<std::string_view>& text) const noexcept {
    Vector characters;
    if (!vector(slot, 1, characters)) return false;
    if (characters.exists()) text = as_text(characters);
    return true;
  }
  // Where the value of a scalar lies in the buffer, for those who fill it in; 0: absent, or outside the table.
  size_t place_of(uint16_t slot, size_t width) const noexcept {
    size_t at = 0;
    return find(slot, width, at) ? at : 0;
  }
  bool table(uint16_t slot, Table& child) const noexcept {
    size_t at = 0;
    return find(slot, sizeof(uint32_t), at) && at != 0 && open_at_offset(bytes_, at, child);
  }

  static bool open_vector(Bytes bytes, size_t at, size_t element_bytes, Vector& vector) noexcept {
    size_t target = 0;
    if (!follow(bytes, at, target) || !bytes.holds<uint32_t>(target)) return false;
    const size_t count = bytes.load<uint32_t>(target);
    if (count > (bytes.size - target - 4) / element_bytes) return false;
    vector = {bytes, target + 4, count};
    return true;
  }
  static std::string_view as_text(const Vector& characters) noexcept {
    return {reinterpret_cast<const char*>(characters.begin()), characters.count};
  }

 private:
  Table(Bytes bytes, size_t at, size_t vtable_at, uint16_t vtable_bytes, uint16_t table_bytes) noexcept
      : bytes_(bytes), at_(at), vtable_at_(vtable_at), vtable_bytes_(vtable_bytes), table_bytes_(table_bytes) {}

  static bool follow(Bytes bytes, size_t at, size_t& target) noexcept {
    if (!bytes.holds<uint32_t>(at)) return false;
    const size_t distance = bytes.load<uint32_t>(at);
    if (distance == 0 || distance > bytes.size - at) return false;
    target = at + distance;
    return true;
  }
  bool find(uint16_t slot, size_t width, size_t& at) const noexcept {
    at = 0;
    if (slot + 2u > vtable_bytes_) return true;  // an older writer
    const auto offset = bytes_.load<uint16_t>(vtable_at_ + slot);
    if (offset == 0) return true;
    if (offset < 4 || offset + width > table_bytes_) return false;
    at = at_ + offset;
    return true;
  }

  Bytes bytes_;
  size_t at_ = 0;
  size_t vtable_at_ = 0;
  uint16_t vtable_bytes_ = 0;
  uint16_t table_bytes_ = 0;
};
}  // namespace penstock::flatbuffers

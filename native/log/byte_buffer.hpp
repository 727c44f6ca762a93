// Bytes that grow at their end and are freed all at once: a column of rows that wait for the disk. Unlike a vector
// it never writes what the caller is about to write, and keeps its memory when it is cleared, unless it was a rare
// excess. Memory: the buffer's own. Thread: whoever holds the rows that it belongs to.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "core/assert.hpp"

namespace penstock {
class ByteBuffer {
 public:
  // What an emptied buffer keeps although it used less than an eighth of it.
  static constexpr size_t kKeptBytesMax = size_t{4} << 20;

  ByteBuffer() = default;
  ~ByteBuffer() { std::free(data_); }
  ByteBuffer(ByteBuffer&& other) noexcept { swap(other); }
  ByteBuffer& operator=(ByteBuffer&& other) noexcept {
    swap(other);
    return *this;
  }

  // Room for `bytes` more at the end, uninitialised. Valid until the next extend.
  std::byte* extend(size_t bytes) {
    if (bytes > capacity_ - size_) grow(bytes);
    std::byte* const target = data_ + size_;
    size_ += bytes;
    return target;
  }
  void append(const void* source, size_t bytes) {
    if (bytes > 0) std::memcpy(extend(bytes), source, bytes);
  }
  template <typename T>
  void append_value(T value) {
    std::memcpy(extend(sizeof(T)), &value, sizeof(T));
  }

  void clear() noexcept {
    if (capacity_ > kKeptBytesMax && size_ < capacity_ / 8) {
      std::free(std::exchange(data_, nullptr));
      capacity_ = 0;
    }
    size_ = 0;
  }
  const std::byte* data() const noexcept { return data_; }
  size_t size() const noexcept { return size_; }

 private:
  void swap(ByteBuffer& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(capacity_, other.capacity_);
  }
  void grow(size_t bytes) {
    const size_t capacity = std::max({size_ + bytes, capacity_ * 2, size_t{1024}});
    auto* const data = static_cast<std::byte*>(std::realloc(data_, capacity));
    PENSTOCK_ASSERT(data != nullptr);
    data_ = data;
    capacity_ = capacity;
  }

  std::byte* data_ = nullptr;
  size_t size_ = 0;
  size_t capacity_ = 0;
};
}  // namespace penstock

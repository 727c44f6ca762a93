// A 64-byte aligned block of memory, zeroed by the kernel on first touch when it is large. Batches own one each; the
// external ArrayBuffers made over it in every isolate share the ownership, so that a late finaliser is harmless.
#pragma once
#include <cstddef>
#include <cstdlib>
#include <memory>

namespace penstock {
constexpr size_t kAlignmentBytes = 64;

constexpr size_t align_up(size_t value, size_t alignment) noexcept {
  return (value + alignment - 1) / alignment * alignment;
}

class Block {
 public:
  // Null when the system has no memory: the caller refuses the request.
  static std::shared_ptr<Block> try_make(size_t size_bytes) {
    void* const memory = std::aligned_alloc(kAlignmentBytes, align_up(size_bytes, kAlignmentBytes));
    if (memory == nullptr) return nullptr;
    return std::make_shared<Block>(static_cast<std::byte*>(memory), size_bytes);
  }
  Block(std::byte* memory, size_t size_bytes) noexcept : memory_(memory), size_bytes_(size_bytes) {}
  ~Block() { std::free(memory_); }
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;

  std::byte* data() const noexcept { return memory_; }
  size_t size_bytes() const noexcept { return size_bytes_; }

 private:
  std::byte* memory_;
  size_t size_bytes_;
};
}  // namespace penstock

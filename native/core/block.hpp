// A 64-byte aligned block of memory, zeroed. Batches own one each; the external ArrayBuffers made over it in every
// isolate share the ownership, so that a late finaliser is harmless. Large blocks are mapped, not taken from the heap:
// pages that no row ever touches cost nothing, and a block that goes gives its pages back at once (many shapes in turn
// left the heap three times as large as what was in use). It may give them back and stay, for the ArrayBuffers over it
// live until a collector looks at them. A block may be page-locked for a GPU (page_lock.hpp); then it is mapped
// whatever its size, because the driver locks whole pages and no two blocks may share one, and its pages stay.
#pragma once
#include <sys/mman.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "core/page_lock.hpp"

namespace penstock {
constexpr size_t kAlignmentBytes = 64;

constexpr size_t align_up(size_t value, size_t alignment) noexcept {
  return (value + alignment - 1) / alignment * alignment;
}

class Block {
 public:
  static constexpr size_t kMappedBytesMin = size_t{64} << 10;

  // Null when the system has no memory: the caller refuses the request.
  // @param lock what locks its pages, if it can; null: they stay as they are.
  static std::shared_ptr<Block> try_make(size_t size_bytes, const PageLock* lock = nullptr) {
    const bool is_mapped = size_bytes >= kMappedBytesMin || lock != nullptr;
    std::byte* const memory = is_mapped ? map(size_bytes) : allocate(size_bytes);
    if (memory == nullptr) return nullptr;
    const PageLock* const locked_by = lock != nullptr && lock->try_lock(memory, size_bytes) ? lock : nullptr;
    return std::make_shared<Block>(memory, size_bytes, is_mapped, locked_by);
  }
  Block(std::byte* memory, size_t size_bytes, bool is_mapped, const PageLock* locked_by) noexcept
      : memory_(memory), size_bytes_(size_bytes), is_mapped_(is_mapped), locked_by_(locked_by) {}
  ~Block() {
    if (locked_by_ != nullptr) locked_by_->release(memory_);
    if (is_mapped_)
      munmap(memory_, size_bytes_);
    else
      std::free(memory_);
  }
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;

  std::byte* data() const noexcept { return memory_; }
  size_t size_bytes() const noexcept { return size_bytes_; }
  bool is_page_locked() const noexcept { return locked_by_ != nullptr; }
  // Pages that were never touched are not there; else all of it is, from the start.
  bool is_mapped() const noexcept { return is_mapped_; }
  // Gives its pages back to the system; its bytes are zero again. False: it keeps them, and its bytes.
  bool release_pages() noexcept {
#if defined(__linux__)
    return is_mapped_ && locked_by_ == nullptr && madvise(memory_, size_bytes_, MADV_DONTNEED) == 0;
#else
    return false;  // elsewhere the advice promises neither
#endif
  }

 private:
  static std::byte* map(size_t size_bytes) noexcept {
    void* const memory = mmap(nullptr, size_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return nullptr;
#if defined(__linux__)
    // Where the system gives huge pages unasked, one row would take 2 MiB of each tensor.
    madvise(memory, size_bytes, MADV_NOHUGEPAGE);
#endif
    return static_cast<std::byte*>(memory);
  }
  static std::byte* allocate(size_t size_bytes) noexcept {
    const size_t bytes = align_up(size_bytes, kAlignmentBytes);
    void* const memory = std::aligned_alloc(kAlignmentBytes, bytes);
    if (memory != nullptr) std::memset(memory, 0, bytes);
    return static_cast<std::byte*>(memory);
  }

  std::byte* memory_;
  size_t size_bytes_;
  bool is_mapped_;
  const PageLock* locked_by_;
};
}  // namespace penstock

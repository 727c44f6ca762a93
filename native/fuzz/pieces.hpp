// Cuts what a client sends into the reads that a server may get. Each piece is a block of its own on the heap, exactly
// as long as it is, so that a sanitizer sees a read one byte beyond it; and pieces come from a seed, so that they come
// again.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>

#include "core/split_mix.hpp"

namespace penstock::fuzz {

// One read.
class Piece {
 public:
  explicit Piece(std::string_view bytes) : size_(bytes.size()), bytes_(new char[bytes.size()]) {
    if (!bytes.empty()) std::memcpy(bytes_.get(), bytes.data(), bytes.size());
  }
  std::span<char> span() noexcept { return {bytes_.get(), size_}; }
  std::string_view view() const noexcept { return {bytes_.get(), size_}; }

 private:
  size_t size_;
  std::unique_ptr<char[]> bytes_;
};

// Calls back with each of the reads; piece_bytes_max 0: one read of everything, 1: byte by byte, else of seeded
// lengths.
template <typename Callback>
void for_each_piece(std::string_view bytes, size_t piece_bytes_max, uint64_t seed, const Callback& callback) {
  for (uint64_t draw = 0; !bytes.empty(); ++draw) {
    size_t size = bytes.size();
    if (piece_bytes_max > 0)
      size = std::min(size, 1 + static_cast<size_t>(uniform(seed, draw) * static_cast<double>(piece_bytes_max)));
    callback(bytes.substr(0, size));
    bytes.remove_prefix(size);
  }
}

}  // namespace penstock::fuzz

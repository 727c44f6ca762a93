// Claims about page-locked blocks. The CUDA runtime itself is tried where there is one; a stand-in shows the pairing.
#include "core/page_lock.hpp"

#include <dlfcn.h>

#include <cstring>

#include "core/block.hpp"
#include "test/testing.hpp"

using namespace penstock;
using namespace penstock::testing;

namespace {
int registered_blocks() {
  void* const library = dlopen(PENSTOCK_CUDA_STAND_IN, RTLD_NOW);
  return reinterpret_cast<int (*)()>(dlsym(library, "registered_blocks"))();
}

bool is_zeroed_and_writable(const Block& block) {
  for (size_t i = 0; i < block.size_bytes(); ++i)
    if (block.data()[i] != std::byte{0}) return false;
  std::memset(block.data(), 1, block.size_bytes());
  return true;
}
}  // namespace

TEST("page lock: without the library, or with one that is no CUDA runtime, blocks are plain") {
  for (const char* library : {"libpenstock-no-such-library.so", "libc.so.6"}) {
    const PageLock lock(library);
    CLAIM(!lock.is_available());
    const auto block = Block::try_make(4096, &lock);
    CLAIM(block != nullptr && !block->is_page_locked() && is_zeroed_and_writable(*block));
  }
}

TEST("page lock: a block is registered while it lives, small ones on pages of their own") {
  const PageLock lock(PENSTOCK_CUDA_STAND_IN);
  CLAIM(lock.is_available());
  for (const size_t size_bytes : {size_t{64}, size_t{4096}, Block::kMappedBytesMin}) {
    auto block = Block::try_make(size_bytes, &lock);
    CLAIM(block != nullptr && block->is_page_locked() && is_zeroed_and_writable(*block));
    CLAIM(reinterpret_cast<uintptr_t>(block->data()) % 4096 == 0);
    CLAIM(registered_blocks() == 1);
    block.reset();
    CLAIM(registered_blocks() == 0);
  }
}

TEST("page lock: a block that the driver refuses is plain, and never released to it") {
  const PageLock lock(PENSTOCK_CUDA_STAND_IN);
  auto block = Block::try_make(size_t{2} << 20, &lock);
  CLAIM(block != nullptr && !block->is_page_locked() && is_zeroed_and_writable(*block));
  block.reset();
  CLAIM(registered_blocks() == 0);
}

TEST("page lock: the CUDA runtime of this machine, if it has one, locks and releases") {
  const PageLock& lock = PageLock::cuda();
  auto block = Block::try_make(Block::kMappedBytesMin, &lock);
  CLAIM(block != nullptr && is_zeroed_and_writable(*block));
  // A runtime without a GPU refuses; without a runtime nothing may claim to be locked.
  if (!lock.is_available()) CLAIM(!block->is_page_locked());
}

int main() {
  return run_all();
}

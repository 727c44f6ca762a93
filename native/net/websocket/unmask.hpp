// Takes a client's mask off a payload (RFC 6455 section 5.3), in place, 32 bytes at a time: compilers make vectors of
// it.
#pragma once

#include <cstddef>
#include <cstdint>

namespace penstock::net {

// `mask`: the four bytes as they lie in the frame, the first one for data[0]. Returns the mask as the byte behind the
// part needs it, for a payload that comes in parts.
uint32_t unmask(char* data, size_t bytes, uint32_t mask) noexcept;

}  // namespace penstock::net

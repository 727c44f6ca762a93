// How large a request may be before it is refused: what a stranger can make one connection hold, in bytes and counts.
// The defaults are the product's limits (src/protocol/boundary.json has their reasons); a server may set smaller ones.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/boundary_codes.hpp"

namespace penstock::net {

struct HttpLimits {
  // Bytes of the request line without its line end; beyond: 414.
  size_t request_line_bytes_max = kHttpRequestLineBytesMax;
  // Bytes from the first byte of a request to the end of the empty line behind its headers; beyond: 431.
  size_t head_bytes_max = kHttpHeadBytesMax;
  // Header lines, at most kHttpHeadersMax; beyond: 431.
  size_t header_count_max = kHttpHeadersMax;
  // Bytes of a body, announced or counted chunk by chunk; beyond: 413.
  uint64_t body_bytes_max = kHttpBodyBytesMax;
  // Chunks of a body; beyond: 413.
  size_t chunk_count_max = kHttpChunksMax;
  // Bytes of chunk extensions, over a whole body; beyond: 413.
  size_t chunk_extension_bytes_max = kHttpChunkExtensionBytesMax;
  // Bytes of trailer lines with their line ends; beyond: 431.
  size_t trailer_bytes_max = kHttpTrailerBytesMax;
};

}  // namespace penstock::net

// Any bytes as what a client sends over HTTP: nothing reads beyond them, and however they are cut into reads, the same
// requests, bodies and faults come out. The first two bytes of an input say how to cut.
#include <cstdint>

#include "fuzz/http_session.hpp"

namespace {

// Small, so that inputs of a few hundred bytes reach every one of them.
penstock::net::HttpLimits small_limits() noexcept {
  penstock::net::HttpLimits limits;
  limits.request_line_bytes_max = 64;
  limits.head_bytes_max = 256;
  limits.header_count_max = 6;
  limits.body_bytes_max = 300;
  limits.chunk_count_max = 6;
  limits.chunk_extension_bytes_max = 24;
  limits.trailer_bytes_max = 48;
  return limits;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const std::string_view bytes{reinterpret_cast<const char*>(data) + 2, size - 2};
  const penstock::net::HttpLimits limits = small_limits();
  const std::string whole = penstock::fuzz::http_outcome(bytes, limits, 0, 0);
  PENSTOCK_ASSERT(whole == penstock::fuzz::http_outcome(bytes, limits, size_t{1} + data[0] % 64, data[1]));
  return 0;
}

// Any bytes as the frames of a client: nothing reads or writes beyond them, and however they are cut into reads, the
// same messages, control frames and faults come out. The first two bytes of an input say how to cut.
#include <cstdint>

#include "fuzz/websocket_session.hpp"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  // Small, so that inputs of a few hundred bytes reach it.
  constexpr size_t kMessageBytesMax = 400;
  if (size < 2) return 0;
  const std::string_view bytes{reinterpret_cast<const char*>(data) + 2, size - 2};
  const std::string whole = penstock::fuzz::websocket_outcome(bytes, kMessageBytesMax, 0, 0);
  PENSTOCK_ASSERT(whole ==
                  penstock::fuzz::websocket_outcome(bytes, kMessageBytesMax, size_t{1} + data[0] % 64, data[1]));
  return 0;
}

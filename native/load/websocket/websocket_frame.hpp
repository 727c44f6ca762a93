// Frames of RFC 6455 as a client sends and receives them. Sent frames carry the mask zero: masked as the RFC asks, free
// to make, and the server pays for unmasking as it always does.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "load/client/connection.hpp"

namespace penstock::load {

inline constexpr uint8_t kOpcodeText = 1;
inline constexpr uint8_t kOpcodeBinary = 2;
inline constexpr uint8_t kOpcodeClose = 8;
inline constexpr uint8_t kOpcodePing = 9;
inline constexpr uint8_t kOpcodePong = 10;

struct Frame {
  uint8_t opcode = 0;
  bool is_final = false;
  ByteSpan payload;
};

void append_frame_header(std::vector<uint8_t>& out, uint8_t opcode, size_t payload_bytes);

enum class FrameProgress { kIncomplete, kWhole, kBroken };

// The next whole frame, consumed; its payload lives until the connection receives again.
FrameProgress next_frame(Connection& connection, Frame& frame) noexcept;

}  // namespace penstock::load

#include "net/websocket/message_reader.hpp"

#include <algorithm>
#include <cstring>

#include "core/boundary_codes.hpp"
#include "core/utf8.hpp"
#include "net/websocket/frame_writer.hpp"
#include "net/websocket/unmask.hpp"

namespace penstock::net {
namespace {

constexpr uint8_t kFinalBit = 0x80;
constexpr uint8_t kReservedBits = 0x70;
constexpr uint8_t kOpcodeBits = 0x0F;
constexpr uint8_t kMaskBit = 0x80;
constexpr uint8_t kLengthBits = 0x7F;
constexpr size_t kMaskBytes = 4;

constexpr bool is_control_opcode(uint8_t opcode) noexcept {
  return (opcode & 8) != 0;
}

constexpr bool is_opcode(uint8_t opcode) noexcept {
  return opcode <= 2 || (opcode >= 8 && opcode <= 10);
}

// Bytes of the length behind the first two.
constexpr size_t length_bytes(uint8_t second) noexcept {
  const uint8_t code = second & kLengthBits;
  return code < 126 ? 0 : code == 126 ? 2 : 8;
}

}  // namespace

MessageEvent MessageReader::next(std::span<char>& bytes) {
  if (has_lent_) {
    held_.clear();
    has_lent_ = false;
  }
  while (true) {
    if (stage_ == Stage::kEnded) {
      bytes = {};
      return {};
    }
    if (stage_ == Stage::kHeader) {
      const WebSocketFault fault = take_header(bytes);
      if (fault != WebSocketFault::kNone) return refuse(fault);
      if (stage_ == Stage::kHeader) return {};
    }
    if (bytes.empty() && rest_bytes_ > 0) return {};
    const MessageEvent event = take_payload(bytes);
    if (event.kind != MessageEvent::Kind::kNone) return event;
  }
}

WebSocketFault MessageReader::take_header(std::span<char>& bytes) noexcept {
  // Three pieces, each checked as soon as it is whole: what must be refused is refused before more of it is read.
  while (true) {
    const size_t extended = length_bytes(header_[1]);
    const size_t wanted = header_bytes_ < 2              ? 2
                          : header_bytes_ < 2 + extended ? 2 + extended
                                                         : 2 + extended + kMaskBytes;
    const size_t taken = std::min(wanted - header_bytes_, bytes.size());
    if (taken > 0) std::memcpy(header_.data() + header_bytes_, bytes.data(), taken);
    bytes = bytes.subspan(taken);
    header_bytes_ = static_cast<uint8_t>(header_bytes_ + taken);
    if (header_bytes_ < wanted) return WebSocketFault::kNone;
    if (wanted == 2) {
      const WebSocketFault fault = check_first_bytes();
      if (fault != WebSocketFault::kNone) return fault;
    }
    if (wanted == 2 + length_bytes(header_[1])) {
      const WebSocketFault fault = read_length();
      if (fault != WebSocketFault::kNone) return fault;
    } else if (wanted > 2) {
      std::memcpy(&mask_, header_.data() + wanted - kMaskBytes, kMaskBytes);
      begin_frame();
      return WebSocketFault::kNone;
    }
  }
}

WebSocketFault MessageReader::check_first_bytes() const noexcept {
  const uint8_t opcode = header_[0] & kOpcodeBits;
  if ((header_[0] & kReservedBits) != 0) return WebSocketFault::kReservedBits;
  if (!is_opcode(opcode)) return WebSocketFault::kOpcode;
  if ((header_[1] & kMaskBit) == 0) return WebSocketFault::kUnmasked;
  if (is_control_opcode(opcode)) {
    if ((header_[0] & kFinalBit) == 0) return WebSocketFault::kControlFragment;
    return (header_[1] & kLengthBits) > kControlBytesMax ? WebSocketFault::kControlBytes : WebSocketFault::kNone;
  }
  const bool continues = opcode == static_cast<uint8_t>(Opcode::kContinuation);
  if (continues == is_in_message_) return WebSocketFault::kNone;
  return continues ? WebSocketFault::kContinuation : WebSocketFault::kUnfinished;
}

WebSocketFault MessageReader::read_length() noexcept {
  const size_t extended = length_bytes(header_[1]);
  rest_bytes_ = header_[1] & kLengthBits;
  if (extended > 0) {
    rest_bytes_ = 0;
    for (size_t index = 2; index < 2 + extended; ++index) rest_bytes_ = rest_bytes_ << 8 | header_[index];
    if (rest_bytes_ >> 63 != 0) return WebSocketFault::kLengthTopBit;
    if (rest_bytes_ < (extended == 2 ? 126u : 65'536u)) return WebSocketFault::kLength;
  }
  if (is_control_opcode(header_[0] & kOpcodeBits)) return WebSocketFault::kNone;
  // Subtracted, never added: the length is a stranger's.
  if (rest_bytes_ > message_bytes_max_ - (is_in_message_ ? message_bytes_ : 0)) return WebSocketFault::kMessageBytes;
  return is_in_message_ && frame_count_ >= kWebsocketFragmentsMax ? WebSocketFault::kFragmentCount
                                                                  : WebSocketFault::kNone;
}

void MessageReader::begin_frame() noexcept {
  stage_ = Stage::kPayload;
  header_bytes_ = 0;
  control_bytes_ = 0;
  const uint8_t opcode = header_[0] & kOpcodeBits;
  if (is_control_opcode(opcode)) return;
  if (!is_in_message_) {
    is_in_message_ = true;
    is_text_ = opcode == static_cast<uint8_t>(Opcode::kText);
    message_bytes_ = 0;
    frame_count_ = 0;
    utf8_.reset();
  }
  message_bytes_ += rest_bytes_;
  ++frame_count_;
}

MessageEvent MessageReader::take_payload(std::span<char>& bytes) {
  const std::span<char> part = bytes.first(static_cast<size_t>(std::min<uint64_t>(rest_bytes_, bytes.size())));
  bytes = bytes.subspan(part.size());
  mask_ = unmask(part.data(), part.size(), mask_);
  rest_bytes_ -= part.size();
  if (rest_bytes_ == 0) stage_ = Stage::kHeader;
  return is_control_opcode(header_[0] & kOpcodeBits) ? take_control(part) : take_data(part);
}

MessageEvent MessageReader::take_control(std::span<char> part) {
  std::span<char> payload = part;
  if (rest_bytes_ > 0 || control_bytes_ > 0) {
    std::copy(part.begin(), part.end(), control_.begin() + control_bytes_);
    control_bytes_ = static_cast<uint8_t>(control_bytes_ + part.size());
    if (rest_bytes_ > 0) return {};
    payload = std::span{control_}.first(control_bytes_);
  }
  const auto opcode = static_cast<Opcode>(header_[0] & kOpcodeBits);
  if (opcode == Opcode::kClose) return end_close(payload);
  const auto kind = opcode == Opcode::kPing ? MessageEvent::Kind::kPing : MessageEvent::Kind::kPong;
  return {kind, WebSocketFault::kNone, 0, payload};
}

MessageEvent MessageReader::take_data(std::span<char> part) {
  const bool is_whole = rest_bytes_ == 0 && (header_[0] & kFinalBit) != 0;
  if (is_text_ && (!utf8_.check({part.data(), part.size()}) || (is_whole && !utf8_.is_at_end())))
    return refuse(WebSocketFault::kText);
  const bool is_in_one_piece = is_whole && held_.empty();
  if (!is_in_one_piece) held_.insert(held_.end(), part.begin(), part.end());
  if (!is_whole) return {};
  is_in_message_ = false;
  has_lent_ = !is_in_one_piece;
  const auto kind = is_text_ ? MessageEvent::Kind::kText : MessageEvent::Kind::kBinary;
  return {kind, WebSocketFault::kNone, 0, is_in_one_piece ? part : std::span{held_}};
}

MessageEvent MessageReader::end_close(std::span<char> payload) noexcept {
  if (payload.size() == 1) return refuse(WebSocketFault::kCloseBytes);
  stage_ = Stage::kEnded;
  if (payload.empty()) return {MessageEvent::Kind::kClose, WebSocketFault::kNone, kCloseCodeNone, {}};
  const auto code = static_cast<uint16_t>(static_cast<uint8_t>(payload[0]) << 8 | static_cast<uint8_t>(payload[1]));
  if (!is_close_code(code)) return refuse(WebSocketFault::kCloseCode);
  const std::span<char> reason = payload.subspan(2);
  if (!is_utf8({reason.data(), reason.size()})) return refuse(WebSocketFault::kCloseReason);
  return {MessageEvent::Kind::kClose, WebSocketFault::kNone, code, reason};
}

MessageEvent MessageReader::refuse(WebSocketFault fault) noexcept {
  stage_ = Stage::kEnded;
  return {MessageEvent::Kind::kBroken, fault, 0, {}};
}

void MessageReader::trim(size_t kept_bytes_max) {
  if (held_.capacity() <= kept_bytes_max || (!held_.empty() && !has_lent_)) return;
  has_lent_ = false;
  held_ = std::vector<char>{};
}

}  // namespace penstock::net

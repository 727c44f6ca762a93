// Reads the body behind a head as its bytes arrive: of a known length, or chunk by chunk (RFC 9112 section 7.1).
// Nothing is copied and nothing has to stay: each call takes bytes off the front of what was received and says what
// they were, so a chunk is lent where it lies and all framing may be forgotten at once.
//
//     while (true) {
//       const BodyPart part = reader.next(received);        // takes from the front of `received`
//       if (part.kind == BodyPart::Kind::kData) …part.data…
//       else break;                                          // kIncomplete, kWhole or kBroken
//     }
//
// Chunk extensions are skipped and trailers dropped unread, both checked for form and bounded over the whole body.
// Memory: the caller's. Thread: whoever reads the connection.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "net/http/fault.hpp"
#include "net/http/limits.hpp"
#include "net/http/request_parser.hpp"

namespace penstock::net {

struct BodyPart {
  enum class Kind : uint8_t {
    kIncomplete,  // all bytes are taken, more must come
    kData,        // `data` is the next part of the body; never empty
    kWhole,       // the body has ended; what is left of the bytes belongs to the next request
    kBroken,      // fault() says why; stays so
  };
  Kind kind = Kind::kIncomplete;
  // Lies in the bytes that were passed in.
  std::string_view data = {};
};

class BodyReader {
 public:
  // Begins a body. content_bytes is of kLength only.
  void begin(BodyFraming framing, uint64_t content_bytes) noexcept;
  void begin(const RequestParser& head) noexcept { begin(head.framing(), head.content_bytes()); }

  // Takes bytes off the front of `received`.
  BodyPart next(std::string_view& received, const HttpLimits& limits) noexcept;

  HttpFault fault() const noexcept { return fault_; }
  // Bytes of the body so far.
  uint64_t body_bytes() const noexcept { return body_bytes_; }
  // Bytes that are known to come: the rest of the length, or of the present chunk.
  uint64_t announced_bytes() const noexcept { return rest_bytes_; }

 private:
  enum class Stage : uint8_t {
    kLength,
    kSizeFirst,  // the first digit of a chunk's size
    kSize,
    kSizeSpace,  // white space, behind which an extension must follow
    kExtension,
    kSizeLineFeed,
    kData,
    kDataReturn,
    kDataLineFeed,
    kTrailerFirst,  // the first byte of a trailer line, or the end of the body
    kTrailerName,
    kTrailerValue,
    kTrailerLineFeed,
    kEndLineFeed,
    kWhole,
    kBroken,
  };

  BodyPart take_data(std::string_view& received) noexcept;
  void take_size_byte(char byte, const HttpLimits& limits) noexcept;
  void take_size_digit(unsigned digit, const HttpLimits& limits) noexcept;
  void end_size_line(const HttpLimits& limits) noexcept;
  void take_trailer_byte(char byte, const HttpLimits& limits) noexcept;
  void refuse(HttpFault fault) noexcept;

  Stage stage_ = Stage::kWhole;
  HttpFault fault_ = HttpFault::kNone;
  uint8_t digit_count_ = 0;
  uint32_t chunk_count_ = 0;
  uint32_t extension_bytes_ = 0;
  uint32_t trailer_bytes_ = 0;
  uint64_t rest_bytes_ = 0;
  uint64_t body_bytes_ = 0;
};

}  // namespace penstock::net

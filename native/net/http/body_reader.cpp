#include "net/http/body_reader.hpp"

#include <algorithm>

#include "net/http/characters.hpp"

namespace penstock::net {
namespace {

// Hexadecimal digits of 64 bits; more are leading zeros, which could go on for ever.
constexpr unsigned kSizeDigitsMax = 16;

// What is wrong with a control byte in a line; kNone: it begins the line's end.
HttpFault control_fault(char byte) noexcept {
  if (byte == '\r') return HttpFault::kNone;
  return byte == '\n' ? HttpFault::kLineFeed : HttpFault::kControlByte;
}

}  // namespace

void BodyReader::begin(BodyFraming framing, uint64_t content_bytes) noexcept {
  *this = BodyReader{};
  if (framing == BodyFraming::kChunked) {
    stage_ = Stage::kSizeFirst;
  } else if (framing == BodyFraming::kLength && content_bytes > 0) {
    stage_ = Stage::kLength;
    rest_bytes_ = content_bytes;
  }
}

void BodyReader::refuse(HttpFault fault) noexcept {
  if (stage_ == Stage::kBroken) return;
  stage_ = Stage::kBroken;
  fault_ = fault;
}

BodyPart BodyReader::next(std::string_view& received, const HttpLimits& limits) noexcept {
  while (true) {
    if (stage_ == Stage::kWhole) return {BodyPart::Kind::kWhole};
    if (stage_ == Stage::kBroken) return {BodyPart::Kind::kBroken};
    if (received.empty()) return {BodyPart::Kind::kIncomplete};
    if (stage_ == Stage::kLength || stage_ == Stage::kData) return take_data(received);
    const char byte = received.front();
    received.remove_prefix(1);
#ifdef PENSTOCK_FUZZ_CANARY
    // What native/fuzz must find: a read behind an equals sign without looking whether anything has come behind it.
    if (stage_ == Stage::kExtension && byte == '=' && received.data()[0] == ';') refuse(HttpFault::kChunkSize);
#endif
    if (stage_ <= Stage::kSizeLineFeed) {
      take_size_byte(byte, limits);
    } else if (stage_ <= Stage::kDataLineFeed) {
      if (byte != (stage_ == Stage::kDataReturn ? '\r' : '\n'))
        refuse(HttpFault::kChunkEnd);
      else
        stage_ = stage_ == Stage::kDataReturn ? Stage::kDataLineFeed : Stage::kSizeFirst;
    } else {
      take_trailer_byte(byte, limits);
    }
  }
}

BodyPart BodyReader::take_data(std::string_view& received) noexcept {
  const std::string_view data =
      received.substr(0, static_cast<size_t>(std::min<uint64_t>(rest_bytes_, received.size())));
  received.remove_prefix(data.size());
  rest_bytes_ -= data.size();
  body_bytes_ += data.size();
  if (rest_bytes_ == 0) stage_ = stage_ == Stage::kLength ? Stage::kWhole : Stage::kDataReturn;
  return {BodyPart::Kind::kData, data};
}

// chunk-size [ chunk-ext ] CR LF
void BodyReader::take_size_byte(char byte, const HttpLimits& limits) noexcept {
  if (stage_ == Stage::kSizeLineFeed) return byte == '\n' ? end_size_line(limits) : refuse(HttpFault::kCarriageReturn);
  if (stage_ <= Stage::kSize) {
    if (stage_ == Stage::kSizeFirst) digit_count_ = 0;
    const unsigned digit = hex_digit(byte);
    if (digit < 16) return take_size_digit(digit, limits);
    if (stage_ == Stage::kSizeFirst) return refuse(byte == '\n' ? HttpFault::kLineFeed : HttpFault::kChunkSize);
  }
  if (is_control(byte)) {
    if (control_fault(byte) != HttpFault::kNone) return refuse(control_fault(byte));
    // White space behind a size must lead to an extension.
    if (stage_ == Stage::kSizeSpace) return refuse(HttpFault::kChunkSize);
    stage_ = Stage::kSizeLineFeed;
    return;
  }
  if (stage_ != Stage::kExtension) {
    if (byte != ';' && !is_blank(byte)) return refuse(HttpFault::kChunkSize);
    stage_ = byte == ';' ? Stage::kExtension : Stage::kSizeSpace;
  }
  if (++extension_bytes_ > limits.chunk_extension_bytes_max) refuse(HttpFault::kChunkExtensionBytes);
}

void BodyReader::take_size_digit(unsigned digit, const HttpLimits& limits) noexcept {
  stage_ = Stage::kSize;
  if (++digit_count_ > kSizeDigitsMax) return refuse(HttpFault::kChunkSize);
  const uint64_t room = limits.body_bytes_max - std::min(limits.body_bytes_max, body_bytes_);
  // Before it is multiplied: FFFFFFFFFFFFFFFF is a size, too.
  if (digit > room || rest_bytes_ > (room - digit) / 16) return refuse(HttpFault::kBodyBytes);
  rest_bytes_ = rest_bytes_ * 16 + digit;
}

void BodyReader::end_size_line(const HttpLimits& limits) noexcept {
  if (rest_bytes_ == 0) {
    stage_ = Stage::kTrailerFirst;
    return;
  }
  stage_ = Stage::kData;
  if (++chunk_count_ > limits.chunk_count_max) refuse(HttpFault::kChunkCount);
}

// *( field-line CR LF ) CR LF
void BodyReader::take_trailer_byte(char byte, const HttpLimits& limits) noexcept {
  // The empty line that ends the body is no part of them.
  const bool is_end = stage_ == Stage::kEndLineFeed || (stage_ == Stage::kTrailerFirst && byte == '\r');
  if (!is_end && ++trailer_bytes_ > limits.trailer_bytes_max) return refuse(HttpFault::kTrailerBytes);
  if (stage_ == Stage::kEndLineFeed || stage_ == Stage::kTrailerLineFeed) {
    if (byte != '\n') return refuse(HttpFault::kCarriageReturn);
    stage_ = stage_ == Stage::kEndLineFeed ? Stage::kWhole : Stage::kTrailerFirst;
  } else if (is_control(byte)) {
    if (control_fault(byte) != HttpFault::kNone) return refuse(control_fault(byte));
    if (stage_ == Stage::kTrailerName) return refuse(HttpFault::kTrailer);
    stage_ = stage_ == Stage::kTrailerFirst ? Stage::kEndLineFeed : Stage::kTrailerLineFeed;
  } else if (stage_ == Stage::kTrailerName && byte == ':') {
    stage_ = Stage::kTrailerValue;
  } else if (stage_ != Stage::kTrailerValue) {
    if (!is_of(byte, kTokenCharacter)) return refuse(HttpFault::kTrailer);
    stage_ = Stage::kTrailerName;
  }
}

}  // namespace penstock::net

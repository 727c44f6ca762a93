// Why a request is refused: a code that tests and logs name, the status that the client gets, and the sentence that
// tells it what was expected. After a fault nobody knows where the next request begins, so the connection ends with the
// answer. docs/internals/parsers.md has the same table for readers; a test compares both.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace penstock::net {

enum class HttpFault : uint8_t {
  kNone,
  // The request line.
  kRequestLine,
  kRequestLineBytes,
  kMethod,
  kTarget,
  kVersion,
  // Bytes and lines.
  kLineFeed,
  kCarriageReturn,
  kControlByte,
  kEmptyLines,
  kHeadBytes,
  kHeaderCount,
  kHeaderName,
  kHeaderColon,
  kHeaderSpace,
  kHeaderFold,
  // What the headers say.
  kHost,
  kHostMissing,
  kHostRepeated,
  kHostMismatch,
  kContentLength,
  kContentLengthRepeated,
  kTransferEncoding,
  kTransferEncodingRepeated,
  kTransferEncodingUnknown,
  kTransferEncodingVersion,
  kLengthAndChunked,
  kExpect,
  // The body.
  kBodyBytes,
  kChunkSize,
  kChunkEnd,
  kChunkCount,
  kChunkExtensionBytes,
  kTrailer,
  kTrailerBytes,
};
inline constexpr size_t kHttpFaultCount = static_cast<size_t>(HttpFault::kTrailerBytes) + 1;

struct HttpFaultInfo {
  HttpFault fault;
  // As logs and tests have it: "host-repeated".
  const char* name;
  // Status of the answer; 0 for kNone.
  int status;
  // The product's error code in the body of the answer.
  const char* code;
  // What was expected but received; printable ASCII without quotes, so that it stands in JSON as it is.
  const char* sentence;
};

const HttpFaultInfo& http_fault_info(HttpFault fault) noexcept;

}  // namespace penstock::net

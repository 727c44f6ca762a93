// The request headers that the server itself reads, by number: the parser looks each name up once, and whoever wants a
// value asks by number, without comparing text. They are those of src/transport/request-headers.ts, which a test
// compares with this list, and those that say how a request is framed. Names compare without case (RFC 9110
// section 5.1).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace penstock::net {

enum class HeaderName : uint8_t {
  kOther,
  // Framing and connections: the parser reads them, handlers do not.
  kConnection,
  kContentLength,
  kExpect,
  kTransferEncoding,
  kUpgrade,
  kSecWebSocketExtensions,
  kSecWebSocketKey,
  kSecWebSocketVersion,
  // What handlers read.
  kAccept,
  kAcceptEncoding,
  kAuthorization,
  kContentEncoding,
  kContentType,
  kHost,
  kIfNoneMatch,
  kInferenceHeaderContentLength,
  kOrigin,
  kPenstockDeadlineMs,
  kPenstockPriority,
  kPenstockTiming,
  kRequestId,
  kSageMakerCustomAttributes,
  kSecFetchSite,
  kSecWebSocketProtocol,
  kTraceParent,
  kTraceState,
};
inline constexpr size_t kHeaderNameCount = static_cast<size_t>(HeaderName::kTraceState) + 1;

// In lower case; the empty text for kOther.
extern const std::array<std::string_view, kHeaderNameCount> kHeaderNames;

// The number of a name in any case; kOther when nobody reads it.
HeaderName header_name(std::string_view name) noexcept;

// Whether both are the same but for the case of ASCII letters.
bool is_same_without_case(std::string_view left, std::string_view right) noexcept;

}  // namespace penstock::net

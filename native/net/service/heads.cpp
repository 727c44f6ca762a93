#include "net/service/heads.hpp"

namespace penstock::net::service {
namespace {
// As in TypeScript, which writes the same keys; a test compares them.
constexpr HeaderName kKept[] = {HeaderName::kContentType,    HeaderName::kAccept,
                                HeaderName::kAuthorization,  HeaderName::kOrigin,
                                HeaderName::kHost,           HeaderName::kContentEncoding,
                                HeaderName::kAcceptEncoding, HeaderName::kInferenceHeaderContentLength};
// Those that belong to one request, or whose handlers are JavaScript's.
constexpr HeaderName kLeaves[] = {HeaderName::kRequestId,          HeaderName::kTraceParent,
                                  HeaderName::kTraceState,         HeaderName::kIfNoneMatch,
                                  HeaderName::kPenstockDeadlineMs, HeaderName::kPenstockPriority,
                                  HeaderName::kPenstockTiming,     HeaderName::kSageMakerCustomAttributes,
                                  HeaderName::kSecFetchSite,       HeaderName::kSecWebSocketProtocol};
}  // namespace

bool write_head_key(const RequestParser& head, std::string_view received, std::string& key) {
  if (head.method() != HttpMethod::kPost || head.has_query()) return false;
  for (const HeaderName name : kLeaves)
    if (head.has(name)) return false;
  key.assign(head.path(received));
  for (const HeaderName name : kKept) {
    if (head.is_repeated(name)) return false;
    key += '\n';
    key += head.value(name, received);
  }
  return true;
}
}  // namespace penstock::net::service

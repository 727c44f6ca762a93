#include "net/http/fault.hpp"

#include <array>

namespace penstock::net {
namespace {

constexpr const char* kArgument = "ERR_ARGUMENT";
constexpr const char* kTooLarge = "ERR_BODY_TOO_LARGE";
constexpr const char* kBodyCode = "ERR_BODY";

constexpr std::array<HttpFaultInfo, kHttpFaultCount> kHttpFaults = {{
    {HttpFault::kNone, "none", 0, "", ""},
    {HttpFault::kRequestLine, "request-line", 400, kArgument,
     "Expected a request line of method, target and HTTP/1.1 with one space between them but received another"},
    {HttpFault::kRequestLineBytes, "request-line-bytes", 414, kArgument,
     "Expected a request line of at most 16384 bytes but received a longer one. Send what is long in the body"},
    {HttpFault::kMethod, "method", 501, "ERR_METHOD",
     "Expected the method GET, HEAD, POST, PUT, DELETE, PATCH or OPTIONS but received another"},
    {HttpFault::kTarget, "target", 400, kArgument,
     "Expected the request target to be a path, or a http URL, of visible ASCII but received another. Percent-encode "
     "it"},
    {HttpFault::kVersion, "version", 505, kArgument, "Expected HTTP/1.1 or HTTP/1.0 but received another version"},
    {HttpFault::kLineFeed, "line-feed", 400, kArgument,
     "Expected lines to end in CR LF but received a LF without its CR"},
    {HttpFault::kCarriageReturn, "carriage-return", 400, kArgument,
     "Expected lines to end in CR LF but received a CR without its LF"},
    {HttpFault::kControlByte, "control-byte", 400, kArgument,
     "Expected text in the head of the request but received a control byte. TLS and HTTP/2 are not spoken here"},
    {HttpFault::kEmptyLines, "empty-lines", 400, kArgument,
     "Expected at most one empty line before the request but received more"},
    {HttpFault::kHeadBytes, "head-bytes", 431, kArgument,
     "Expected a request head of at most 122880 bytes but received a longer one"},
    {HttpFault::kHeaderCount, "header-count", 431, kArgument, "Expected at most 98 header lines but received more"},
    {HttpFault::kHeaderName, "header-name", 400, kArgument,
     "Expected the name of a header to be a token but received other characters in it"},
    {HttpFault::kHeaderColon, "header-colon", 400, kArgument,
     "Expected a header line to have a colon behind its name but received none"},
    {HttpFault::kHeaderSpace, "header-space", 400, kArgument,
     "Expected the colon of a header line right behind the name but received a space between them"},
    {HttpFault::kHeaderFold, "header-fold", 400, kArgument,
     "Expected each header on one line but received a line that begins with a space"},
    {HttpFault::kHost, "host", 400, kArgument,
     "Expected Host to be a name or an address, and perhaps a port, but received something else"},
    {HttpFault::kHostMissing, "host-missing", 400, kArgument, "Expected a Host header but received none"},
    {HttpFault::kHostRepeated, "host-repeated", 400, kArgument, "Expected one Host header but received several"},
    {HttpFault::kHostMismatch, "host-mismatch", 400, kArgument,
     "Expected Host to be the authority of the request target but received another"},
    {HttpFault::kContentLength, "content-length", 400, kArgument,
     "Expected Content-Length to be a number of bytes in decimal digits but received something else"},
    {HttpFault::kContentLengthRepeated, "content-length-repeated", 400, kArgument,
     "Expected one Content-Length header but received several"},
    {HttpFault::kTransferEncoding, "transfer-encoding", 400, kArgument,
     "Expected Transfer-Encoding to be chunked but received something else"},
    {HttpFault::kTransferEncodingRepeated, "transfer-encoding-repeated", 400, kArgument,
     "Expected one Transfer-Encoding header but received several"},
    {HttpFault::kTransferEncodingUnknown, "transfer-encoding-unknown", 501, kArgument,
     "Expected Transfer-Encoding to be chunked alone but received another coding before it. Send Content-Encoding"},
    {HttpFault::kTransferEncodingVersion, "transfer-encoding-version", 400, kArgument,
     "Expected no Transfer-Encoding in a request of HTTP/1.0 but received one. Send Content-Length"},
    {HttpFault::kLengthAndChunked, "length-and-chunked", 400, kArgument,
     "Expected either Content-Length or Transfer-Encoding but received both"},
    {HttpFault::kExpect, "expect", 417, kArgument, "Expected Expect to be 100-continue but received something else"},
    {HttpFault::kBodyBytes, "body-bytes", 413, kTooLarge, "Expected a smaller body: no route takes one of this size"},
    {HttpFault::kChunkSize, "chunk-size", 400, kBodyCode,
     "Expected the size of a chunk in hexadecimal digits but received something else"},
    {HttpFault::kChunkEnd, "chunk-end", 400, kBodyCode,
     "Expected CR LF behind the bytes of a chunk but received more than its size"},
    {HttpFault::kChunkCount, "chunk-count", 413, kTooLarge,
     "Expected fewer chunks in one body: send larger ones, or Content-Length"},
    {HttpFault::kChunkExtensionBytes, "chunk-extension-bytes", 413, kTooLarge,
     "Expected fewer bytes of chunk extensions: nobody reads them"},
    {HttpFault::kTrailer, "trailer", 400, kBodyCode,
     "Expected lines of name and value behind the last chunk but received something else"},
    {HttpFault::kTrailerBytes, "trailer-bytes", 431, kTooLarge,
     "Expected fewer bytes behind the last chunk: nobody reads trailers"},
}};

consteval bool are_http_faults_in_order() {
  for (size_t index = 0; index < kHttpFaults.size(); ++index)
    if (static_cast<size_t>(kHttpFaults[index].fault) != index) return false;
  return true;
}
static_assert(are_http_faults_in_order());

}  // namespace

const HttpFaultInfo& http_fault_info(HttpFault fault) noexcept {
  return kHttpFaults[static_cast<size_t>(fault)];
}

}  // namespace penstock::net

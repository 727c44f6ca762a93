// JSON bodies over HTTP/1.1 keep-alive, one request on the way per connection (HTTP answers in order, and no usual
// client pipelines). Requests are laid out before the load starts, head and body in one piece.
#include <algorithm>
#include <charconv>
#include <cstring>
#include <optional>
#include <string>

#include "load.hpp"

namespace flood {
namespace {

constexpr size_t kResponseBytesMax = size_t{64} << 20;

struct Response {
  int status = 0;
  std::string_view body;
  size_t size_bytes = 0;
};

// The value of a header in `head`, names compared without case; empty when absent.
std::string_view header(std::string_view head, std::string_view name) {
  const auto is_same = [](char left, char right) { return (left | 0x20) == (right | 0x20); };
  for (size_t line = head.find("\r\n"); line != std::string_view::npos; line = head.find("\r\n", line + 2)) {
    const std::string_view rest = head.substr(line + 2);
    if (rest.size() <= name.size() || rest[name.size()] != ':') continue;
    if (!std::equal(name.begin(), name.end(), rest.begin(), is_same)) continue;
    std::string_view value = rest.substr(name.size() + 1, rest.find("\r\n") - name.size() - 1);
    while (!value.empty() && value.front() == ' ') value.remove_prefix(1);
    return value;
  }
  return {};
}

// The response at the start of what was received, or nothing while it is incomplete.
std::optional<Response> read_response(std::string_view text) {
  const size_t end = text.find("\r\n\r\n");
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view head = text.substr(0, end + 2);
  Response response;
  if (head.size() < 12 || !head.starts_with("HTTP/1.1 ")) abandon("The server answered with something else than HTTP/1.1");
  std::from_chars(head.data() + 9, head.data() + 12, response.status);
  const std::string_view length = header(head, "content-length");
  size_t body_bytes = 0;
  const auto parsed = std::from_chars(length.data(), length.data() + length.size(), body_bytes);
  if (parsed.ec != std::errc{} || body_bytes > kResponseBytesMax) {
    abandon("Expected every response to carry a content-length of at most 64 MiB");
  }
  response.size_bytes = end + 4 + body_bytes;
  if (text.size() >= response.size_bytes) response.body = text.substr(end + 4, body_bytes);
  return response;
}

struct Caller {
  Connection connection;
  int64_t sent_ns = 0;
  uint32_t request = 0;
};

class HttpLoad final : public Load {
 public:
  HttpLoad(const Options& options, const RequestSet& set, Meter& meter) : options_(options), set_(set), meter_(meter) {
    callers_.resize(options.connections);
    for (size_t index = 0; index < callers_.size(); ++index) {
      callers_[index].request = static_cast<uint32_t>(index * 7 % set.requests.size());
    }
    for (const Request& request : set.requests) {
      encoded_.push_back("POST " + options.path +
                         " HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: " +
                         std::to_string(request.body.size()) + "\r\n\r\n" + request.body);
    }
  }

  size_t connection_count() const noexcept override { return callers_.size(); }
  Connection& connection(size_t index) noexcept override { return callers_[index].connection; }
  void open(size_t index) override { callers_[index].connection.connect(options_.port); }
  void start(size_t index) override { send(callers_[index]); }

  bool advance(size_t index) override {
    Caller& caller = callers_[index];
    const auto bytes = caller.connection.received();
    const auto response = read_response({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
    if (!response) return true;
    if (bytes.size() < response->size_bytes) {
      caller.connection.expect_message(response->size_bytes);
      return true;
    }
    meter_.latency.record(static_cast<uint64_t>(std::max<int64_t>(0, now_ns() - caller.sent_ns)));
    meter_.messages += 1;
    if (response->status != 200) {
      meter_.count_error(std::to_string(response->status) + " " + std::string(response->body.substr(0, 300)));
    } else if (!set_.matches_json(response->body, set_.requests[caller.request])) {
      meter_.mismatches += 1;
    }
    caller.connection.consume(response->size_bytes);
    caller.request = (caller.request + 1) % static_cast<uint32_t>(encoded_.size());
    send(caller);
    return true;
  }

 private:
  void send(Caller& caller) {
    caller.connection.append(encoded_[caller.request]);
    caller.sent_ns = now_ns();
  }

  const Options& options_;
  const RequestSet& set_;
  Meter& meter_;
  std::vector<Caller> callers_;
  std::vector<std::string> encoded_;
};

}  // namespace

std::unique_ptr<Load> make_http_load(const Options& options, const RequestSet& set, Meter& meter) {
  return std::make_unique<HttpLoad>(options, set, meter);
}

}  // namespace flood

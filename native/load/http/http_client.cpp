// HTTP/1.1 keep-alive, one request on the way per connection: HTTP answers in order, and no usual client pipelines.
// Heads are laid out before the load; a body is lent from the request set and never copied.
#include <cerrno>
#include <cstring>

#include "load/client/client.hpp"
#include "load/client/messages.hpp"
#include "load/http/http_response.hpp"
#include "load/plan/abandon.hpp"

namespace penstock::load {
namespace {

// Below this a copy is cheaper than one more piece of a sendmsg.
constexpr size_t kCopyBytesMax = 4096;
constexpr size_t kQuotedBytesMax = 300;

struct Kind {
  const RequestKind* plan;
  const RequestSet* set;
  AnswerChecker checker;
  std::vector<std::string> heads;  // with the body behind it when that is short

  Kind(const RequestKind& request, const RequestSet& requests) : plan(&request), set(&requests), checker(requests) {}
};

struct Caller {
  Connection connection;
  HttpResponseReader reader;
  Job job;
  bool is_busy = false;
};

std::string head_of(const Plan& plan, const RequestKind& kind, const Request& request) {
  std::string head = "POST " + kind.path + " HTTP/1.1\r\nHost: " + plan.host + ":" + std::to_string(plan.port) + "\r\n";
  if (!kind.content_type.empty()) head += "Content-Type: " + kind.content_type + "\r\n";
  for (const std::string& header : plan.headers) head += header + "\r\n";
  if (plan.transport == Transport::kOipBinary) {
    head += "Inference-Header-Content-Length: " + std::to_string(request.head_bytes) + "\r\n";
  }
  return head + "Content-Length: " + std::to_string(request.body.size()) + "\r\n\r\n";
}

std::string_view text_of(ByteSpan bytes) noexcept {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

class HttpClient final : public Client {
 public:
  HttpClient(const Plan& plan, const Address& address, const std::vector<RequestSet>& sets, size_t connections)
      : plan_(plan), address_(address), callers_(connections) {
    kinds_.reserve(sets.size());
    for (size_t index = 0; index < sets.size(); ++index) {
      Kind& kind = kinds_.emplace_back(plan.requests[index], sets[index]);
      for (const Request& request : sets[index].requests()) {
        std::string& head = kind.heads.emplace_back(head_of(plan, plan.requests[index], request));
        if (request.body.size() <= kCopyBytesMax) head += text_of(request.body);
      }
    }
  }

  Connection& connection(size_t index) noexcept override { return callers_[index].connection; }

  void open(size_t index, Buffer&) override {
    Connection& connection = callers_[index].connection;
    int error = 0;
    if (!connection.connect(address_))
      error = errno;
    else
      error = connection.connect_error(kSetupLimitMs);
    if (error != 0) abandon(LoadStatus::kTarget, "Cannot connect to " + address_.text + ": " + std::strerror(error));
  }

  uint32_t room(size_t index) const noexcept override {
    const Caller& caller = callers_[index];
    return !caller.is_busy && caller.connection.is_open() ? 1 : 0;
  }
  uint32_t in_flight(size_t index) const noexcept override { return callers_[index].is_busy ? 1 : 0; }

  void send(size_t index, const Job& job) override {
    Caller& caller = callers_[index];
    Kind& kind = kinds_[job.kind];
    const std::string& head = kind.heads[job.request];
    const ByteSpan body = kind.set->requests()[job.request].body;
    caller.job = job;
    caller.is_busy = true;
    caller.reader.reset();
    caller.connection.append_lent({reinterpret_cast<const uint8_t*>(head.data()), head.size()});
    if (body.size() > kCopyBytesMax) caller.connection.append_lent(body);
  }

  bool advance(size_t index, int64_t now_ns) override {
    Caller& caller = callers_[index];
    const ByteSpan received = caller.connection.received();
    if (received.empty()) return true;
    if (!caller.is_busy) return give_up_connection("the server sent bytes that nobody asked for");
    switch (caller.reader.read(text_of(received))) {
      case HttpResponseReader::Progress::kBroken:
        return give_up_connection("the server answered with something else than HTTP/1.1");
      case HttpResponseReader::Progress::kIncomplete:
        if (caller.reader.size_bytes() > 0) caller.connection.expect_message(caller.reader.size_bytes());
        return true;
      case HttpResponseReader::Progress::kWhole:
        break;
    }
    finish(caller, now_ns);
    caller.connection.consume(caller.reader.size_bytes());
    if (caller.reader.is_last()) return give_up_connection("");
    return true;
  }

  void lose(size_t index, std::string_view reason, int64_t now_ns) override {
    Caller& caller = callers_[index];
    const bool is_ended =
        caller.is_busy && caller.reader.has_begun() &&
        caller.reader.read_closed(text_of(caller.connection.received())) == HttpResponseReader::Progress::kWhole;
    if (is_ended)
      finish(caller, now_ns);
    else
      give_up(index, reason);
    caller.connection.close();
  }

  // Without waiting: what is sent before the connection stands leaves when it does.
  bool reopen(size_t index) override { return callers_[index].connection.connect(address_); }

  void give_up(size_t index, std::string_view reason) override {
    Caller& caller = callers_[index];
    if (caller.is_busy) counters().fail(caller.job, reason);
    caller.is_busy = false;
  }

 private:
  bool give_up_connection(const char* reason) {
    reason_ = reason;
    return false;
  }

  void finish(Caller& caller, int64_t now_ns) {
    const HttpResponseReader& reader = caller.reader;
    const Kind& kind = kinds_[caller.job.kind];
    const int expected = kind.plan->expect_status;
    caller.is_busy = false;
    counters().messages += 1;
    if (expected == 0 ? reader.status() / 100 != 2 : reader.status() != expected) {
      return counters().fail(caller.job, failure_of(reader, expected), now_ns);
    }
    const bool is_right = expected != 0 || is_right_answer(caller);
    counters().finish(caller.job, is_right ? Outcome::kRight : Outcome::kWrong, now_ns);
  }

  static std::string failure_of(const HttpResponseReader& reader, int expected) {
    std::string sentence = "status " + std::to_string(reader.status());
    if (expected != 0) sentence += " instead of " + std::to_string(expected);
    return sentence + ": " + std::string(reader.body().substr(0, kQuotedBytesMax));
  }

  bool is_right_answer(const Caller& caller) {
    const uint32_t request = caller.job.request;
    const std::string_view body = caller.reader.body();
    Kind& kind = kinds_[caller.job.kind];
    switch (plan_.transport) {
      case Transport::kOipJson:
      case Transport::kOipBinary:
        return kind.checker.is_right_oip(request, body, caller.reader.inference_head_bytes());
      case Transport::kHttpBinary:
        return is_right_message(kind.checker, request, {reinterpret_cast<const uint8_t*>(body.data()), body.size()});
      default:
        return kind.checker.is_right_json(request, body);
    }
  }

  const Plan& plan_;
  const Address& address_;
  std::vector<Caller> callers_;
  std::vector<Kind> kinds_;
};

}  // namespace

std::unique_ptr<Client> make_http_client(const Plan& plan, const Address& address, const std::vector<RequestSet>& sets,
                                         size_t connections) {
  return std::make_unique<HttpClient>(plan, address, sets, connections);
}

}  // namespace penstock::load

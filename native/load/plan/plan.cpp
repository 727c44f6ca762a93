#include "load/plan/plan.hpp"

#include <charconv>
#include <cmath>
#include <optional>

#include "core/boundary_codes.hpp"
#include "load/plan/abandon.hpp"

namespace penstock::load {
namespace {

constexpr uint32_t kThreadsMax = 64;
constexpr uint32_t kRowsMax = 1u << 24;
constexpr size_t kEntriesMax = 1024;
constexpr double kRateMax = 1e8;

[[noreturn]] void fail(std::string_view name, std::string_view rule, std::string_view received) {
  abandon(LoadStatus::kPlan, "Expected " + std::string(name) + " of the load plan to be " + std::string(rule) +
                                 " but received " + std::string(received));
}

uint64_t integer(std::string_view name, std::string_view text, uint64_t low, uint64_t high) {
  uint64_t value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  if (parsed.ec != std::errc{} || parsed.ptr != text.data() + text.size() || value < low || value > high) {
    fail(name, "an integer from " + std::to_string(low) + " to " + std::to_string(high), text);
  }
  return value;
}

uint32_t integer32(std::string_view name, std::string_view text, uint32_t low, uint32_t high) {
  return static_cast<uint32_t>(integer(name, text, low, high));
}

double number(std::string_view name, std::string_view text, double high) {
  double value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  if (parsed.ec != std::errc{} || parsed.ptr != text.data() + text.size() || !(value >= 0 && value <= high)) {
    fail(name, "a number from 0 to " + std::to_string(high), text);
  }
  return value;
}

// The text up to the next separator, which is taken away with it.
std::string_view take(std::string_view& text, char separator) {
  const size_t end = text.find(separator);
  const std::string_view word = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return word;
}

Transport transport_of(std::string_view text) {
  if (text == "websocket") return Transport::kWebSocket;
  if (text == "http-json") return Transport::kHttpJson;
  if (text == "http-binary") return Transport::kHttpBinary;
  if (text == "oip-json") return Transport::kOipJson;
  if (text == "oip-binary") return Transport::kOipBinary;
  fail("transport", "websocket, http-json, http-binary, oip-json or oip-binary", text);
}

Phase phase_of(std::string_view text) {
  Phase phase;
  const std::string_view span = take(text, ' ');
  if (span != "warmup" && span != "measured") fail("phase", "warmup or measured", span);
  phase.is_warmup = span == "warmup";
  const std::string_view shape = take(text, ' ');
  phase.is_open = shape == "open";
  phase.seconds = number("seconds", take(text, ' '), kBenchSecondsMax);
  if (!(phase.seconds > 0)) fail("seconds", "above 0", "0");
  if (phase.is_open) {
    phase.rate = number("rate", take(text, ' '), kRateMax);
    phase.end_rate = number("end rate", take(text, ' '), kRateMax);
  } else if (shape == "closed") {
    phase.in_flight = integer32("in flight", take(text, ' '), 1, kBenchInFlightMax);
    phase.think_ms = number("think time", take(text, ' '), 1e9);
  } else {
    fail("phase", "open or closed", shape);
  }
  if (!text.empty()) fail("phase", "a line without a rest", text);
  return phase;
}

bool set_request_field(RequestKind& request, std::string_view name, std::string_view value) {
  if (name == "weight")
    request.weight = number(name, value, 1e12);
  else if (name == "pipeline")
    request.pipeline = value;
  else if (name == "path")
    request.path = value;
  else if (name == "content-type")
    request.content_type = value;
  else if (name == "rows")
    request.rows = integer32(name, value, 0, kRowsMax);
  else if (name == "bodies")
    request.bodies_path = value;
  else if (name == "expect-status")
    request.expect_status = static_cast<int>(integer(name, value, 0, 599));
  else if (name == "expect-code")
    request.expect_codes.emplace_back(value);
  else
    return false;
  return true;
}

bool set_field(Plan& plan, std::string_view name, std::string_view value) {
  if (name == "transport")
    plan.transport = transport_of(value);
  else if (name == "host")
    plan.host = value;
  else if (name == "port")
    plan.port = static_cast<uint16_t>(integer(name, value, 1, 65'535));
  else if (name == "server-pid")
    plan.server_pid = static_cast<int>(integer(name, value, 0, 1u << 30));
  else if (name == "header")
    plan.headers.emplace_back(value);
  else if (name == "connections")
    plan.connections = integer32(name, value, 1, kBenchConnectionsMax);
  else if (name == "requests-per-frame")
    plan.requests_per_frame = integer32(name, value, 1, kInferManyMax);
  else if (name == "threads")
    plan.threads = integer32(name, value, 1, kThreadsMax);
  else if (name == "seed")
    plan.seed = integer(name, value, 0, UINT64_MAX);
  else if (name == "interval-seconds")
    plan.interval_seconds = number(name, value, kBenchSecondsMax);
  else if (name == "drain-seconds")
    plan.drain_seconds = number(name, value, kBenchSecondsMax);
  else if (name == "backlog-max")
    plan.backlog_max = integer(name, value, 1, uint64_t{1} << 32);
  else
    return false;
  return true;
}

void check(const Plan& plan) {
  if (plan.port == 0) fail("port", "given", "nothing");
  if (plan.requests.empty() || plan.requests.size() > kEntriesMax) fail("requests", "1 to 1024 kinds", "others");
  if (plan.phases.empty() || plan.phases.size() > kEntriesMax) fail("phases", "1 to 1024", "others");
  if (!(plan.interval_seconds >= 0.01)) fail("interval-seconds", "at least 0.01", "less");
  if (plan.threads > plan.connections) fail("threads", "at most the connections", std::to_string(plan.threads));
  double weights = 0;
  for (const RequestKind& request : plan.requests) {
    weights += request.weight;
    if (plan.is_http() && request.path.empty()) fail("path", "given with HTTP", "nothing");
    if (!plan.is_http() && request.pipeline.empty()) fail("pipeline", "given with WebSocket", "nothing");
  }
  if (!(weights > 0)) fail("weights", "above 0 in sum", "0");
}

}  // namespace

Plan parse_plan(std::string_view text) {
  Plan plan;
  bool is_ended = false;
  if (take(text, '\n') != "penstock-load 1") fail("the first line", "penstock-load 1", "another program's");
  while (!text.empty() && !is_ended) {
    std::string_view value = take(text, '\n');
    const std::string_view name = take(value, ' ');
    if (name == "end")
      is_ended = true;
    else if (name == "phase")
      plan.phases.push_back(phase_of(value));
    else if (name == "request")
      plan.requests.emplace_back().name = value;
    else if (!plan.requests.empty() && set_request_field(plan.requests.back(), name, value))
      continue;
    else if (!set_field(plan, name, value))
      fail("a line", "one of this version", name);
  }
  if (!is_ended) fail("the last line", "end", "a plan that was cut off");
  check(plan);
  return plan;
}

}  // namespace penstock::load

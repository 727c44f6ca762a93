// Parses the command line; see options.hpp.
#include "options.hpp"

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace flood {
namespace {

constexpr uint32_t kConnectionsMax = 4096;
constexpr uint32_t kInFlightMax = 65536;
constexpr double kSecondsMax = 3600;

[[noreturn]] void fail(std::string_view name, const char* rule, const char* received) {
  std::fprintf(stderr, "Expected %.*s to be %s but received %s\n%s", static_cast<int>(name.size()), name.data(), rule,
               received, usage());
  std::exit(2);
}

uint32_t parse_integer(std::string_view name, const char* text, uint32_t low, uint32_t high) {
  char* end = nullptr;
  const long long value = std::strtoll(text, &end, 10);
  if (end == text || *end != '\0' || value < low || value > high) fail(name, "an integer within its range", text);
  return static_cast<uint32_t>(value);
}

double parse_seconds(std::string_view name, const char* text) {
  char* end = nullptr;
  const double value = std::strtod(text, &end);
  if (end == text || *end != '\0' || !std::isfinite(value) || value < 0 || value > kSecondsMax) {
    fail(name, "seconds from 0 to 3600", text);
  }
  return value;
}

Mode parse_mode(const char* text) {
  const std::string_view mode = text;
  if (mode == "ws") return Mode::kWebSocket;
  if (mode == "http") return Mode::kHttp;
  fail("--mode", "ws or http", text);
}

void set_option(Options& options, std::string_view name, const char* value) {
  if (name == "--mode") options.mode = parse_mode(value);
  else if (name == "--port") options.port = static_cast<uint16_t>(parse_integer(name, value, 1, 65535));
  else if (name == "--path") options.path = value;
  else if (name == "--pipeline") options.pipeline = value;
  else if (name == "--requests") options.requests_path = value;
  else if (name == "--connections") options.connections = parse_integer(name, value, 1, kConnectionsMax);
  else if (name == "--in-flight") options.in_flight = parse_integer(name, value, 1, kInFlightMax);
  else if (name == "--warmup") options.warmup_seconds = parse_seconds(name, value);
  else if (name == "--seconds") options.seconds = parse_seconds(name, value);
  else if (name == "--server-pid") options.server_pid = static_cast<int>(parse_integer(name, value, 1, 1u << 30));
  else fail("the option", "one of those below", name.data());
}

}  // namespace

const char* usage() noexcept {
  return "penstock-flood --mode ws|http --port N --requests FILE [--pipeline NAME] [--path TARGET]\n"
         "               [--connections 1] [--in-flight 1] [--warmup 0.5] [--seconds 2] [--server-pid N]\n";
}

Options parse_options(int argument_count, char** arguments) {
  Options options;
  for (int index = 1; index < argument_count; index += 2) {
    if (index + 1 == argument_count) fail(arguments[index], "followed by a value", "nothing");
    set_option(options, arguments[index], arguments[index + 1]);
  }
  if (options.port == 0) fail("--port", "given", "nothing");
  if (options.requests_path.empty()) fail("--requests", "given", "nothing");
  if (options.seconds <= 0) fail("--seconds", "above 0", "0");
  if (options.mode == Mode::kWebSocket) {
    if (options.pipeline.empty()) fail("--pipeline", "given in mode ws", "nothing");
    if (options.path.empty()) options.path = "/v1/stream";
  } else {
    if (options.path.empty()) fail("--path", "given in mode http", "nothing");
    if (options.in_flight != 1) fail("--in-flight", "1 in mode http", "more");
  }
  return options;
}

}  // namespace flood

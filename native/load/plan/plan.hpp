// The plan of the generator: lines of text on stdin, which src/loadtest/native/load-process.ts makes of a LoadPlan.
// Flat lines instead of JSON because a strict reader of them is forty lines and has no depth to bound. Each line is a
// word, a space and the rest; `request` and `phase` begin an entry. The other side has checked the values with good
// words; here a wrong one ends the program.
//
//   penstock-load 1                        first line: the version of this form
//   transport websocket                    or http-json, http-binary, oip-json, oip-binary
//   host 127.0.0.1 · port 8080 · server-pid 0 · header Name: value (repeated)
//   requests-per-frame 64                  optional, WebSocket: at most, where the server offers InferMany
//   connections 16 · threads 1 · seed 7 · interval-seconds 1 · drain-seconds 5 · backlog-max 1048576
//   request NAME                           then: weight, pipeline, path, content-type, rows, bodies FILE,
//                                          expect-status S (0: an answer), expect-code ERR_… (repeated)
//   phase warmup|measured closed SECONDS IN_FLIGHT THINK_MS
//   phase warmup|measured open SECONDS RATE END_RATE
//   end                                    last line: nothing was cut off
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::load {

enum class Transport { kWebSocket, kHttpJson, kHttpBinary, kOipJson, kOipBinary };

struct RequestKind {
  std::string name;
  double weight = 1;
  std::string pipeline;
  std::string path;
  std::string content_type;
  uint32_t rows = 1;
  std::string bodies_path;
  int expect_status = 0;                  // 0: an answer is expected
  std::vector<std::string> expect_codes;  // WebSocket: failures that stand for that status
};

struct Phase {
  bool is_warmup = false;
  bool is_open = false;
  double seconds = 0;
  uint32_t in_flight = 1;  // closed: per connection
  double think_ms = 0;     // closed
  double rate = 0;         // open: per second, at the start
  double end_rate = 0;     // open: at the end
};

struct Plan {
  Transport transport = Transport::kWebSocket;
  std::string host = "127.0.0.1";
  uint16_t port = 0;
  int server_pid = 0;
  std::vector<std::string> headers;  // "Name: value"
  uint32_t connections = 1;
  uint32_t requests_per_frame = 1;
  uint32_t threads = 1;
  uint64_t seed = 0;
  double interval_seconds = 1;
  double drain_seconds = 5;  // for what is on the way when the last phase ends
  uint64_t backlog_max = uint64_t{1} << 20;
  std::vector<RequestKind> requests;
  std::vector<Phase> phases;

  bool is_http() const noexcept { return transport != Transport::kWebSocket; }
};

// Ends the process with a sentence when the text is no plan.
Plan parse_plan(std::string_view text);

}  // namespace penstock::load

// The command line of penstock-flood. Every option is `--name value`; a wrong one ends the program with a sentence.
#pragma once

#include <cstdint>
#include <string>

namespace flood {

enum class Mode { kWebSocket, kHttp };

struct Options {
  Mode mode = Mode::kWebSocket;
  uint16_t port = 0;
  std::string path;           // request target; /v1/stream for WebSocket when empty
  std::string pipeline;       // WebSocket: the pipeline to open
  std::string requests_path;  // file of request_set.hpp
  uint32_t connections = 1;
  uint32_t in_flight = 1;     // per connection; HTTP always 1
  double warmup_seconds = 0.5;
  double seconds = 2.0;
  int server_pid = 0;         // 0: do not read the server's CPU time
};

// Ends the process with status 2 and a sentence on stderr when the arguments do not fit.
Options parse_options(int argument_count, char** arguments);

const char* usage() noexcept;

}  // namespace flood

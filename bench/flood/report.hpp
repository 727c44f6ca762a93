// CPU time of this process and of the server, and the line of JSON that a run ends with.
#pragma once

#include "options.hpp"
#include "request_set.hpp"
#include "transport.hpp"

namespace flood {

// Seconds of CPU (user + system) since the process started; -1 when the server's cannot be read.
double own_cpu_seconds() noexcept;
double process_cpu_seconds(int pid);

struct Span {
  double seconds = 0;
  double own_cpu_seconds = 0;
  double server_cpu_seconds = -1;
};

// One line on stdout. Latencies are microseconds from the write of a request to the read that held its answer.
void print_report(const Options& options, const RequestSet& set, const Meter& meter, const Span& span);

}  // namespace flood

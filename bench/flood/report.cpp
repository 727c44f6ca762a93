// Prints the result of a run; see report.hpp.
#include "report.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <string>

namespace flood {
namespace {

std::string quoted(const std::string& text) {
  std::string result = "\"";
  for (const char character : text) {
    if (character == '"' || character == '\\') result += '\\';
    // Control characters carry nothing here and would need escapes of their own.
    result += static_cast<unsigned char>(character) < 0x20 ? ' ' : character;
  }
  return result + '"';
}

double seconds_of(const timeval& time) noexcept {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
}

}  // namespace

double own_cpu_seconds() noexcept {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime);
}

double process_cpu_seconds(int pid) {
  if (pid == 0) return -1;
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string line;
  if (!std::getline(file, line)) return -1;
  // The command name may hold spaces and brackets: fields are counted from the last closing bracket.
  const size_t name_end = line.rfind(')');
  unsigned long user_ticks = 0;
  unsigned long system_ticks = 0;
  if (name_end == std::string::npos ||
      std::sscanf(line.c_str() + name_end + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user_ticks,
                  &system_ticks) != 2) {
    return -1;
  }
  return static_cast<double>(user_ticks + system_ticks) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

void print_report(const Options& options, const RequestSet& set, const Meter& meter, const Span& span) {
  const auto microseconds = [](uint64_t nanoseconds) { return static_cast<double>(nanoseconds) * 1e-3; };
  const uint64_t requests = meter.latency.count();
  const double rate = static_cast<double>(requests) / span.seconds;
  std::printf(
      "{\"mode\":\"%s\",\"connections\":%u,\"inFlight\":%u,\"rowsPerRequest\":%u,\"seconds\":%.3f,\"requests\":%llu,"
      "\"requestsPerSecond\":%.1f,\"rowsPerSecond\":%.1f,\"p50Us\":%.1f,\"p95Us\":%.1f,\"p99Us\":%.1f,"
      "\"p999Us\":%.1f,\"maxUs\":%.1f,\"messages\":%llu,\"errors\":%llu,\"mismatches\":%llu,\"firstError\":%s,"
      "\"generatorCpuSeconds\":%.3f,\"serverCpuSeconds\":%.3f}\n",
      options.mode == Mode::kHttp ? "http" : "ws", options.connections, options.in_flight, set.rows_per_request,
      span.seconds, static_cast<unsigned long long>(requests), rate, rate * set.rows_per_request,
      microseconds(meter.latency.quantile(0.5)), microseconds(meter.latency.quantile(0.95)),
      microseconds(meter.latency.quantile(0.99)), microseconds(meter.latency.quantile(0.999)),
      microseconds(meter.latency.max()), static_cast<unsigned long long>(meter.messages),
      static_cast<unsigned long long>(meter.errors), static_cast<unsigned long long>(meter.mismatches),
      quoted(meter.first_error).c_str(), span.own_cpu_seconds, span.server_cpu_seconds);
}

}  // namespace flood

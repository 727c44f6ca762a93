#include "load/report/reporter.hpp"

#include <algorithm>
#include <string>

#include "load/report/json_text.hpp"

namespace penstock::load {
namespace {

double microseconds(uint64_t nanoseconds) noexcept {
  return static_cast<double>(nanoseconds) * 1e-3;
}

void print_quantiles(JsonText& json, const LatencyHistogram& latency) {
  json.key("latencyUs").open('{');
  json.key("min").number(microseconds(latency.min()), 1).key("mean").number(latency.mean() * 1e-3, 1);
  json.key("p50").number(microseconds(latency.quantile(0.5)), 1);
  json.key("p95").number(microseconds(latency.quantile(0.95)), 1);
  json.key("p99").number(microseconds(latency.quantile(0.99)), 1);
  json.key("p999").number(microseconds(latency.quantile(0.999)), 1);
  json.key("max").number(microseconds(latency.max()), 1).close('}');
}

void print_histogram(JsonText& json, const LatencyHistogram& latency) {
  json.key("histogram").open('[');
  for (size_t bucket = 0; bucket < LatencyHistogram::kBuckets; ++bucket) {
    if (latency.count_of(bucket) == 0) continue;
    json.open('[').number(microseconds(LatencyHistogram::upper_bound_of(bucket)), 3);
    json.integer(latency.count_of(bucket)).close(']');
  }
  json.close(']');
}

void print_times(JsonText& json, std::string_view name, const LatencyHistogram& latency) {
  json.key(name).open('{');
  print_quantiles(json, latency);
  print_histogram(json, latency);
  json.close('}');
}

void print_kind(JsonText& json, std::string_view name, const KindCounters& counters) {
  json.open('{').key("name").text(name);
  json.key("requests").integer(counters.requests).key("rows").integer(counters.rows);
  json.key("failures").integer(counters.failures).key("mismatches").integer(counters.mismatches);
  json.key("firstFailure").text(counters.first_failure);
  print_quantiles(json, counters.latency);
  print_histogram(json, counters.latency);
  print_times(json, "answered", counters.answered);
  print_times(json, "failed", counters.failed);
  json.close('}');
}

KindCounters sum_of(const Counters& counters) {
  KindCounters sum;
  for (const KindCounters& kind : counters.kinds()) sum.add(kind);
  return sum;
}

// Latency and counts of everything that ended within the interval, warm-up or not.
KindCounters all_of(const Counters& counters) {
  KindCounters all = sum_of(counters);
  all.add(counters.rest());
  return all;
}

}  // namespace

Reporter::Reporter(const Plan& plan, std::FILE* out)
    : plan_(plan), out_(out), intervals_(intervals_of(plan)), handed_over_(plan.threads), total_(plan) {}

void Reporter::hand_over(size_t worker, std::unique_ptr<Counters> counters) {
  const std::lock_guard lock(mutex_);
  handed_over_[worker].push_back(std::move(counters));
  has_counters_.notify_one();
}

void Reporter::run(int64_t start_ns) {
  server_before_ = usage_of(plan_.server_pid);
  own_before_ = own_cpu_seconds();
  for (const Interval& interval : intervals_) report_interval(interval, *next_counters());
  report_end(*next_counters(), start_ns);
}

// The next counters of every worker, added up.
std::unique_ptr<Counters> Reporter::next_counters() {
  std::unique_lock lock(mutex_);
  has_counters_.wait(lock, [this] {
    return std::none_of(handed_over_.begin(), handed_over_.end(),
                        [](const auto& counters) { return counters.empty(); });
  });
  auto sum = std::make_unique<Counters>(plan_);
  for (auto& counters : handed_over_) {
    sum->add(*counters.front());
    counters.pop_front();
  }
  return sum;
}

void Reporter::report_interval(const Interval& interval, const Counters& counters) {
  const double seconds = interval.end_seconds - interval.start_seconds;
  const bool is_warmup = plan_.phases[interval.phase].is_warmup;
  const ProcessUsage server = usage_of(plan_.server_pid);
  const double own = own_cpu_seconds();
  const bool is_known = server.cpu_seconds >= 0 && server_before_.cpu_seconds >= 0;
  const double server_seconds = is_known ? server.cpu_seconds - server_before_.cpu_seconds : -1;
  const double own_seconds = own - own_before_;
  server_before_ = server;
  own_before_ = own;
  total_.add(counters);
  if (!is_warmup) {
    measured_seconds_ += seconds;
    measured_due_ += counters.due;
    measured_messages_ += counters.messages;
    server_cpu_seconds_ += server_seconds;
    is_server_known_ = is_server_known_ && is_known;
    own_cpu_seconds_ += own_seconds;
    resident_bytes_max_ = std::max(resident_bytes_max_, server.resident_bytes);
  }
  const KindCounters all = all_of(counters);
  JsonText json;
  json.open('{').key("kind").text("interval").key("startSeconds").number(interval.start_seconds, 6);
  json.key("seconds").number(seconds, 6).key("isWarmup").boolean(is_warmup);
  json.key("requests").integer(all.requests).key("rows").integer(all.rows);
  json.key("failures").integer(all.failures + all.mismatches);
  json.key("offeredPerSecond").number(static_cast<double>(counters.due) / seconds, 3);
  print_quantiles(json, all.latency);
  json.key("serverCpuSeconds").number(server_seconds, 3).key("generatorCpuSeconds").number(own_seconds, 6);
  json.key("serverRssBytes").signed_integer(server.resident_bytes).close('}');
  std::fputs(json.line().c_str(), out_);
  std::fflush(out_);
}

void Reporter::report_end(const Counters& late, int64_t start_ns) {
  total_.add(late);
  measured_messages_ += late.messages;
  const double offered = measured_seconds_ > 0 ? static_cast<double>(measured_due_) / measured_seconds_ : 0;
  // Answers that count but came after the end took that time: the rate must not look better for them.
  const bool has_counted =
      std::any_of(late.kinds().begin(), late.kinds().end(), [](const KindCounters& kind) { return kind.requests > 0; });
  if (has_counted) {
    const double late_seconds =
        static_cast<double>(late.last_answer_ns - start_ns) * 1e-9 - intervals_.back().end_seconds;
    measured_seconds_ += std::max(0.0, late_seconds);
    const ProcessUsage server = usage_of(plan_.server_pid);
    if (server.cpu_seconds >= 0) server_cpu_seconds_ += server.cpu_seconds - server_before_.cpu_seconds;
    own_cpu_seconds_ += own_cpu_seconds() - own_before_;
  }
  JsonText json;
  json.open('{').key("kind").text("finished").key("seconds").number(measured_seconds_, 6);
  json.key("kinds").open('[');
  for (size_t kind = 0; kind < plan_.requests.size(); ++kind) {
    print_kind(json, plan_.requests[kind].name, total_.kinds()[kind]);
  }
  json.close(']').key("total");
  print_kind(json, "total", sum_of(total_));
  json.key("offeredPerSecond").number(offered, 3);
  json.key("serverCpuSeconds").number(is_server_known_ ? server_cpu_seconds_ : -1, 3);
  json.key("generatorCpuSeconds").number(own_cpu_seconds_, 6);
  json.key("serverRssBytesMax").signed_integer(resident_bytes_max_);
  json.key("messages").integer(measured_messages_).close('}');
  std::fputs(json.line().c_str(), out_);
  std::fflush(out_);
}

}  // namespace penstock::load

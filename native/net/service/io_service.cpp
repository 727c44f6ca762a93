#include "net/service/io_service.hpp"

#include <algorithm>
#include <utility>

#include "core/boundary_codes.hpp"
#include "core/clock.hpp"
#include "runtime/executor.hpp"

namespace penstock::net::service {
namespace {}  // namespace

void IoService::attach(StreamSink* sink) {
  const IoContext::Visit visit(context_);
  context_.sink = sink;
  context_.waker->attach(sink);
}

void IoService::end_turn() {
  const bool is_woken = context_.waker->take();
  const bool is_due = expiry_us_ != 0 && now_us() >= expiry_us_;
  if (!is_woken && !is_due && !context_.has_turn()) return;
  context_.begin_turn();
  Port& port = *context_.port;
  if (std::exchange(context_.has_appended, false))
    port.flush();
  else
    port.end_burst();  // what was looked at and not taken has read the clock
  if (port.deadline_count.load(std::memory_order_relaxed) > 0)
    expire(now_us());
  else
    expiry_us_ = 0;
  collect_answers();
  frames_.send_results();
  json_.send_replies();
  context_.counters->record_handed_over(now_ns());
  context_.end_turn();
}

int IoService::next_timeout_ms() const noexcept {
  if (expiry_us_ == 0) return -1;
  const int64_t wait_us = expiry_us_ - now_us();
  return static_cast<int>(std::clamp<int64_t>((wait_us + 999) / 1000, 0, kDeadlineMsMax));
}

void IoService::collect_answers() {
  PortCompletions completions = context_.port->collect();
  const bool is_measuring = context_.port->runtime->scheduler.is_measuring;
  while (completions.answers != nullptr) {
    Request& request = *std::exchange(completions.answers, completions.answers->next_answer);
    if (request.ready_ns != 0) ready_ns_ = request.ready_ns;
    if (request.has_timing) request.ready_ns = ready_ns_;
    expect_answer_shapes(request);
    if (is_measuring) context_.counters->add(request, ready_ns_);
    if (request.origin.is_http)
      json_.add_answer(request);
    else
      frames_.add_answer(request);
  }
}

// What has expired is answered at once: the port is notified, and collect_answers finds it.
void IoService::expire(int64_t now) {
  const int64_t scan_us = scanned_us_ + kExpiryLookUs;
  if (now < scan_us) {
    // What was admitted since the last look may end earlier than all that it found.
    expiry_us_ = expiry_us_ == 0 ? scan_us : std::min(expiry_us_, scan_us);
    return;
  }
  scanned_us_ = now;
  const int64_t next_us = expire_requests(*context_.port, now);
  expiry_us_ = next_us == 0 ? 0 : std::max(next_us, now + kExpiryLookUs);
}
}  // namespace penstock::net::service

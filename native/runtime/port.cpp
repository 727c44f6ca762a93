#include "runtime/port.hpp"

#include <algorithm>
#include <utility>

#include "core/assert.hpp"
#include "runtime/runtime.hpp"

namespace penstock {
Port::Port(std::shared_ptr<Runtime> owner, uint32_t requests_max, std::function<void()> notify)
    : runtime(std::move(owner)),
      writer(runtime->ports.take()),
      publisher(),
      requests_max_(requests_max),
      notify_(std::move(notify)) {}

Port::~Port() {
  runtime->ports.give_back(writer);
}

Request* Port::try_acquire() {
  if (free_ == nullptr) free_ = returned_.exchange(nullptr, std::memory_order_acquire);
  if (free_ == nullptr) {
    if (slot_count_ >= requests_max_) return nullptr;
    const uint32_t size = std::min(kChunk, requests_max_ - slot_count_);
    chunks_.push_back(std::make_unique<Request[]>(size));
    for (uint32_t i = size; i-- > 0;) {
      Request& request = chunks_.back()[i];
      request.port = this;
      request.slot = slot_count_ + i;
      request.next_free = std::exchange(free_, &request);
    }
    slot_count_ += size;
  }
  Request& request = *free_;
  free_ = request.next_free;
  ++request.generation;
  in_flight_.fetch_add(1, std::memory_order_relaxed);
  return &request;
}

// 21 bits of slot + 1, 32 bits of generation: exact in a JavaScript number.
uint64_t Port::number_of(const Request& request) const noexcept {
  return (uint64_t{request.generation} << 21) | (request.slot + 1);
}

Request* Port::find(uint64_t number) noexcept {
  const uint64_t slot = (number & ((1u << 21) - 1)) - 1;
  if (slot >= slot_count_) return nullptr;
  Request& request = chunks_[slot / kChunk][slot % kChunk];
  if (!request.is_live.load(std::memory_order_acquire) || request.generation != number >> 21) return nullptr;
  return &request;
}

void Port::unref(Request& request) {
  if (request.refs.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  Port& port = *request.port;
  request.is_live.store(false, std::memory_order_release);
  if (request.deadline_us != 0) port.deadline_count.fetch_sub(1, std::memory_order_relaxed);
  request.release_all();
  // Last of what it held; the port keeps the runtime.
  port.runtime->budget.release(request.charged_bytes.load(std::memory_order_relaxed));
  // The plan may die here, and the port below: hold both until the slot is home.
  const std::shared_ptr<Plan> plan = std::move(request.plan);
  const std::shared_ptr<PipelineStats> stats = std::move(request.stats);
  const std::shared_ptr<Port> owner = std::move(request.port_owner);
  plan->in_flight.fetch_sub(1, std::memory_order_release);
  stats->in_flight.fetch_sub(1, std::memory_order_relaxed);
  port.in_flight_.fetch_sub(1, std::memory_order_relaxed);
  request.next_free = port.returned_.load(std::memory_order_relaxed);
  while (!port.returned_.compare_exchange_weak(request.next_free, &request, std::memory_order_release,
                                               std::memory_order_relaxed)) {
  }
}

void Port::notify_once() {
  if (!is_notified_.exchange(true, std::memory_order_acq_rel)) notify_();
}

void Port::push(const RequestList& answers) {
  {
    std::lock_guard lock(mutex_);
    if (!is_closed()) {
      if (answers.head != nullptr) {
        (answers_.tail == nullptr ? answers_.head : answers_.tail->next_answer) = answers.head;
        answers_.tail = answers.tail;
      }
      notify_once();
      return;
    }
  }
  // Closed: nobody will read these.
  for (Request* request = answers.head; request != nullptr;) unref(*std::exchange(request, request->next_answer));
}

void Port::push_reply(JobReply reply) {
  std::lock_guard lock(mutex_);
  if (is_closed()) return;
  replies_.push_back(std::move(reply));
  notify_once();
}

PortCompletions Port::collect() {
  std::lock_guard lock(mutex_);
  is_notified_.store(false, std::memory_order_release);
  PortCompletions completions{std::exchange(answers_, {}).head, {}};
  completions.replies.swap(replies_);
  return completions;
}

void Port::close() {
  PortCompletions completions;
  {
    std::lock_guard lock(mutex_);
    if (is_closed_.exchange(true, std::memory_order_acq_rel)) return;
    completions = {std::exchange(answers_, {}).head, {}};
    replies_.clear();
  }
  publisher.flush();
  for (Request* request = completions.answers; request != nullptr;)
    unref(*std::exchange(request, request->next_answer));
}

void Completions::answer(Request& request) {
  auto group = std::find_if(port_groups_.begin(), port_groups_.end(),
                            [&](const PortGroup& known) { return known.port.get() == request.port; });
  if (group == port_groups_.end())
    group = port_groups_.insert(port_groups_.end(), PortGroup{request.port->shared_from_this(), {}});
  request.next_answer = nullptr;
  (group->answers.tail == nullptr ? group->answers.head : group->answers.tail->next_answer) = &request;
  group->answers.tail = &request;
}

void Completions::log(Request& request) {
  RequestLog* const log = request.plan_pointer->log.get();
  auto group =
      std::find_if(log_groups_.begin(), log_groups_.end(), [&](const LogGroup& known) { return known.log == log; });
  if (group == log_groups_.end()) group = log_groups_.insert(log_groups_.end(), LogGroup{log, {}});
  const bool is_in_entry = request.plan_pointer->is_log_simple && batch_ != nullptr && batch_->entries[entry_].is_whole;
  group->items.push_back({&request, is_in_entry ? batch_ : nullptr, entry_});
}

void Completions::flush_logs() {
  for (const LogGroup& group : log_groups_) group.log->append(group.items);
  log_groups_.clear();
}

void Completions::flush(int64_t ready_ns) {
  flush_logs();
  if (port_groups_.empty()) return;
  if (ready_ns == 0) ready_ns = now_ns();
  for (PortGroup& group : port_groups_) {
    // Once for all answers of the group: those behind it say 0.
    if (group.answers.head != nullptr) group.answers.head->ready_ns = ready_ns;
    group.port->push(group.answers);
  }
  port_groups_.clear();
}
}  // namespace penstock

#include "load/worker.hpp"

#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <limits>

#include "load/plan/abandon.hpp"

namespace penstock::load {
namespace {

constexpr int64_t kNever = std::numeric_limits<int64_t>::max();
constexpr int64_t kThirdOfASecondNs = 333'000'000;

int64_t nanoseconds(double seconds) noexcept {
  return static_cast<int64_t>(seconds * 1e9);
}

uint64_t seed_of(uint64_t seed, uint32_t worker) noexcept {
  return seed ^ (uint64_t{worker} * 0x9e3779b97f4a7c15);
}

std::vector<double> weights_of(const Plan& plan) {
  std::vector<double> weights;
  for (const RequestKind& request : plan.requests) weights.push_back(request.weight);
  return weights;
}

// epoll_wait counts in milliseconds, too coarse for arrivals; epoll_pwait2 (Linux 5.11) in nanoseconds. Where it is
// missing, the wait is rounded down to milliseconds and the last of them is spent asking again.
int wait_for_events(int poll, epoll_event* events, int count, int64_t wait_ns) noexcept {
#ifdef SYS_epoll_pwait2
  static thread_local bool is_missing = false;
  if (!is_missing) {
    const timespec limit{wait_ns / 1'000'000'000, wait_ns % 1'000'000'000};
    const long found = ::syscall(SYS_epoll_pwait2, poll, events, count, &limit, nullptr, 0);
    if (found >= 0 || (errno != ENOSYS && errno != EPERM)) return static_cast<int>(found);
    is_missing = true;
  }
#endif
  return ::epoll_wait(poll, events, count, static_cast<int>(wait_ns / 1'000'000));
}

size_t share_of(const Plan& plan, uint32_t index) noexcept {
  return plan.connections / plan.threads + (index < plan.connections % plan.threads ? 1 : 0);
}

}  // namespace

Worker::Worker(const Plan& plan, const Address& address, const std::vector<RequestSet>& sets, uint32_t index)
    : plan_(plan),
      sets_(sets),
      connections_(share_of(plan, index)),
      share_(static_cast<double>(connections_) / plan.connections),
      backlog_max_(std::max<uint64_t>(1, plan.backlog_max / plan.threads)),
      backlog_sentence_("the backlog of " + std::to_string(backlog_max_) +
                        " requests is full: the server is slower than the rate"),
      intervals_(intervals_of(plan)),
      arrival_random_(seed_of(plan.seed, 3 * index)),
      mix_random_(seed_of(plan.seed, 3 * index + 1)),
      think_random_(seed_of(plan.seed, 3 * index + 2)),
      mix_(weights_of(plan)),
      client_(plan.is_http() ? make_http_client(plan, address, sets, connections_)
                             : make_websocket_client(plan, address, sets, connections_)),
      counters_(std::make_unique<Counters>(plan)),
      poll_(::epoll_create1(EPOLL_CLOEXEC)),
      next_request_(plan.requests.size(), 0),
      thinking_(connections_, 0),
      is_ready_(connections_, 0),
      is_dirty_(connections_, 0) {
  if (poll_ < 0) abandon(LoadStatus::kPlan, std::string("Cannot open an epoll instance: ") + std::strerror(errno));
  scratch_.reserve(Connection::kScratchBytes);
  client_->count_into(*counters_);
}

Worker::~Worker() {
  ::close(poll_);
}

void Worker::open() {
  for (size_t index = 0; index < connections_; ++index) {
    client_->open(index, scratch_);
    poll_for_events(index);
  }
}

void Worker::run(int64_t start_ns, const HandOver& hand_over) {
  // A sleep ends when it should instead of up to 50 us later.
  ::prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
  hand_over_ = &hand_over;
  start_ns_ = start_ns;
  phase_end_ns_ = start_ns;
  const timespec start{start_ns / 1'000'000'000, start_ns % 1'000'000'000};
  while (::clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &start, nullptr) == EINTR) continue;
  begin_phase(0, now_ns());
  while (interval_ < intervals_.size()) {
    const int64_t now = now_ns();
    close_intervals(now);
    if (interval_ == intervals_.size()) break;
    take_arrivals(now);
    fire_timers(now);
    flush_dirty(now);
    int64_t until = start_ns_ + nanoseconds(intervals_[interval_].end_seconds);
    if (arrivals_) until = std::min(until, next_due_ns_);
    if (!timers_.empty()) until = std::min(until, timers_.top().at_ns);
    poll(until);
  }
  drain();
  hand_over_counters();
}

// ── phases and intervals ────────────────────────────────────────────────────────────────────────────────────────────

void Worker::begin_phase(size_t index, int64_t now) {
  phase_ = index;
  phase_start_ns_ = phase_end_ns_;
  phase_end_ns_ = phase_start_ns_ + nanoseconds(phase().seconds);
  std::fill(thinking_.begin(), thinking_.end(), 0);
  arrivals_.reset();
  counters_->counts_now = !phase().is_warmup;
  if (!phase().is_open) return begin_users(now);
  arrivals_.emplace(phase().rate * share_, phase().end_rate * share_, phase().seconds);
  draw_arrival();
  for (size_t connection = 0; connection < connections_; ++connection) mark_ready(connection);
}

// Users who think do not all begin at once: the first thought is a part of one, by chance.
void Worker::begin_users(int64_t now) {
  const double think_ns = phase().think_ms * 1e6;
  for (size_t index = 0; index < connections_; ++index) {
    for (uint32_t user = 0; think_ns > 0 && user < phase().in_flight; ++user) {
      const auto pause = static_cast<int64_t>(think_ns * think_random_.uniform());
      timers_.push({now + pause, static_cast<uint32_t>(index), false, phase_});
      thinking_[index] += 1;
    }
    refill(index, now);
  }
}

void Worker::close_intervals(int64_t now) {
  while (interval_ < intervals_.size() && now >= start_ns_ + nanoseconds(intervals_[interval_].end_seconds)) {
    // Arrivals that were due in the interval belong to it, even if this thread comes late.
    if (arrivals_) take_arrivals(start_ns_ + nanoseconds(intervals_[interval_].end_seconds));
    const bool is_phase_over = intervals_[interval_].is_last_of_phase;
    interval_ += 1;
    hand_over_counters();
    if (is_phase_over && interval_ < intervals_.size()) begin_phase(intervals_[interval_].phase, now);
  }
}

void Worker::hand_over_counters() {
  auto next = std::make_unique<Counters>(plan_);
  next->counts_now = counters_->counts_now;
  client_->count_into(*next);
  counters_.swap(next);
  (*hand_over_)(std::move(next));
}

// ── sending ─────────────────────────────────────────────────────────────────────────────────────────────────────────

void Worker::draw_arrival() {
  const double at = arrivals_->next(arrival_random_);
  next_due_ns_ = at < phase().seconds ? phase_start_ns_ + nanoseconds(at) : kNever;
}

void Worker::take_arrivals(int64_t now) {
  if (!arrivals_) return send_backlog();
  for (; next_due_ns_ <= now; draw_arrival()) {
    const Waiting arrival{next_due_ns_, phase().is_warmup ? Counts::kNo : Counts::kYes};
    counters_->due += 1;
    if (backlog_.size() < backlog_max_) {
      backlog_.push_back(arrival);
    } else {
      counters_->fail({arrival.due_ns, arrival.due_ns, 0, 0, arrival.counts}, backlog_sentence_);
    }
    send_backlog();
  }
  send_backlog();
}

void Worker::send_backlog() {
  while (!backlog_.empty() && !ready_.empty()) {
    const uint32_t index = ready_.front();
    ready_.pop_front();
    is_ready_[index] = 0;
    if (client_->room(index) == 0) continue;
    send(index, backlog_.front().due_ns, backlog_.front().counts);
    backlog_.pop_front();
    mark_ready(index);
  }
}

void Worker::refill(size_t index, int64_t now) {
  const uint32_t users = phase().in_flight;
  while (client_->in_flight(index) + thinking_[index] < users && client_->room(index) > 0) {
    send(index, now, Counts::kAsItEnds);
  }
}

void Worker::send(size_t index, int64_t due_ns, Counts counts) {
  Job job{due_ns, now_ns(), static_cast<uint32_t>(mix_.draw(mix_random_)), 0, counts};
  uint32_t& next = next_request_[job.kind];
  job.request = next;
  next = next + 1 == sets_[job.kind].requests().size() ? 0 : next + 1;
  client_->send(index, job);
  mark_dirty(index);
}

void Worker::mark_ready(size_t index) {
  if (is_ready_[index] != 0 || client_->room(index) == 0) return;
  is_ready_[index] = 1;
  ready_.push_back(static_cast<uint32_t>(index));
}

void Worker::mark_dirty(size_t index) {
  if (is_dirty_[index] != 0) return;
  is_dirty_[index] = 1;
  dirty_.push_back(static_cast<uint32_t>(index));
}

void Worker::fire_timers(int64_t now) {
  while (!timers_.empty() && timers_.top().at_ns <= now) {
    const Timer timer = timers_.top();
    timers_.pop();
    const size_t index = timer.connection;
    if (timer.is_reconnect) {
      if (client_->reopen(index))
        flush(index, now);
      else
        timers_.push({now + kReconnectPauseNs, timer.connection, true, 0});
    } else if (timer.phase == phase_) {
      thinking_[index] -= 1;
    }
    if (!is_draining_ && !phase().is_open)
      refill(index, now);
    else
      mark_ready(index);
  }
}

// ── sockets ─────────────────────────────────────────────────────────────────────────────────────────────────────────

void Worker::flush_dirty(int64_t now) {
  // Grows while it is walked when a loss sends again.
  for (size_t at = 0; at < dirty_.size(); ++at) {
    const size_t index = dirty_[at];
    is_dirty_[index] = 0;
    flush(index, now);
  }
  dirty_.clear();
}

void Worker::flush(size_t index, int64_t now) {
  Connection& connection = client_->connection(index);
  if (!connection.is_open()) return;
  client_->finish_frames(index);
  if (!connection.flush()) return lose(index, std::string("a write failed: ") + std::strerror(errno), now);
  if (!connection.is_watched || connection.has_unsent() != connection.is_watched_for_room) poll_for_events(index);
}

// Polls for room to write only while the socket has none.
void Worker::poll_for_events(size_t index) {
  Connection& connection = client_->connection(index);
  epoll_event event{};
  event.events = connection.has_unsent() ? EPOLLIN | EPOLLOUT : EPOLLIN;
  event.data.u64 = index;
  const int operation = connection.is_watched ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
  if (::epoll_ctl(poll_, operation, connection.descriptor(), &event) != 0)
    abandon(LoadStatus::kPlan, "epoll_ctl failed");
  connection.is_watched = true;
  connection.is_watched_for_room = connection.has_unsent();
}

void Worker::poll(int64_t until_ns) {
  std::array<epoll_event, 256> events;
  const int64_t wait_ns = std::clamp<int64_t>(until_ns - now_ns(), 0, kThirdOfASecondNs);
  const int count = wait_for_events(poll_, events.data(), static_cast<int>(events.size()), wait_ns);
  if (count < 0 && errno != EINTR)
    abandon(LoadStatus::kPlan, std::string("Waiting for sockets failed: ") + std::strerror(errno));
  for (int event = 0; event < count; ++event) {
    const epoll_event& ready = events[static_cast<size_t>(event)];
    serve(static_cast<size_t>(ready.data.u64), ready.events);
  }
}

void Worker::serve(size_t index, uint32_t ready) {
  Connection& connection = client_->connection(index);
  if (!connection.is_open()) return;
  const uint32_t before = client_->in_flight(index);
  if ((ready & (EPOLLIN | EPOLLERR | EPOLLHUP)) != 0) {
    const bool is_alive = connection.receive(scratch_);
    const int error = errno;
    const int64_t now = now_ns();
    if (!client_->advance(index, now)) {
      lose(index, client_->reason(), now);
    } else if (!is_alive) {
      lose(index, error == ECONNREFUSED ? "the server refused a connection" : "the server closed a connection", now);
    } else {
      connection.keep_rest();
    }
    account_answers(index, before, now);
  }
  flush(index, now_ns());
}

// What follows answers: users think or send again, connections have room again.
void Worker::account_answers(size_t index, uint32_t before, int64_t now) {
  const bool is_open = is_draining_ || phase().is_open;
  // A closed loop that follows an open one first sends what that left behind.
  if (is_open || !backlog_.empty()) {
    mark_ready(index);
    send_backlog();
    flush_dirty(now);
  }
  if (is_open) return;
  const uint32_t after = client_->in_flight(index);
  if (phase().think_ms > 0) {
    for (uint32_t answered = after; answered < before; ++answered) {
      timers_.push({now + nanoseconds(phase().think_ms * 1e-3), static_cast<uint32_t>(index), false, phase_});
      thinking_[index] += 1;
    }
  }
  refill(index, now_ns());
}

void Worker::lose(size_t index, std::string_view reason, int64_t now) {
  client_->lose(index, reason, now);
  // A server that said that it would close is asked again at once; one that failed gets a pause.
  if (reason.empty() && client_->reopen(index)) return flush(index, now);
  timers_.push({now + kReconnectPauseNs, static_cast<uint32_t>(index), true, 0});
}

// ── the end ─────────────────────────────────────────────────────────────────────────────────────────────────────────

bool Worker::has_work() const noexcept {
  if (!backlog_.empty()) return true;
  for (size_t index = 0; index < connections_; ++index) {
    if (client_->in_flight(index) > 0) return true;
  }
  return false;
}

void Worker::drain() {
  is_draining_ = true;
  arrivals_.reset();
  // The rate of a closed loop is what ended in time; what ends late is only checked.
  counters_->counts_now = false;
  const int64_t end = now_ns() + nanoseconds(plan_.drain_seconds);
  for (int64_t now = now_ns(); now < end && has_work(); now = now_ns()) {
    send_backlog();
    fire_timers(now);
    flush_dirty(now);
    poll(timers_.empty() ? end : std::min(end, timers_.top().at_ns));
  }
  counters_->counts_now = !phase().is_warmup;
  for (size_t index = 0; index < connections_; ++index) client_->give_up(index, "unanswered at the end");
  for (const Waiting& waiting : backlog_) {
    counters_->fail({waiting.due_ns, waiting.due_ns, 0, 0, waiting.counts},
                    "unsent at the end: the server is slower than the rate");
  }
}

}  // namespace penstock::load

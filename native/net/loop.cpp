#include "net/loop.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "core/assert.hpp"
#include "core/boundary_codes.hpp"
#include "core/clock.hpp"
#include "net/listener.hpp"
#include "net/websocket/frame_writer.hpp"

namespace penstock::net {
namespace {

constexpr size_t kReceiveBytes = 256 * 1024;
// Requests that came ahead of their turn: beyond, the connection is not read until there is room.
constexpr size_t kHeldBytesMax = 128 * 1024;
constexpr int kEventsAtOnce = 256;
// Connections that are accepted before those that are open get their turn.
constexpr int kAcceptsAtOnce = 64;
// As many as wait for a listener at most (listener.cpp).
constexpr int kBacklogMax = 512;
constexpr int64_t kSweepMs = 1000;
// A client that has closed its sending side gets an answer that is ready, and is gone after that.
constexpr int64_t kHalfCloseMs = 250;
// Between two reports of what the kernel took of an answer.
constexpr uint64_t kPaceBytes = 64 * 1024;

// epoll's tags beside the ids of connections, which begin at a generation of 1.
constexpr uint64_t kWakeTag = 0;
constexpr uint64_t kListenTag = 1;

int64_t clock_ms() noexcept {
  return now_us() / 1000;
}

}  // namespace

IoLoop::IoLoop(uint32_t number, const LoopOptions& options, EventQueue& events)
    : number_(number),
      options_(options),
      events_(events),
      epoll_fd_(::epoll_create1(EPOLL_CLOEXEC)),
      wake_fd_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)),
      reserve_fd_(::open("/dev/null", O_RDONLY | O_CLOEXEC)) {
  PENSTOCK_ASSERT(number < kLoopsMax);
  if (!is_ready()) return;
  epoll_event event = {.events = EPOLLIN, .data = {.u64 = kWakeTag}};
  ::epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, wake_fd_, &event);
  receive_buffer_.resize(kReceiveBytes);
}

IoLoop::~IoLoop() {
  stop();
  for (const int fd : {epoll_fd_, wake_fd_, reserve_fd_, listen_fd_})
    if (fd >= 0) ::close(fd);
  // Commands that came too late: descriptors in them are nobody else's.
  for (const Command& command : commands_)
    if (command.kind == CommandKind::kAdopt || command.kind == CommandKind::kListen)
      ::close(static_cast<int>(command.number));
}

void IoLoop::start() {
  PENSTOCK_ASSERT(!thread_.joinable());
  thread_ = std::thread([this] { run(); });
}

void IoLoop::stop() {
  if (!thread_.joinable()) return;
  post({.kind = CommandKind::kStop});
  thread_.join();
}

void IoLoop::post(Command command) {
  {
    std::lock_guard lock(commands_mutex_);
    commands_.push_back(std::move(command));
  }
  wake();
}

void IoLoop::wake() noexcept {
  if (is_woken_.exchange(true)) return;
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(wake_fd_, &one, sizeof(one));
}

void IoLoop::run() {
  std::array<epoll_event, kEventsAtOnce> ready = {};
  now_ms_ = clock_ms();
  next_sweep_ms_ = now_ms_ + kSweepMs;
  while (!is_stopping_) {
    const int count = ::epoll_wait(epoll_fd_, ready.data(), kEventsAtOnce, timeout_ms());
    now_ms_ = clock_ms();
    for (int index = 0; index < count; ++index)
      take_event(ready[static_cast<size_t>(index)].data.u64, ready[static_cast<size_t>(index)].events);
    run_commands();
    if (handler_ != nullptr) handler_->end_turn();
    flush_all();
    if (now_ms_ >= next_sweep_ms_) sweep();
    events_.publish(pending_events_);
  }
  stop_listening();
  for (size_t index = 0; index < slots_.size(); ++index)
    if (slots_[index].connection != nullptr) close_connection(*slots_[index].connection, kClosedAbnormally);
  events_.publish(pending_events_);
}

int IoLoop::timeout_ms() const noexcept {
  const int64_t sweep_ms =
      connection_count() == 0 && listen_fd_ < 0 ? -1 : std::max<int64_t>(0, next_sweep_ms_ - now_ms_);
  const int64_t handler_ms = handler_ == nullptr ? -1 : handler_->next_timeout_ms();
  if (sweep_ms < 0 || handler_ms < 0) return static_cast<int>(std::max(sweep_ms, handler_ms));
  return static_cast<int>(std::min(sweep_ms, handler_ms));
}

void IoLoop::take_event(uint64_t tag, uint32_t events) {
  if (tag == kWakeTag) {
    uint64_t count = 0;
    [[maybe_unused]] const ssize_t taken = ::read(wake_fd_, &count, sizeof(count));
    return;
  }
  if (tag == kListenTag) return accept_connections();
  Connection* connection = find(tag);
  // Closed earlier in this turn.
  if (connection == nullptr) return;
  if ((events & (EPOLLERR | EPOLLHUP)) != 0) return close_connection(*connection, kClosedAbnormally);
  if ((events & EPOLLOUT) != 0) touch(*connection);
  if ((events & EPOLLIN) != 0) return read_from(*connection);
  if ((events & EPOLLRDHUP) != 0) peer_ended(*connection);
}

void IoLoop::run_commands() {
  // Cleared before the queue is taken: whoever posts after that wakes again.
  is_woken_.store(false);
  {
    std::lock_guard lock(commands_mutex_);
    running_.swap(commands_);
  }
  for (Command& command : running_) run_command(command);
  running_.clear();
}

void IoLoop::run_command(Command& command) {
  switch (command.kind) {
    case CommandKind::kAdopt:
      return adopt(static_cast<int>(command.number));
    case CommandKind::kListen:
      return listen_on(static_cast<int>(command.number));
    case CommandKind::kStopListening:
      // Whom the kernel let in already is served: closing the listener would reset them.
      for (int taken = 0; listen_fd_ >= 0 && taken <= kBacklogMax; taken += kAcceptsAtOnce) accept_connections();
      return stop_listening();
    case CommandKind::kStop:
      is_stopping_ = true;
      return;
    default:
      break;
  }
  Connection* const connection = find(command.id);
  if (connection == nullptr) return;
  switch (command.kind) {
    case CommandKind::kAnswer:
      return answer(*connection, command);
    case CommandKind::kContinue:
      if (!connection->awaits_continue || connection->exchange != command.id) return;
      connection->awaits_continue = false;
      return send_control(*connection, kContinueResponse);
    case CommandKind::kCut:
      return close_connection(*connection, kClosedAbnormally);
    case CommandKind::kResume:
      return release_unhandled(*connection);
    case CommandKind::kUpgrade:
      return upgrade(*connection, command.text);
    case CommandKind::kSend:
      if (connection->stage == Connection::Stage::kWebSocket)
        send_message(*connection, command.bytes, command.flag, true);
      return;
    case CommandKind::kEnd:
      return end_socket(*connection, static_cast<uint16_t>(command.number), command.text, true);
    default:
      return;
  }
}

// ── connections come ────────────────────────────────────────────────────────────────────────────────────────────────

void IoLoop::listen_on(int fd) {
  stop_listening();
  listen_fd_ = fd;
  epoll_event event = {.events = EPOLLIN, .data = {.u64 = kListenTag}};
  ::epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, fd, &event);
}

void IoLoop::stop_listening() {
  if (listen_fd_ < 0) return;
  ::close(listen_fd_);
  listen_fd_ = -1;
}

void IoLoop::accept_connections() {
  for (int taken = 0; taken < kAcceptsAtOnce; ++taken) {
    const int fd = ::accept4(listen_fd_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      place_connection(fd);
      continue;
    }
    if (errno == EINTR || errno == ECONNABORTED) continue;
    // The listener would stay readable and the loop spin: the connection is taken and closed.
    if ((errno == EMFILE || errno == ENFILE) && accept_into_reserve()) continue;
    return;
  }
}

bool IoLoop::accept_into_reserve() {
  if (reserve_fd_ >= 0) ::close(reserve_fd_);
  const int fd = ::accept4(listen_fd_, nullptr, nullptr, SOCK_CLOEXEC);
  if (fd >= 0) ::close(fd);
  reserve_fd_ = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  return fd >= 0;
}

void IoLoop::place_connection(int fd) {
  IoLoop* target = this;
  for (IoLoop* const peer : peers_)
    if (peer->connection_count() < target->connection_count()) target = peer;
  // Counted here: several may be accepted before the other thread has one of them.
  target->connection_count_.fetch_add(1, std::memory_order_relaxed);
  if (target == this) return adopt(fd);
  target->post({.kind = CommandKind::kAdopt, .number = static_cast<uint64_t>(fd)});
}

void IoLoop::adopt(int fd) {
  constexpr int kOn = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &kOn, sizeof(kOn));
  if (free_slots_.empty()) {
    PENSTOCK_ASSERT(slots_.size() < (size_t{1} << kSlotBits));
    free_slots_.push_back(static_cast<uint32_t>(slots_.size()));
    slots_.emplace_back();
  }
  const uint32_t index = free_slots_.back();
  free_slots_.pop_back();
  Slot& slot = slots_[index];
  slot.connection = std::make_unique<Connection>();
  Connection& connection = *slot.connection;
  connection.fd = fd;
  connection.slot = index;
  connection.id = next_id(slot, index);
  connection.active_ms = connection.since_ms = now_ms_;
  connection.address = peer_address(fd);
  connection.watched = EPOLLIN | EPOLLRDHUP;
  epoll_event event = {.events = connection.watched, .data = {.u64 = connection.id}};
  ::epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, fd, &event);
  emit({.kind = IoEventKind::kOpened, .id = connection.id, .share = connection.share});
}

uint64_t IoLoop::next_id(Slot& slot, uint32_t index) noexcept {
  constexpr uint32_t kGenerations = uint32_t{1} << kGenerationBits;
  slot.generation = slot.generation + 1 == kGenerations ? 1 : slot.generation + 1;
  return (uint64_t{number_} << (kSlotBits + kGenerationBits)) | (uint64_t{slot.generation} << kSlotBits) | index;
}

Connection* IoLoop::find(uint64_t id) noexcept {
  const uint32_t index = slot_of(id);
  if (index >= slots_.size()) return nullptr;
  Connection* const connection = slots_[index].connection.get();
  if (connection == nullptr) return nullptr;
  return connection->id == id || connection->exchange == id || connection->paced == id ? connection : nullptr;
}

// ── bytes come ──────────────────────────────────────────────────────────────────────────────────────────────────────

void IoLoop::read_from(Connection& connection) {
  if (connection.is_paused) return watch(connection);
  const ssize_t received = ::recv(connection.fd, receive_buffer_.data(), receive_buffer_.size(), 0);
  if (received > 0) {
    connection.active_ms = now_ms_;
    return consume(connection, {receive_buffer_.data(), static_cast<size_t>(received)});
  }
  if (received == 0) return peer_ended(connection);
  if (errno != EAGAIN && errno != EINTR) close_connection(connection, kClosedAbnormally);
}

void IoLoop::consume(Connection& connection, std::span<char> bytes) {
  switch (connection.stage) {
    case Connection::Stage::kLinger:
      return;
    case Connection::Stage::kWebSocket:
    case Connection::Stage::kEnding:
      return consume_frames(connection, bytes);
    default:
      return consume_http(connection, {bytes.data(), bytes.size()});
  }
}

// Nothing more comes: whoever waits for an answer is given a moment, everybody else is gone.
void IoLoop::peer_ended(Connection& connection) {
  if (connection.has_peer_end) return;
  connection.has_peer_end = true;
  const bool awaits_answer = connection.stage == Connection::Stage::kAnswer && !connection.is_upgrade;
  if (!awaits_answer && connection.output.is_empty()) return close_connection(connection, kClosedAbnormally);
  connection.since_ms = now_ms_;
  next_sweep_ms_ = std::min(next_sweep_ms_, now_ms_ + kHalfCloseMs);
  watch(connection);
}

void IoLoop::watch(Connection& connection) {
  uint32_t events = 0;
  if (!connection.is_paused && !connection.has_peer_end) events |= EPOLLIN;
  // An end that is reported once is known; and one that lies behind bytes that are not read yet comes with them.
  const bool is_end_awaited = !connection.is_paused || connection.stage == Connection::Stage::kAnswer;
  if (is_end_awaited && !connection.has_peer_end) events |= EPOLLRDHUP;
  if (!connection.output.is_empty()) events |= EPOLLOUT;
  if (events == connection.watched) return;
  connection.watched = events;
  epoll_event event = {.events = events, .data = {.u64 = connection.id}};
  ::epoll_ctl(epoll_fd_, EPOLL_CTL_MOD, connection.fd, &event);
}

void IoLoop::emit_bytes(Connection& connection, IoEvent event) {
  ConnectionShare& share = *connection.share;
  const auto bytes = static_cast<int64_t>(event.bytes.size());
  emit(std::move(event));
  if (bytes == 0 || share.unhandled_bytes.fetch_add(bytes) + bytes <= options_.unhandled_bytes_max) return;
  connection.is_paused = true;
  share.is_paused.store(true);
  // JavaScript may have handled all of it before it could see that we wait.
  if (share.unhandled_bytes.load() <= options_.unhandled_bytes_max / 2 && share.is_paused.exchange(false))
    connection.is_paused = false;
  watch(connection);
}

void IoLoop::release_unhandled(Connection& connection) {
  if (!connection.is_paused || connection.share->is_paused.load()) return;
  connection.is_paused = false;
  connection.active_ms = now_ms_;
  // What came before reading stopped.
  if (connection.stage != Connection::Stage::kWebSocket) return resume_http(connection);
  watch(connection);
}

// ── bytes go ────────────────────────────────────────────────────────────────────────────────────────────────────────

void IoLoop::touch(Connection& connection) {
  if (connection.is_dirty) return;
  connection.is_dirty = true;
  dirty_.push_back(connection.slot);
}

void IoLoop::flush_all() {
  // A flush may begin another request, whose answer makes the connection dirty again.
  for (size_t index = 0; index < dirty_.size(); ++index) {
    Connection* const connection = slots_[dirty_[index]].connection.get();
    if (connection == nullptr || !connection->is_dirty) continue;
    connection->is_dirty = false;
    flush(*connection);
  }
  dirty_.clear();
}

void IoLoop::flush(Connection& connection) {
  const std::string_view unsent = connection.output.unsent();
  if (!unsent.empty()) {
    const ssize_t sent = ::send(connection.fd, unsent.data(), unsent.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN && errno != EINTR) return close_connection(connection, kClosedAbnormally);
    if (sent > 0) note_taken(connection, static_cast<size_t>(sent));
  }
  // A request that came ahead of an answer which JavaScript paces.
  if (connection.output.is_empty() && connection.stage == Connection::Stage::kHead && !connection.held.empty()) {
    connection.is_paused = connection.share->is_paused.load();
    consume_http(connection, {});
  }
  const bool is_socket = connection.stage == Connection::Stage::kWebSocket;
  if (is_socket && handler_ != nullptr && !unsent.empty() && !connection.output.is_empty())
    handler_->weigh(connection.exchange);
  if (connection.output.is_empty() && connection.closes) return finish_written(connection);
  if (connection.output.is_empty() && connection.has_peer_end && connection.stage != Connection::Stage::kAnswer)
    return close_connection(connection, kClosedAbnormally);
  watch(connection);
}

void IoLoop::note_taken(Connection& connection, size_t bytes) {
  const bool waited = (connection.watched & EPOLLOUT) != 0;
  connection.output.take(bytes);
  if (connection.stage != Connection::Stage::kWebSocket) connection.active_ms = now_ms_;
  ConnectionShare& share = *connection.share;
  const uint64_t taken = share.taken_bytes.fetch_add(bytes) + bytes;
  if (connection.paced != 0) {
    const bool is_all = connection.output.is_empty();
    if (!is_all && taken - connection.paced_taken_bytes < kPaceBytes) return;
    connection.paced_taken_bytes = taken;
    emit({.kind = IoEventKind::kWritable, .id = connection.paced, .number = share.buffered_bytes()});
    // Asked for again with what JavaScript gives next.
    if (is_all) connection.paced = 0;
    return;
  }
  if (connection.stage != Connection::Stage::kWebSocket) return;
  if (share.wants_drain.exchange(false)) emit({.kind = IoEventKind::kDrained, .id = connection.exchange});
  if (waited && handler_ != nullptr) handler_->weigh(connection.exchange);
}

// The last byte is with the kernel. Closed at once, the socket would be reset if anything it received was not read, and
// the reset overtakes the answer.
void IoLoop::finish_written(Connection& connection) {
  if (connection.has_peer_end) return close_connection(connection, kClosedAbnormally);
  if (connection.stage == Connection::Stage::kLinger) return;
  ::shutdown(connection.fd, SHUT_WR);
  connection.stage = Connection::Stage::kLinger;
  connection.since_ms = now_ms_;
  connection.is_paused = false;
  watch(connection);
}

void IoLoop::close_connection(Connection& connection, uint16_t code) {
  const bool is_socket =
      connection.stage == Connection::Stage::kWebSocket || connection.stage == Connection::Stage::kEnding;
  if (connection.exchange != 0) {
    if (connection.ticket != StreamHandler::kNotTaken) {
      handler_->abort_request(connection.ticket);
    } else if (is_socket) {
      emit({.kind = IoEventKind::kClosed, .id = connection.exchange, .number = code});
    } else {
      emit({.kind = IoEventKind::kAborted, .id = connection.exchange});
    }
    if (handler_ != nullptr && (is_socket || connection.is_upgrade)) handler_->close_socket(connection.exchange);
  }
  if (connection.paced != 0 && connection.paced != connection.exchange)
    emit({.kind = IoEventKind::kAborted, .id = connection.paced});
  emit({.kind = IoEventKind::kGone, .id = connection.id});
  ::close(connection.fd);
  const uint32_t index = connection.slot;
  slots_[index].connection.reset();
  free_slots_.push_back(index);
  connection_count_.fetch_sub(1, std::memory_order_relaxed);
}

// ── time ────────────────────────────────────────────────────────────────────────────────────────────────────────────

bool IoLoop::is_overdue(const Connection& connection) const noexcept {
  using Stage = Connection::Stage;
  const int64_t silent_ms = now_ms_ - connection.active_ms;
  const int64_t stage_ms = now_ms_ - connection.since_ms;
  if (connection.stage == Stage::kLinger || connection.stage == Stage::kEnding) return stage_ms >= options_.linger_ms;
  if (connection.has_peer_end) return stage_ms >= kHalfCloseMs && silent_ms >= kHalfCloseMs;
  if (connection.stage == Stage::kWebSocket) return !connection.is_paused && silent_ms >= options_.idle_ms;
  // What it is to read waits, or it is to send; while we are to answer it may wait.
  if (!connection.output.is_empty()) return silent_ms >= options_.silence_ms;
  if (connection.stage == Stage::kAnswer || connection.is_paused) return false;
  if (connection.stage == Stage::kHead && connection.parser != nullptr && stage_ms >= options_.head_ms) return true;
  return silent_ms >= options_.silence_ms;
}

void IoLoop::sweep() {
  next_sweep_ms_ = now_ms_ + kSweepMs;
  for (size_t index = 0; index < slots_.size(); ++index) {
    Connection* const connection = slots_[index].connection.get();
    if (connection == nullptr) continue;
    bool is_over = is_overdue(*connection);
    const bool is_body = connection->stage == Connection::Stage::kBody || connection->stage == Connection::Stage::kSkip;
    if (is_body && !connection->is_paused && now_ms_ - connection->body_mark_ms >= options_.body_ms) {
      const uint64_t body_bytes = connection->body.body_bytes();
      is_over = is_over || body_bytes - connection->body_mark_bytes < options_.body_bytes_min;
      connection->body_mark_bytes = body_bytes;
      connection->body_mark_ms = now_ms_;
    }
    if (is_over) {
      close_connection(*connection, kClosedAbnormally);
    } else if (connection->stage == Connection::Stage::kWebSocket) {
      const bool is_half = now_ms_ - connection->active_ms >= options_.idle_ms / 2;
      if (is_half && !connection->was_pinged) {
        std::string ping;
        append_control_frame(ping, Opcode::kPing, {});
        send_control(*connection, ping);
      }
      connection->was_pinged = is_half;
    }
  }
  flush_all();
}

// ── StreamSink ──────────────────────────────────────────────────────────────────────────────────────────────────────

void IoLoop::send(uint64_t socket, std::span<const std::byte> message) {
  Connection* const connection = find(socket);
  if (connection == nullptr || connection->stage != Connection::Stage::kWebSocket) return;
  send_message(*connection, {reinterpret_cast<const char*>(message.data()), message.size()}, true, false);
}

uint64_t IoLoop::queued_bytes(uint64_t socket) {
  const Connection* const connection = find(socket);
  return connection == nullptr ? 0 : connection->share->queued_bytes.load();
}

size_t IoLoop::buffered_bytes(uint64_t socket) {
  const Connection* const connection = find(socket);
  return connection == nullptr ? 0 : connection->share->buffered_bytes();
}

}  // namespace penstock::net

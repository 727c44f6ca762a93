#include "net/service/frame_service.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "core/assert.hpp"
#include "core/clock.hpp"

namespace penstock::net::service {
namespace {
constexpr size_t kSendsMax = 2048;  // of one encode

// The protocol closes the connection for these: JavaScript says why.
bool closes_connection(StatusCode code) noexcept {
  return code == StatusCode::kFrame || code == StatusCode::kCreditExceeded || code == StatusCode::kHandle;
}
}  // namespace

FrameService::Served* FrameService::find(uint64_t socket) noexcept {
  if (known_ != nullptr && known_->number == socket) return known_;
  const auto found = sockets_.find(socket);
  return found == sockets_.end() ? nullptr : known_ = found->second.get();
}

FrameService::Served& FrameService::find_or_make(uint64_t socket) {
  if (Served* const served = find(socket)) return *served;
  auto made = std::make_unique<Served>();
  made->number = socket;
  return *sockets_.emplace(socket, std::move(made)).first->second;
}

FrameService::Served* FrameService::served_by(uint32_t connection) noexcept {
  return connection < by_connection_.size() ? by_connection_[connection] : nullptr;
}

void FrameService::open_socket(uint64_t socket) {
  const IoContext::Visit visit(context_);
  Served& served = find_or_make(socket);
  PENSTOCK_ASSERT(!served.is_open);
  served.is_open = true;
}

// JavaScript hears of it by the loop, and closes the connection: until then its results go nowhere.
void FrameService::close_socket(uint64_t socket) {
  const IoContext::Visit visit(context_);
  Served* const served = find(socket);
  if (served == nullptr) return;
  served->is_open = false;
  forget_ended(*served);
}

void FrameService::forget_ended(const Served& served) {
  if (served.is_open || served.connection >= 0) return;
  known_ = nullptr;
  sockets_.erase(uint64_t{served.number});
}

void FrameService::leave(uint64_t socket) {
  const IoContext::Visit visit(context_);
  if (Served* const served = find(socket)) ++served->left;
}

bool FrameService::receive(uint64_t socket, websocket::Bytes message) {
  context_.begin_turn();
  Served* const served = find(socket);
  if (served == nullptr) return false;
  const auto leave_it = [served] {
    ++served->left;
    return false;
  };
  // Rule 1.
  if (served->connection < 0 || served->left > 0 || refused_.size() >= kRefusedMax) return leave_it();
  const auto connection = static_cast<uint32_t>(served->connection);
  int64_t channel = -1;
  int64_t request = -1;
  int32_t outcome = gateway_->receive(connection, message, failure_, channel, request);
  // Perhaps too much in flight: count again with what the kernel has taken by now before an honest client is accused.
  if (outcome == -static_cast<int32_t>(StatusCode::kCreditExceeded) && served->is_congested &&
      acknowledge(*served, context_.sink->buffered_bytes(socket)))
    outcome = gateway_->receive(connection, message, failure_, channel, request);
  if (outcome == kReceivedWithRefusals) take_refusals(connection);
  if (outcome == 0 || outcome == kReceivedWithRefusals) {
    context_.has_appended = true;
    return true;
  }
  if (outcome > 0 || closes_connection(failure_.code) || channel < 0 || request < 0) return leave_it();
  fail(connection, static_cast<uint32_t>(channel), static_cast<uint32_t>(request), std::exchange(failure_, {}));
  return true;
}

void FrameService::take_refusals(uint32_t connection) {
  Failure failure;
  int64_t channel = -1;
  int64_t request = -1;
  while (gateway_->take_refusal(failure, channel, request))
    leave_failure(connection, static_cast<uint32_t>(channel), static_cast<uint32_t>(request),
                  std::exchange(failure, {}));
}

void FrameService::leave_failure(uint32_t connection, uint32_t channel, uint32_t request, Failure failure) {
  refused_.push_back({connection, channel, request, std::move(failure)});
  context_.wake_script_once();
}

void FrameService::fail(uint32_t connection, uint32_t channel, uint32_t request, Failure failure) {
  const Served* const served = served_by(connection);
  if (served == nullptr || !served->is_open) return;
  const auto message = refusals_.message_of(failure, channel, request, now_us());
  if (!message.empty() && context_.sink != nullptr) return context_.sink->send(served->number, message);
  leave_failure(connection, channel, request, std::move(failure));
}

void FrameService::add_answer(Request& request) {
  if (gateway_->collect(request) != websocket::Gateway::Answer::kFailed) return;
  const Origin origin = request.origin;
  Failure failure = failure_of(request);
  gateway_->count_delivered(origin);
  Port::unref(request);
  fail(origin.connection, origin.channel, origin.wire_id, std::move(failure));
}

void FrameService::send_results() {
  if (context_.sink == nullptr) return;
  for (bool is_done = false; !is_done;) {
    gateway_->reset_outbox();
    sends_.clear();
    is_done = gateway_->encode(sends_, kSendsMax);
    send_all();
  }
}

void FrameService::send_all() {
  const std::byte* const outbox = gateway_->outbox()->data();
  for (const websocket::Send& send : sends_) {
    Served* const served = served_by(send.connection);
    if (served == nullptr || !served->is_open) continue;
    context_.sink->send(served->number, {outbox + send.offset, send.bytes});
    if (send.is_held) served->congestion.add_held(context_.sink->queued_bytes(served->number));
  }
}

void FrameService::weigh(uint64_t socket) {
  const IoContext::Visit visit(context_);
  Served* const served = find(socket);
  if (served != nullptr && served->connection >= 0 && served->is_open) weigh(*served);
}

// Said when the turn's bytes were written: until then all that was sent waits.
void FrameService::weigh(Served& served) {
  const size_t buffered_bytes = context_.sink->buffered_bytes(served.number);
  served.buffered_bytes = buffered_bytes;
  if (served.is_congested) {
    acknowledge(served, buffered_bytes);
  } else if (buffered_bytes > 0) {
    served.is_congested = true;
    gateway_->set_congested(*gateway_->find(static_cast<uint32_t>(served.connection)), true);
    note_held(served);
  }
}

bool FrameService::acknowledge(Served& served, size_t buffered_bytes) {
  websocket::Connection* const connection = gateway_->find(static_cast<uint32_t>(served.connection));
  if (connection == nullptr) return false;
  const size_t frames = served.congestion.take_acknowledged(context_.sink->queued_bytes(served.number), buffered_bytes);
  bool has_more = frames > 0 && gateway_->acknowledge(*connection, frames);
  served.buffered_bytes = buffered_bytes;
  if (buffered_bytes == 0) {
    served.is_congested = false;
    has_more = gateway_->set_congested(*connection, false) || has_more;
  }
  // The loop may be past the end of this turn.
  if (has_more) context_.waker->wake();
  note_held(served);
  return frames > 0 || buffered_bytes == 0;
}

void FrameService::note_held(Served& served) {
  if (std::exchange(served.is_noted, true)) return;
  noted_.push_back(static_cast<uint32_t>(served.connection));
  context_.wake_script_once();
}

// The loop may not have opened the socket yet, or have lost it already: JavaScript closes what it has opened.
uint32_t FrameService::open_connection(uint64_t socket, uint32_t window) {
  Served& served = find_or_make(socket);
  PENSTOCK_ASSERT(served.connection < 0);
  const uint32_t connection = gateway_->open_connection(window);
  if (by_connection_.size() <= connection) by_connection_.resize(size_t{connection} + 1);
  by_connection_[connection] = &served;
  served.connection = connection;
  return connection;
}

void FrameService::close_connection(uint32_t connection) {
  gateway_->close_connection(connection);
  Served* const served = served_by(connection);
  if (served == nullptr) return;
  by_connection_[connection] = nullptr;
  served->connection = -1;
  forget_ended(*served);
}

void FrameService::handled(uint64_t socket) {
  Served* const served = find(socket);
  if (served != nullptr && served->left > 0) --served->left;
}

std::vector<RefusedFrame> FrameService::take_refused(size_t count) {
  const auto end = refused_.begin() + static_cast<std::ptrdiff_t>(std::min(count, refused_.size()));
  std::vector<RefusedFrame> taken(std::make_move_iterator(refused_.begin()), std::make_move_iterator(end));
  refused_.erase(refused_.begin(), end);
  return taken;
}

std::vector<HeldBytes> FrameService::take_held(size_t count) {
  std::vector<HeldBytes> held;
  for (; held.size() < count && !noted_.empty(); noted_.pop_back()) {
    const uint32_t number = noted_.back();
    Served* const served = served_by(number);
    const websocket::Connection* const connection = gateway_->find(number);
    if (served == nullptr || connection == nullptr) continue;
    served->is_noted = false;
    const bool is_waiting = served->is_congested && served->is_open;
    held.push_back({number, is_waiting ? served->buffered_bytes : 0, is_waiting ? connection->ready_bytes : 0});
  }
  return held;
}
}  // namespace penstock::net::service

#include "net/service/json_service.hpp"

#include <utility>

#include "core/assert.hpp"
#include "core/clock.hpp"
#include "json/answer.hpp"
#include "runtime/executor.hpp"

namespace penstock::net::service {
namespace {
constexpr std::string_view kJsonHeaders = "content-type: application/json\r\n";
}  // namespace

uint32_t JsonService::take_ticket() {
  if (free_tickets_.empty()) {
    free_tickets_.push_back(static_cast<uint32_t>(exchanges_.size()));
    exchanges_.emplace_back();
  }
  const uint32_t ticket = free_tickets_.back();
  free_tickets_.pop_back();
  return ticket;
}

void JsonService::give_back(uint32_t ticket) noexcept {
  Exchange& exchange = exchanges_[ticket];
  if (exchange.limit != nullptr) exchange.limit->release(1);
  exchange = Exchange{};
  free_tickets_.push_back(ticket);
}

int64_t JsonService::receive(uint64_t number, const RequestParser& request_head, std::string_view received_bytes,
                             std::string_view body) {
  if (body.size() > kTakenBytesMax || !write_head_key(request_head, received_bytes, key_))
    return StreamHandler::kNotTaken;
  context_.begin_turn();
  const JudgedHead* const head = heads_.find(key_, context_.port->burst_now_ns() / 1000);
  if (head == nullptr) return StreamHandler::kNotTaken;
  std::shared_ptr<Plan> plan = head->pipeline->plan();
  if (plan == nullptr || plan->has_free_answer || plan->key != head->plan_key) return StreamHandler::kNotTaken;
  // JavaScript says no with words.
  if (head->limit != nullptr && head->limit->try_take(context_.port->burst_now_ns()) != 0)
    return StreamHandler::kNotTaken;
  const uint32_t ticket = take_ticket();
  Exchange& exchange = exchanges_[ticket];
  exchange.number = number;
  exchange.limit = head->limit;
  exchange.route = head->route;
  const json::Exchange named{.number = ticket, .meta = {}, .request_number = context_.port->runtime->number_request()};
  const auto received = gateway_->receive(*head->pipeline, std::move(plan), named, body, failure_);
  if (received.receipt != json::Gateway::Receipt::kAdmitted) {
    // It is counted again when JavaScript takes it.
    if (exchange.limit != nullptr) std::exchange(exchange.limit, nullptr)->give_back();
    give_back(ticket);
    context_.port->end_burst();
    return StreamHandler::kNotTaken;
  }
  exchange.request = received.request;
  context_.has_appended = true;
  return ticket;
}

void JsonService::abort(int64_t ticket) {
  const IoContext::Visit visit(context_);
  Exchange& exchange = exchanges_[static_cast<size_t>(ticket)];
  exchange.is_gone = true;
  if (exchange.request == nullptr) return;
  Completions completions;
  end_request(*exchange.request, StatusCode::kAborted, completions);
  completions.flush();
}

void JsonService::add_answer(Request& request) {
  const auto ticket = static_cast<uint32_t>(request.origin.tag);
  Exchange& exchange = exchanges_[ticket];
  exchange.request = nullptr;
  size_t offset = 0;
  size_t bytes = 0;
  gateway_->reset_outbox();
  const json::Gateway::Answer answer = gateway_->collect(request, offset, bytes);
  PENSTOCK_ASSERT(answer != json::Gateway::Answer::kNoRoom);
  if (answer == json::Gateway::Answer::kFailed) {
    exchange.is_left = true;
    leave_again(request);
    return context_.wake_script_once();
  }
  const std::byte* text = gateway_->outbox()->data() + offset;
  std::vector<char> larger;
  if (answer == json::Gateway::Answer::kLarge) {
    // Rare, for bodies are small here: the answer's own memory, for as long as it is copied into the socket.
    const AnswerForm& form = *request.plan->answer_form;
    larger.resize(json::answer_characters(request, form));
    const char* const end = json::print_answer(request, form, request.origin.request_number, larger.data());
    text = reinterpret_cast<const std::byte*>(larger.data());
    bytes = static_cast<size_t>(end - larger.data());
  }
  Port::unref(request);
  ++answered_[exchange.route];
  if (context_.sink != nullptr && !exchange.is_gone)
    context_.sink->reply(exchange.number, {200, kJsonHeaders, {text, bytes}});
  give_back(ticket);
}

void JsonService::send_replies() {
  for (const LaterReply& later : std::exchange(later_, {})) {
    const Exchange& exchange = exchanges_[later.ticket];
    if (context_.sink != nullptr && !exchange.is_gone)
      context_.sink->reply(exchange.number, {later.status, later.headers, later.body});
    give_back(later.ticket);
  }
}

void JsonService::reply_later(uint32_t ticket, int status, std::string headers, std::vector<std::byte> body) {
  PENSTOCK_ASSERT(is_answered(ticket));
  exchanges_[ticket].is_left = false;
  later_.push_back({ticket, status, std::move(headers), std::move(body)});
}
}  // namespace penstock::net::service

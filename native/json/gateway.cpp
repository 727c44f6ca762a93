#include "json/gateway.hpp"

#include <utility>

#include "core/assert.hpp"
#include "core/clock.hpp"
#include "json/answer.hpp"

namespace penstock::json {
namespace {
constexpr const char* kTooLarge = "The answer is too large to be written as JSON. Ask for Arrow or penstock.v1.";
}  // namespace

Gateway::Gateway(Port& port) : port_(port), outbox_(Block::try_make(kOutboxBytes)) {
  PENSTOCK_ASSERT(outbox_ != nullptr);
}

Gateway::Received Gateway::receive(Pipeline& pipeline, const Exchange& exchange, std::string_view body,
                                   Failure& failure) {
  std::shared_ptr<Plan> plan = pipeline.plan();
  if (plan == nullptr || plan->answer_form == nullptr || plan->stages.empty()) return {};
  if (!body_.read(body, *plan, *plan->answer_form)) return {};
  Submission submission = body_.submission();
  submission.meta = exchange.meta;
  submission.deadline_us = body_.deadline_ms() == 0 ? 0 : now_us() + body_.deadline_ms() * 1000;
  submission.origin = {
      .is_http = true, .tag = static_cast<double>(exchange.number), .request_number = exchange.request_number};
  failure.set(StatusCode::kOk);
  Request* const request = submit(port_, pipeline, std::move(plan), submission, failure);
  body_.trim();
  return {request == nullptr ? Receipt::kRefused : Receipt::kAdmitted, request};
}

Gateway::Answer Gateway::collect(Request& request, size_t& offset, size_t& bytes) {
  const AnswerForm& form = *request.plan->answer_form;
  const size_t room = request.status() == StatusCode::kOk ? answer_characters(request, form) : 0;
  if (room == 0) {
    request.fail(RunFailedDetail{.is_ours = 1}, kTooLarge);
    return Answer::kFailed;
  }
  if (outbox_used_ + room > outbox_->size_bytes()) {
    return room > outbox_->size_bytes() ? Answer::kLarge : Answer::kNoRoom;
  }
  char* const text = reinterpret_cast<char*>(outbox_->data()) + outbox_used_;
  offset = outbox_used_;
  bytes = static_cast<size_t>(print_answer(request, form, request.origin.request_number, text) - text);
  outbox_used_ += bytes;
  return Answer::kPrinted;
}

void Gateway::reset_outbox() noexcept {
  outbox_used_ = 0;
}
}  // namespace penstock::json

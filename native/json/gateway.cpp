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
  return receive(pipeline, pipeline.plan(), exchange, body, failure);
}

Gateway::Received Gateway::receive(Pipeline& pipeline, std::shared_ptr<Plan> plan, const Exchange& exchange,
                                   std::string_view body, Failure& failure) {
  if (plan == nullptr || plan->answer_form == nullptr || plan->stages.empty()) return {};
  if (!body_.read(body, *plan, *plan->answer_form)) return {};
  Submission submission = body_.submission();
  submission.deadline_us = body_.deadline_ms() == 0 ? 0 : now_us() + body_.deadline_ms() * 1000;
  if (RowsExchange* const rows = rows_of(exchange.number)) rows->end();
  const Received received = submit_read(pipeline, std::move(plan), exchange, submission, failure);
  body_.trim();
  return received;
}

Gateway::Received Gateway::receive_rows(Pipeline& pipeline, const Exchange& exchange,
                                        const std::shared_ptr<RowsForm>& form, std::string_view body,
                                        Failure& failure) {
  std::shared_ptr<Plan> plan = pipeline.plan();
  // The transport has few exchanges, which it uses again and again.
  if (plan == nullptr || plan->key != form->plan_key() || exchange.number >= kRequestsInFlightCeiling) return {};
  if (exchange.number >= rows_.size()) rows_.resize(size_t{exchange.number} + 1);
  RowsExchange& rows = rows_[exchange.number];
  rows.form.reset();
  const bool is_read = form->read(body, rows.echoes);
  Submission submission = form->submission();
  Received received;
  if (is_read && form->answer_characters(submission.rows, rows.echoes) <= kOutboxBytes)
    received = submit_read(pipeline, std::move(plan), exchange, submission, failure);
  if (received.receipt == Receipt::kAdmitted)
    rows.form = form;
  else
    rows.end();
  form->trim();
  return received;
}

Gateway::Received Gateway::submit_read(Pipeline& pipeline, std::shared_ptr<Plan> plan, const Exchange& exchange,
                                       Submission& submission, Failure& failure) {
  submission.meta = exchange.meta;
  submission.origin = {
      .is_http = true, .tag = static_cast<double>(exchange.number), .request_number = exchange.request_number};
  failure.set(StatusCode::kOk);
  Request* const request = submit(port_, pipeline, std::move(plan), submission, failure);
  return {request == nullptr ? Receipt::kRefused : Receipt::kAdmitted, request};
}

Gateway::RowsExchange* Gateway::rows_of(uint32_t exchange) noexcept {
  return exchange < rows_.size() && rows_[exchange].form != nullptr ? &rows_[exchange] : nullptr;
}

// receive_rows has seen to it that the answer has room in an outbox.
Gateway::Answer Gateway::collect_rows(Request& request, RowsExchange& rows, size_t& offset, size_t& bytes) {
  const size_t room = rows.form->answer_characters(request.rows, rows.echoes);
  if (outbox_used_ + room > outbox_->size_bytes()) return Answer::kNoRoom;
  if (!rows.form->prepare(request)) {
    request.fail(RunFailedDetail{.is_ours = 1}, kTooLarge);
    rows.end();
    return Answer::kFailed;
  }
  char* const text = reinterpret_cast<char*>(outbox_->data()) + outbox_used_;
  offset = outbox_used_;
  bytes = static_cast<size_t>(rows.form->print(request, rows.echoes, text) - text);
  outbox_used_ += bytes;
  rows.end();
  return Answer::kPrinted;
}

Gateway::Answer Gateway::collect(Request& request, size_t& offset, size_t& bytes) {
  if (RowsExchange* const rows = rows_of(static_cast<uint32_t>(request.origin.tag))) {
    if (request.status() == StatusCode::kOk) return collect_rows(request, *rows, offset, bytes);
    rows->end();
    return Answer::kFailed;
  }
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

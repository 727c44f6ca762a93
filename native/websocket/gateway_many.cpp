// Frames that carry many requests of one channel: the part of Gateway that admits them. What is the same for all of a
// frame (its channel, the plan, where its tensors lie) is looked up once; credit is asked for all of them before the
// first is admitted, because a client that has too little ends its connection. Everything else is each request's own:
// one that is refused is noted, and its neighbours go on.
#include <algorithm>

#include "core/boundary_codes.hpp"
#include "websocket/gateway.hpp"

namespace penstock::websocket {
int32_t Gateway::receive_many(Connection& connection, uint32_t id, const Table& body, Failure& failure,
                              int64_t& channel_id, int64_t& wire_id) {
  const auto refuse = [&failure](const auto& why) {
    failure.set(why);
    return -static_cast<int32_t>(failure.code);
  };
  InferManyFrame many;
  const FrameFault fault = read_infer_many(body, many);
  if (fault != FrameFault::kNone) return refuse(FrameDetail{.fault = static_cast<int64_t>(fault)});
  channel_id = many.channel;
  wire_id = many.requests.get<uint32_t>(0);
  const auto count = static_cast<uint32_t>(many.requests.count);
  if (connection.in_flight >= connection.window || count > connection.window - connection.in_flight)
    return refuse(CreditExceededDetail{.in_flight = connection.in_flight, .window = connection.window});
  refusals_.clear();
  refusals_taken_ = 0;
  Channel* const channel = find_channel(connection, many.channel);
  if (channel == nullptr) {
    failure.set(StatusCode::kChannelNotFound);
    refuse_many(many, failure);
    return kReceivedWithRefusals;
  }
  // Split into requests of their own there, which come back here.
  if (channel->is_plain || channel->has_columns) return static_cast<int32_t>(Body::kInferMany);
  admit_many(connection, id, *channel, many);
  return refusals_.empty() ? 0 : kReceivedWithRefusals;
}

bool Gateway::take_refusal(Failure& failure, int64_t& channel, int64_t& wire_id) {
  if (refusals_taken_ >= refusals_.size()) return false;
  const Refusal& refusal = refusals_[refusals_taken_++];
  failure = refusal.failure;
  channel = refusal.channel;
  wire_id = refusal.wire_id;
  return true;
}

void Gateway::refuse_many(const InferManyFrame& many, const Failure& failure) {
  for (size_t i = 0; i < many.requests.count; ++i)
    refusals_.push_back({many.channel, many.requests.get<uint32_t>(i), failure});
}

bool Gateway::place_many(const Plan* plan, const Channel& channel, const InferManyFrame& many, Submission& submission,
                         Failure& failure) {
  if (plan == nullptr || plan->stages.empty())
    failure.set(StatusCode::kPipelineNotDeployed);
  else if (plan->signature != channel.signature)
    failure.set(StatusCode::kChannelStale);
  if (failure.code != StatusCode::kOk) return false;
  InferFrame all;
  all.rows = many.rows_in_all;
  all.data = many.data;
  return place_tensors(*plan, all, submission, failure);
}

void Gateway::admit_many(Connection& connection, uint32_t id, Channel& channel, const InferManyFrame& many) {
  const std::shared_ptr<Plan> plan = channel.pipeline->plan();
  Submission submission;
  Failure failure;
  if (!place_many(plan.get(), channel, many, submission, failure)) return refuse_many(many, failure);
  const uint32_t rows_max = plan->is_non_batching ? 1 : plan->request_rows_max;
  request_pointers_ = input_pointers_;
  submission.inputs = request_pointers_.data();
  InferFrame infer;
  infer.channel = many.channel;
  for (size_t i = 0; i < many.requests.count; ++i) {
    infer.request = many.requests.get<uint32_t>(i);
    infer.rows = many.rows_of(i);
    if (many.deadlines_ms.exists()) infer.deadline_ms = many.deadlines_ms.get<uint32_t>(i);
    if (many.priorities.exists()) infer.priority = many.priorities.get<uint8_t>(i);
    if (many.request_ids.exists()) infer.request_id = many.request_ids.get<uint8_t>(i);
    failure.set(StatusCode::kOk);
    if (infer.rows == 0 && plan->is_non_batching)
      failure.set(ShapeDetail{.expected = 1});
    else if (infer.rows > rows_max)
      failure.set(TooManyRowsDetail{.limit = rows_max, .received = infer.rows});
    else if (infer.priority >= kPriorityCount)
      failure.set(StatusCode::kArgument);
    const bool is_admitted =
        failure.code == StatusCode::kOk &&
        submit_placed(connection, id, channel, infer, plan, submission, failure) == Admission::kAdmitted;
    if (!is_admitted) refusals_.push_back({many.channel, infer.request, failure});
    for (size_t input = 0; input < request_pointers_.size(); ++input)
      request_pointers_[input] += row_bytes_[input] * infer.rows;
  }
}
}  // namespace penstock::websocket

#include "websocket/gateway.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "core/assert.hpp"
#include "core/boundary_codes.hpp"
#include "websocket/results_writer.hpp"

namespace penstock::websocket {
namespace {
constexpr auto kBeyondDimMax = static_cast<int64_t>(ShapeInput::kBeyondDimMax);
constexpr auto kAllInputs = static_cast<int64_t>(ShapeInput::kAll);

// Bytes of one row; nothing when they are beyond counting. Moves `free_dims` behind those of the field.
std::optional<size_t> row_bytes_in_frame(const Field& field, const int64_t*& free_dims) noexcept {
  size_t bytes = dtype_size_bytes(field.dtype);
  bool is_empty = false;
  bool is_beyond = false;
  for (const int64_t field_dim : field.dims) {
    const int64_t dim = field_dim < 0 ? *free_dims++ : field_dim;
    is_empty = is_empty || dim == 0;
    is_beyond = __builtin_mul_overflow(bytes, static_cast<size_t>(dim), &bytes) || is_beyond;
  }
  // The dims beside a 0 may be of any size: no bytes come with them.
  if (is_empty) return 0;
  return is_beyond ? std::nullopt : std::optional(bytes);
}
}  // namespace

Gateway::Gateway(Port& port)
    : port_(port),
      outbox_(Block::try_make(kOutboxBytes)),
      connection_bytes_max_(port.runtime->budget.limit_bytes() / kConnectionBudgetShare) {
  PENSTOCK_ASSERT(outbox_ != nullptr);
}

uint32_t Gateway::open_connection(uint32_t window) {
  uint32_t id = static_cast<uint32_t>(connections_.size());
  if (free_connections_.empty()) {
    connections_.push_back(std::make_unique<Connection>());
  } else {
    id = free_connections_.back();
    free_connections_.pop_back();
  }
  Connection& connection = *connections_[id];
  const uint32_t generation = connection.generation + 1;
  connection = Connection{};
  connection.id = id;
  connection.generation = generation;
  connection.is_open = true;
  connection.window = window;
  return id;
}

Connection* Gateway::find(uint32_t connection) noexcept {
  if (connection >= connections_.size() || !connections_[connection]->is_open) return nullptr;
  return connections_[connection].get();
}

Channel* Gateway::find_channel(Connection& connection, uint32_t channel) noexcept {
  return channel < connection.channels.size() ? connection.channels[channel].get() : nullptr;
}

void Gateway::drop_finished(Connection& connection, Channel& channel) {
  for (Request* request = channel.head; request != nullptr;) {
    connection.charged_bytes -= request->connection_bytes;
    connection.ready_bytes -= request->connection_bytes;
    Port::unref(*std::exchange(request, request->next_answer));
  }
  channel.head = channel.tail = nullptr;
  channel.made.clear();
}

void Gateway::link(Connection& connection, Request& request) noexcept {
  request.previous_of_connection = nullptr;
  request.next_of_connection = connection.unanswered;
  if (connection.unanswered != nullptr) connection.unanswered->previous_of_connection = &request;
  connection.unanswered = &request;
  request.connection_bytes = request.charged_bytes.load(std::memory_order_relaxed);
  connection.charged_bytes += request.connection_bytes;
}

void Gateway::unlink(Connection& connection, Request& request) noexcept {
  Request* const previous = std::exchange(request.previous_of_connection, nullptr);
  Request* const next = std::exchange(request.next_of_connection, nullptr);
  (previous == nullptr ? connection.unanswered : previous->next_of_connection) = next;
  if (next != nullptr) next->previous_of_connection = previous;
}

// O(window): what one client can make us look at is bounded by its own credit.
template <typename Match>
size_t Gateway::end_requests(Connection& connection, Match&& match) {
  size_t ended = 0;
  Completions completions;
  for (Request* request = connection.unanswered; request != nullptr; request = request->next_of_connection)
    if (match(request->origin) && end_request(*request, StatusCode::kAborted, completions)) ++ended;
  completions.flush();
  return ended;
}

void Gateway::close_connection(uint32_t id) {
  Connection* const connection = find(id);
  if (connection == nullptr) return;
  end_requests(*connection, [](const Origin&) { return true; });
  while (connection->unanswered != nullptr) unlink(*connection, *connection->unanswered);
  for (const auto& channel : connection->channels)
    if (channel != nullptr) drop_finished(*connection, *channel);
  connection->channels.clear();
  connection->release(connection->in_flight);
  connection->limit = nullptr;
  connection->is_open = false;
  ++connection->generation;
  free_connections_.push_back(id);
}

bool Gateway::open_channel(uint32_t id, uint32_t channel_id, std::shared_ptr<Pipeline> pipeline, bool is_plain) {
  Connection* const connection = find(id);
  if (connection == nullptr || channel_id >= kChannelsMax) return false;
  close_channel(id, channel_id);
  if (connection->channels.size() <= channel_id) connection->channels.resize(channel_id + 1);
  auto channel = std::make_unique<Channel>();
  channel->id = channel_id;
  channel->is_plain = is_plain;
  const std::shared_ptr<Plan> plan = pipeline->plan();
  channel->signature = plan == nullptr ? 0 : plan->signature;
  channel->has_columns = plan != nullptr && plan->columns != nullptr && plan->columns->input() != nullptr;
  channel->pipeline = std::move(pipeline);
  connection->channels[channel_id] = std::move(channel);
  return true;
}

void Gateway::close_channel(uint32_t id, uint32_t channel_id) {
  Connection* const connection = find(id);
  Channel* const channel = connection == nullptr ? nullptr : find_channel(*connection, channel_id);
  if (channel == nullptr) return;
  // A later channel of this number may serve another pipeline: nothing of this one may reach it.
  end_requests(*connection, [&](const Origin& origin) { return origin.channel == channel_id; });
  for (Request* request = channel->head; request != nullptr; request = request->next_answer) connection->release(1);
  drop_finished(*connection, *channel);
  connection->channels[channel_id] = nullptr;
}

bool Gateway::cancel(uint32_t id, uint32_t channel, uint32_t wire_id) {
  Connection* const connection = find(id);
  if (connection == nullptr) return false;
  const auto is_named = [&](const Origin& origin) { return origin.channel == channel && origin.wire_id == wire_id; };
  return end_requests(*connection, is_named) > 0;
}

int32_t Gateway::receive(uint32_t id, Bytes frame, Failure& failure, int64_t& channel_id, int64_t& wire_id) {
  const auto refuse = [&failure](const auto& why) {
    failure.set(why);
    return -static_cast<int32_t>(failure.code);
  };
  Connection* const connection = find(id);
  if (connection == nullptr) return refuse(StatusCode::kHandle);
  Body type{};
  Table body;
  FrameFault fault = read_message(frame, type, body);
  if (fault != FrameFault::kNone) return refuse(FrameDetail{.fault = static_cast<int64_t>(fault)});
  if (type == Body::kInferMany) return receive_many(*connection, id, body, failure, channel_id, wire_id);
  if (type != Body::kInfer) return static_cast<int32_t>(type);
  InferFrame infer;
  fault = read_infer(body, infer);
  if (fault != FrameFault::kNone) return refuse(FrameDetail{.fault = static_cast<int64_t>(fault)});
  channel_id = infer.channel;
  wire_id = infer.request;
  if (connection->in_flight >= connection->window)
    return refuse(CreditExceededDetail{.in_flight = connection->in_flight, .window = connection->window});
  Channel* const channel = find_channel(*connection, infer.channel);
  if (channel == nullptr) return refuse(StatusCode::kChannelNotFound);
  if (channel->is_plain) return static_cast<int32_t>(Body::kInfer);
  failure.set(StatusCode::kOk);
  const Admission admission = channel->has_columns ? admit_columns(*connection, id, *channel, infer, failure)
                                                   : admit(*connection, id, *channel, infer, failure);
  if (admission == Admission::kLeft) return static_cast<int32_t>(Body::kInfer);
  return admission == Admission::kAdmitted ? 0 : -static_cast<int32_t>(failure.code);
}

Gateway::Admission Gateway::admit(Connection& connection, uint32_t id, Channel& channel, const InferFrame& infer,
                                  Failure& failure) {
  const auto refuse = [&failure](const auto& why) {
    failure.set(why);
    return Admission::kRefused;
  };
  std::shared_ptr<Plan> plan = channel.pipeline->plan();
  if (plan == nullptr || plan->stages.empty()) return refuse(StatusCode::kPipelineNotDeployed);
  if (plan->signature != channel.signature) return refuse(StatusCode::kChannelStale);
  const uint32_t rows_max = plan->is_non_batching ? 1 : plan->request_rows_max;
  if (infer.rows == 0 && plan->is_non_batching) return refuse(ShapeDetail{.expected = 1});
  if (infer.rows > rows_max) return refuse(TooManyRowsDetail{.limit = rows_max, .received = infer.rows});
  if (infer.priority >= kPriorityCount) return refuse(StatusCode::kArgument);
  Submission submission;
  if (!place_tensors(*plan, infer, submission, failure)) return Admission::kRefused;
  return submit_placed(connection, id, channel, infer, std::move(plan), submission, failure);
}

Gateway::Admission Gateway::admit_columns(Connection& connection, uint32_t id, Channel& channel,
                                          const InferFrame& infer, Failure& failure) {
  std::shared_ptr<Plan> plan = channel.pipeline->plan();
  const bool is_current = plan != nullptr && !plan->stages.empty() && plan->signature == channel.signature;
  const bool is_plain = infer.rows > 0 && infer.priority < kPriorityCount && infer.deadline_ms <= kDeadlineMsMax;
  if (!is_current || !is_plain || infer.rows > plan->request_rows_max) return Admission::kLeft;
  const ColumnForm& form = *plan->columns;
  if (!columns_.read(form, infer)) {
    columns_.trim();
    return Admission::kLeft;
  }
  Submission submission;
  submission.inputs = columns_.tensors();
  submission.row_bytes = form.tensor_row_bytes().data();
  submission.free_dims = form.free_dims().data();
  const Admission admission = submit_placed(connection, id, channel, infer, std::move(plan), submission, failure);
  columns_.trim();
  return admission;
}

bool Gateway::place_tensors(const Plan& plan, const InferFrame& infer, Submission& submission, Failure& failure) {
  const auto refuse = [&failure](const auto& why) {
    failure.set(why);
    return false;
  };
  if (infer.dims.count != plan.free_dim_count)
    return refuse(ShapeDetail{.input = kAllInputs,
                              .expected = static_cast<int64_t>(plan.free_dim_count),
                              .received = static_cast<int64_t>(infer.dims.count)});

  free_dims_.resize(plan.free_dim_count);
  for (size_t i = 0; i < plan.free_dim_count; ++i) {
    free_dims_[i] = infer.dims.get<uint32_t>(i);
    // Beside a 0 no bytes contradict it, and it would come out as another dim where shapes are signed.
    if (free_dims_[i] > INT32_MAX)
      return refuse(ShapeDetail{.input = kBeyondDimMax, .expected = INT32_MAX, .received = free_dims_[i]});
  }
  row_bytes_.resize(plan.inputs.size());
  input_pointers_.resize(plan.inputs.size());
  size_t bytes = 0;
  const int64_t* free_dims = free_dims_.data();
  for (size_t i = 0; i < plan.inputs.size(); ++i) {
    const auto row_bytes = row_bytes_in_frame(plan.inputs[i], free_dims);
    if (!row_bytes) return refuse(ShapeDetail{.input = static_cast<int64_t>(i), .expected = 1});
    // Subtract, never add: the sum can wrap for hostile dims.
    const size_t left = infer.data.count - bytes;
    if (infer.rows > 0 && *row_bytes > left / infer.rows) {
      int64_t expected = 0;
      if (__builtin_mul_overflow(*row_bytes, infer.rows, &expected)) expected = INT64_MAX;
      return refuse(
          ShapeDetail{.input = static_cast<int64_t>(i), .expected = expected, .received = static_cast<int64_t>(left)});
    }
    row_bytes_[i] = *row_bytes;
    input_pointers_[i] = reinterpret_cast<const std::byte*>(infer.data.begin()) + bytes;
    bytes += *row_bytes * infer.rows;
  }
  if (bytes != infer.data.count)
    return refuse(ShapeDetail{.input = kAllInputs,
                              .expected = static_cast<int64_t>(bytes),
                              .received = static_cast<int64_t>(infer.data.count)});
  submission.inputs = input_pointers_.data();
  submission.row_bytes = row_bytes_.data();
  submission.free_dims = free_dims_.data();
  return true;
}

Gateway::Admission Gateway::submit_placed(Connection& connection, uint32_t id, Channel& channel,
                                          const InferFrame& infer, std::shared_ptr<Plan> plan, Submission& submission,
                                          Failure& failure) {
  if (connection.charged_bytes >= connection_bytes_max_) {
    failure.set(QueueFullDetail{.used = connection.charged_bytes,
                                .limit = connection_bytes_max_,
                                .retry_after_ms = kBudgetRetryMs,
                                .wanted = static_cast<int64_t>(QueueFullWanted::kConnectionShare)});
    return Admission::kRefused;
  }
  submission.rows = infer.rows;
  submission.meta = infer.meta;
  if (submission.meta.has_trace()) submission.trace_parent = submission.meta.keep_valid_trace(infer.rows);
  submission.deadline_us = infer.deadline_ms == 0 ? 0 : now_us() + int64_t{infer.deadline_ms} * 1000;
  submission.priority = static_cast<Priority>(infer.priority);
  submission.has_timing = infer.timing != 0;
  submission.origin = {.is_wire = true,
                       .request_number = infer.request_id == 0 ? 0 : port_.runtime->number_request(),
                       .connection = id,
                       .connection_generation = connection.generation,
                       .channel = channel.id,
                       .wire_id = infer.request};
  if (connection.limit != nullptr && !take_limit(*connection.limit, failure)) return Admission::kRefused;
  // Counted before: the request may be answered before submit returns.
  ++connection.in_flight;
  Request* const request = submit(port_, *channel.pipeline, std::move(plan), submission, failure);
  if (request != nullptr) {
    link(connection, *request);  // its answer is read on this thread, so it is still there
    return Admission::kAdmitted;
  }
  connection.release(1);
  return Admission::kRefused;
}

bool Gateway::take_limit(CallerLimit& limit, Failure& failure) noexcept {
  const int64_t wait_ns = limit.try_take(port_.burst_now_ns());
  if (wait_ns == 0) return true;
  port_.end_burst();  // no flush follows a refusal, and the next request must see a later time
  const bool is_busy = wait_ns < 0;
  failure.set(RateLimitedDetail{.is_busy = is_busy, .retry_after_us = is_busy ? 0 : (wait_ns + 999) / 1000});
  return false;
}

bool Gateway::is_current(const Origin& origin) noexcept {
  const Connection* const connection = find(origin.connection);
  return connection != nullptr && connection->generation == origin.connection_generation;
}

void Gateway::count_delivered(const Origin& origin) noexcept {
  if (is_current(origin)) connections_[origin.connection]->release(1);
}

Gateway::Answer Gateway::collect(Request& request) {
  const Origin& origin = request.origin;
  if (!is_current(origin)) {
    Port::unref(request);
    return Answer::kDropped;
  }
  Connection& connection = *connections_[origin.connection];
  unlink(connection, request);
  connection.charged_bytes -= request.connection_bytes;
  if (request.status() != StatusCode::kOk) return Answer::kFailed;
  Channel* const channel = find_channel(connection, origin.channel);
  if (channel == nullptr) {
    connection.release(1);
    Port::unref(request);
    return Answer::kDropped;
  }
  if (!reserve_frame(request) || !make_answer(request, *channel)) {
    request.fail(RunFailedDetail{.is_ours = 1}, "The result is too large for a frame. Ask for fewer rows at a time.");
    return Answer::kFailed;
  }
  request.connection_bytes = request.charged_bytes.load(std::memory_order_relaxed);
  connection.charged_bytes += request.connection_bytes;
  connection.ready_bytes += request.connection_bytes;
  request.next_answer = nullptr;
  (channel->tail == nullptr ? channel->head : channel->tail->next_answer) = &request;
  channel->tail = &request;
  if (!std::exchange(channel->is_listed, true))
    listed_.push_back({origin.connection, origin.connection_generation, origin.channel});
  return Answer::kCollected;
}

bool Gateway::make_answer(Request& request, Channel& channel) {
  const ColumnForm* const form = request.plan->columns.get();
  if (form == nullptr || form->output() == nullptr) return true;
  if (!columns_.make(*form, request, channel.made)) return false;
  const auto bytes = static_cast<int64_t>(request.rows * form->output_row_bytes());
  port_.runtime->budget.charge(bytes);
  request.charged_bytes.fetch_add(bytes, std::memory_order_relaxed);
  return true;
}

bool Gateway::reserve_frame(const Request& request) {
  constexpr size_t kRowBytes = 16;           // failed checks and a route
  constexpr size_t kRestBytes = 64u << 10u;  // everything else, the labels of a timing among it
  const Plan& plan = *request.plan;
  const bool is_made = plan.columns != nullptr && plan.columns->output() != nullptr;
  const size_t row_bytes = is_made ? plan.columns->output_row_bytes() : plan.answer_row_bytes;
  if (!plan.has_free_answer && size_t{request.rows} * (row_bytes + kRowBytes) + kRestBytes <= kOutboxBytes) return true;
  const size_t bytes = data_bytes_of(request) + size_t{request.rows} * kRowBytes + kRestBytes;
  if (bytes > kFrameBytesLimit) return false;
  if (bytes <= std::max(outbox_->size_bytes(), larger_outbox_ == nullptr ? 0 : larger_outbox_->size_bytes()))
    return true;
  auto larger = Block::try_make(bytes);
  if (larger != nullptr) larger_outbox_ = std::move(larger);
  return larger_outbox_ != nullptr && larger_outbox_->size_bytes() >= bytes;
}

bool Gateway::encode(std::vector<Send>& sends, size_t room) {
  while (!listed_.empty()) {
    const Listed listed = listed_.back();
    const bool is_open = is_current({.connection = listed.connection, .connection_generation = listed.generation});
    Connection* const connection = is_open ? connections_[listed.connection].get() : nullptr;
    Channel* const channel = is_open ? find_channel(*connection, listed.channel) : nullptr;
    if (channel != nullptr && channel->is_listed &&
        !encode_channel(listed.connection, *connection, *channel, sends, room))
      return false;
    if (channel != nullptr) channel->is_listed = false;
    listed_.pop_back();
  }
  return true;
}

bool Gateway::encode_channel(uint32_t id, Connection& connection, Channel& channel, std::vector<Send>& sends,
                             size_t room) {
  std::vector<uint32_t> dims;
  while (channel.head != nullptr && !is_held_back(connection)) {
    if (sends.size() >= room) return false;
    // As many results as go into one frame: same layout, and no more than the outbox has room for.
    ResultsShape shape{.channel = channel.id};
    shape.has_routes = channel.head->plan->route_split >= 0;
    const bool has_free_answer = channel.head->plan->has_free_answer;
    if (has_free_answer) {
      free_answer_dims(*channel.head, dims);
      shape.dims = static_cast<uint32_t>(dims.size());
    }
    Request* end = channel.head;
    while (end != nullptr && shape.results < kResultsMax) {
      ResultsShape wider = shape;
      ++wider.results;
      wider.rows += end->rows;
      wider.has_row_counts = wider.has_row_counts || end->rows != 1;
      wider.has_check_failures = wider.has_check_failures || has_failed_checks(*end);
      wider.has_request_numbers = wider.has_request_numbers || end->origin.request_number != 0;
      if (end->has_trace_parent) ++wider.traced;
      wider.has_caches = wider.has_caches || end->has_cache;
      wider.data_bytes += data_bytes_of(*end);
      // A request with timing gets a frame of its own.
      if (end->has_timing && shape.results > 0) break;
      if (end->has_timing) shape_timing(*end, wider);
      const auto is_beyond = [&](size_t frame_bytes) { return outbox_used_ + frame_bytes > outbox_->size_bytes(); };
      if (is_beyond(frame_bytes_bound(wider)) && is_beyond(place_results(wider).frame_bytes)) {
        if (shape.results > 0) break;
        if (outbox_used_ > 0) return false;
        // One result larger than the outbox: a larger outbox, which the reader notices by the frame's end.
        PENSTOCK_ASSERT(larger_outbox_ != nullptr && larger_outbox_->size_bytes() >= place_results(wider).frame_bytes);
        // JavaScript's collector may keep its address for long.
        outbox_->release_pages();
        outbox_ = std::exchange(larger_outbox_, nullptr);
      }
      shape = wider;
      const bool is_alone = has_free_answer || end->has_timing;
      end = end->next_answer;
      if (is_alone) break;
    }
    const ResultsPlaces places = place_results(shape);
    PENSTOCK_ASSERT(places.frame_bytes <= frame_bytes_bound(shape));
    std::byte* const frame = outbox_->data() + outbox_used_;
    write_results_frame(shape, places, frame);
    if (channel.head->has_timing) put_timing(*channel.head, places, frame);
    if (shape.dims > 0) std::memcpy(frame + places.dims, dims.data(), dims.size() * 4);
    ResultsWriter writer{
        .frame = frame, .places = places, .trace_text = places.traceparents + size_t{shape.results} * 4};
    while (channel.head != end) {
      Request& request = *std::exchange(channel.head, channel.head->next_answer);
      writer.add(request, channel.made);
      connection.charged_bytes -= request.connection_bytes;
      connection.ready_bytes -= request.connection_bytes;
      Port::unref(request);
    }
    if (connection.is_congested) {
      connection.unacknowledged.push_back({shape.results, places.frame_bytes});
      connection.unread_bytes += places.frame_bytes;
    } else {
      connection.release(shape.results);
    }
    if (channel.head == nullptr) {
      channel.tail = nullptr;
      channel.made.clear();
    }
    sends.push_back({id, outbox_used_, places.frame_bytes, connection.is_congested});
    outbox_used_ = align_up(outbox_used_ + places.frame_bytes, 8);
  }
  return true;
}
}  // namespace penstock::websocket

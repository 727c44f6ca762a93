// A small engine without Node: a runtime, queues of two-float rows, workers that compute in C++, and a port that is
// drained by hand. The "model" adds a constant to each of two floats, so that every row shows which model it met.
#pragma once
#include <atomic>
#include <cstring>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "core/clock.hpp"
#include "runtime/executor.hpp"

namespace penstock::testing {
constexpr size_t kWidth = 2;

inline std::shared_ptr<ModelQueue> make_queue(const std::shared_ptr<Runtime>& runtime, uint32_t key,
                                              uint32_t rows_max = 8, std::array<uint32_t, 2> pending = {4096, 64}) {
  QueueOptions options;
  options.model_key = key;
  options.inputs = {Field{Dtype::kFloat32, {kWidth}}};
  options.outputs = {Field{Dtype::kFloat32, {kWidth}}};
  options.batch_rows_max = rows_max;
  options.batch_bytes_max = size_t{1} << 20;
  options.pending_rows_max = pending;
  options.owner = runtime;
  return std::make_shared<ModelQueue>(runtime->scheduler, std::move(options));
}

inline InputBinding from_request() {
  return InputBinding{};
}
inline InputBinding from_stage(uint16_t stage, uint16_t position, size_t options) {
  InputBinding binding;
  binding.is_from_request = false;
  binding.source = {stage, position, SourceSide::kOutputs, std::vector<uint16_t>(options, 0)};
  return binding;
}

inline Position one_model(std::shared_ptr<ModelQueue> queue, InputBinding binding, bool is_background = false) {
  Position position;
  position.options.push_back({std::move(queue), {std::move(binding)}});
  position.is_background = is_background;
  return position;
}

inline std::shared_ptr<Plan> make_plan(std::vector<std::vector<Position>> stages) {
  auto plan = std::make_shared<Plan>();
  plan->inputs = {Field{Dtype::kFloat32, {kWidth}}};
  plan->request_rows_max = 4096;
  for (auto& positions : stages) {
    Stage stage;
    stage.positions = std::move(positions);
    plan->stages.push_back(std::move(stage));
  }
  const size_t options = plan->stages.back().positions[0].options.size();
  plan->answer = {
      {static_cast<uint16_t>(plan->stages.size() - 1), 0, SourceSide::kOutputs, std::vector<uint16_t>(options, 0)}};
  return plan;
}

// Runs the batch in hand: output = input + model key.
inline void run_model(Batch& batch) {
  const TensorView in = batch.view(SourceSide::kInputs, 0);
  const TensorView out = batch.view(SourceSide::kOutputs, 0);
  auto* const target = const_cast<std::byte*>(out.data);
  for (size_t i = 0; i < size_t{batch.rows} * kWidth; ++i) {
    float x;
    std::memcpy(&x, in.data + i * 4, 4);
    x += static_cast<float>(batch.bucket.queue.options.model_key);
    std::memcpy(target + i * 4, &x, 4);
  }
}

// Runs the batch in hand and says that it took `run_ns`, from when it was taken.
inline RunSpan run_for(WorkerSlot& slot, int64_t run_ns) {
  run_model(*slot.batch);
  return {slot.taken_ns, slot.taken_ns + run_ns};
}

// Batches that the queue's workers have counted.
inline uint64_t batches_of(const ModelQueue& queue, HistogramSum& rows) {
  queue.phases.for_each([&](const PhaseTimes& times) { rows.add(times.batch_rows); });
  return rows.count();
}

// Takes and runs one batch on the calling thread. False: nothing was waiting.
inline bool run_one(WorkerSlot& slot, Scheduler& scheduler, int64_t timeout_ms = 0) {
  if (scheduler.take(slot, timeout_ms) != Take::kBatch) return false;
  if (drop_dead_rows(slot) > 0) {
    complete_batch(slot, run_for(slot, 5000));
  } else {
    complete_batch(slot, std::nullopt);
  }
  return true;
}

struct Outcome {
  double tag = 0;
  StatusCode code = StatusCode::kOk;
  std::vector<float> values;
};

// Reads and releases all answers that wait.
inline std::vector<Outcome> drain(Port& port) {
  std::vector<Outcome> outcomes;
  PortCompletions completions = port.collect();
  while (completions.answers != nullptr) {
    Request& request = *std::exchange(completions.answers, completions.answers->next_answer);
    Outcome outcome{request.origin.tag, request.status(), {}};
    if (outcome.code == StatusCode::kOk) {
      outcome.values.resize(size_t{request.rows} * kWidth);
      gather(request, request.plan->answer[0], kWidth * 4, reinterpret_cast<std::byte*>(outcome.values.data()));
    }
    outcomes.push_back(std::move(outcome));
    Port::unref(request);
  }
  return outcomes;
}

struct Engine {
  std::shared_ptr<Runtime> runtime = std::make_shared<Runtime>();
  Pipeline pipeline;
  std::shared_ptr<Port> port = std::make_shared<Port>(runtime, 4096, [] {});
  WorkerSlot slot;

  Engine() { runtime->scheduler.add_worker(slot); }
  ~Engine() {
    runtime->scheduler.close();
    port->close();
  }
  // Before anything is deployed.
  void use_runtime(std::shared_ptr<Runtime> other) {
    runtime->scheduler.remove_worker(slot);
    runtime = std::move(other);
    port = std::make_shared<Port>(runtime, 4096, [] {});
    runtime->scheduler.add_worker(slot);
  }
  // Empty when the plan is sound.
  std::string deploy(std::shared_ptr<Plan> plan) {
    std::string fault = plan->seal();
    pipeline.set_plan(std::move(plan));
    return fault;
  }
  Request* submit_rows(const std::vector<float>& rows, double tag, Failure& failure, int64_t deadline_us = 0,
                       Priority priority = Priority::kInteractive, bool has_audited_outputs = false) {
    const auto* const data = reinterpret_cast<const std::byte*>(rows.data());
    const size_t row_bytes = kWidth * 4;
    Submission submission;
    submission.inputs = &data;
    submission.row_bytes = &row_bytes;
    submission.rows = static_cast<uint32_t>(rows.size() / kWidth);
    submission.deadline_us = deadline_us;
    submission.priority = priority;
    submission.origin.tag = tag;
    submission.has_audited_outputs = has_audited_outputs;
    failure.set(StatusCode::kOk);
    return submit(*port, pipeline, pipeline.plan(), submission, failure);
  }
  void run_all() {
    port->publisher.flush();
    while (run_one(slot, runtime->scheduler)) {
    }
  }
};

inline std::vector<float> rows_of(size_t count, float first) {
  std::vector<float> rows(count * kWidth);
  for (size_t i = 0; i < rows.size(); ++i) rows[i] = first + static_cast<float>(i);
  return rows;
}
}  // namespace penstock::testing

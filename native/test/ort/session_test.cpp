// Claims about sessions and runs by ONNX Runtime's C API; without its library they are skipped.
#include "ort/session.hpp"

#include <atomic>
#include <thread>

#include "ort/batch_run.hpp"
#include "ort/tensor_run.hpp"
#include "test/engine_fixture.hpp"
#include "test/ort/models.hpp"
#include "test/ort/onnx_runtime.hpp"
#include "test/testing.hpp"

using namespace penstock;
using namespace penstock::testing;

namespace {
std::shared_ptr<ort::Session> open(const std::vector<uint8_t>& model, std::string* refusal = nullptr) {
  ort::SessionSpec spec;
  spec.bytes = model;
  std::string text;
  auto session = ort::Session::create(*onnx_runtime(), spec, text);
  if (refusal != nullptr) *refusal = text;
  return session;
}

ort::GivenTensor floats(const std::vector<float>& values, std::vector<int64_t> dims) {
  return {0, 1, std::move(dims), reinterpret_cast<const std::byte*>(values.data()), values.size() * 4, {}};
}

std::vector<float> floats_of(const ort::ResultTensor& result) {
  std::vector<float> values(result.bytes.size() / 4);
  std::memcpy(values.data(), result.bytes.data(), result.bytes.size());
  return values;
}

// One queue in an engine whose rows are two floats, and a worker that runs its batches in `session`.
struct Served {
  Engine engine;
  std::shared_ptr<ort::Session> session;
  ort::BatchRunner runner{*onnx_runtime()};

  explicit Served(const std::vector<uint8_t>& model) : session(open(model)) {
    engine.deploy(make_plan({{one_model(make_queue(engine.runtime, 1), from_request())}}));
  }
  Request* send(const std::vector<float>& rows, double tag, int64_t deadline_us = 0) {
    Failure failure;
    Request* const request = engine.submit_rows(rows, tag, failure, deadline_us);
    engine.port->publisher.flush();
    return request;
  }
  void take() {
    CLAIM(engine.runtime->scheduler.take(engine.slot, 1000) == Take::kBatch);
    CLAIM(drop_dead_rows(engine.slot) > 0);
  }
  void complete() { complete_batch(engine.slot, RunSpan{engine.slot.taken_ns, now_ns()}); }
};
}  // namespace

TEST("session: fields are read, and a model that is none is refused with the reason") {
  if (onnx_runtime() == nullptr) return;
  const auto session = open(doubling());
  CLAIM(session->inputs().size() == 1 && session->inputs()[0].name == "x" && session->inputs()[0].is_tensor);
  CLAIM(session->inputs()[0].element_type == 1 && session->inputs()[0].dims == std::vector<int64_t>({-1, 2}));
  CLAIM(session->outputs()[0].name == "y");
  std::string refusal;
  CLAIM(open({1, 2, 3}, &refusal) == nullptr && !refusal.empty());
}

TEST("session: tensors are run, numbers and strings with any bytes in them") {
  if (onnx_runtime() == nullptr) return;
  std::vector<ort::ResultTensor> results;
  const std::vector<float> values{1, 2, 3, 4};
  CLAIM(ort::run_tensors(*open(doubling()), {floats(values, {2, 2})}, nullptr, results).empty());
  CLAIM(results.size() == 1 && results[0].dims == std::vector<int64_t>({2, 2}));
  CLAIM(floats_of(results[0]) == std::vector<float>({2, 4, 6, 8}));
  ort::GivenTensor texts{0, 8, {3}, nullptr, 0, {"a", std::string("b\0c", 3), ""}};
  const auto expected = texts.strings;
  results.clear();
  CLAIM(ort::run_tensors(*open(repeating()), {texts}, nullptr, results).empty());
  CLAIM(results[0].strings == expected);
  texts.strings.pop_back();
  CLAIM(!ort::run_tensors(*open(repeating()), {texts}, nullptr, results).empty());
  CLAIM(!ort::run_tensors(*open(doubling()), {floats(values, {4})}, nullptr, results).empty());
}

TEST("session: threads run one session at a time, each with rows of its own") {
  if (onnx_runtime() == nullptr) return;
  const auto session = open(doubling());
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread)
    threads.emplace_back([&, thread] {
      for (int run = 0; run < 200; ++run) {
        const auto value = static_cast<float>(thread * 1000 + run);
        std::vector<ort::ResultTensor> results;
        const std::vector<float> row{value, -value};
        const std::string refusal = ort::run_tensors(*session, {floats(row, {1, 2})}, nullptr, results);
        if (!refusal.empty() || floats_of(results[0]) != std::vector<float>({2 * value, -2 * value})) ++wrong;
      }
    });
  for (std::thread& thread : threads) thread.join();
  CLAIM(wrong == 0);
}

TEST("batch: rows are run where they lie, whole and in parts") {
  if (onnx_runtime() == nullptr) return;
  for (const uint32_t part : {5u, 2u, 1u}) {
    Served served(doubling());
    served.send(rows_of(2, 1), 1);
    served.send(rows_of(3, 100), 2);
    served.take();
    CLAIM(served.runner.run(*served.session, served.engine.slot, {0, 5, part}).empty());
    served.complete();
    const auto outcomes = drain(*served.engine.port);
    CLAIM(outcomes.size() == 2);
    for (const Outcome& outcome : outcomes) {
      std::vector<float> expected = outcome.tag == 1 ? rows_of(2, 1) : rows_of(3, 100);
      for (float& value : expected) value *= 2;
      CLAIM(outcome.code == StatusCode::kOk && outcome.values == expected);
    }
  }
}

TEST("batch: a session of other fields, and an output of another shape, are refused") {
  if (onnx_runtime() == nullptr) return;
  Served served(finding());
  served.send(rows_of(1, 1), 1);
  served.take();
  CLAIM(!served.runner.run(*served.session, served.engine.slot, {0, 1, 1}).empty());
  served.complete();
}

TEST("batch: a run that does not end is ended from another thread, and the next one runs") {
  if (onnx_runtime() == nullptr) return;
  Served served(looping());
  Scheduler& scheduler = served.engine.runtime->scheduler;
  served.send({2e9f, 1}, 1);
  served.take();
  CLAIM(!scheduler.stop_run(0, served.engine.slot.began_ns()));  // nothing runs yet
  const int64_t start_ns = served.engine.slot.began_ns();
  std::atomic<bool> has_stopped{false};
  std::thread other([&] {
    for (int tries = 0; tries < 10'000 && !has_stopped; ++tries) {
      CLAIM(!scheduler.stop_run(0, start_ns + 1));
      has_stopped = scheduler.stop_run(0, start_ns);
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  });
  CLAIM(served.runner.run(*served.session, served.engine.slot, {0, 1, 1}) == ort::kStoppedText);
  other.join();
  CLAIM(has_stopped && served.engine.slot.stop.is_wanted());
  // What is left of the batch in hand does not run either, until it is watched anew.
  CLAIM(served.runner.run(*served.session, served.engine.slot, {0, 1, 1}) == ort::kStoppedText);
  fail_all_entries(*served.engine.slot.batch, StatusCode::kRunFailed, ort::kStoppedText);
  served.complete();
  served.send({2, 1}, 2);
  served.take();
  CLAIM(served.runner.run(*served.session, served.engine.slot, {0, 1, 1}).empty());
  served.complete();
  const auto outcomes = drain(*served.engine.port);
  CLAIM(outcomes.size() == 2 && outcomes[1].values == std::vector<float>({2, 1}));
}

TEST("batch: a run is unheard when the deadlines of all its callers have passed") {
  if (onnx_runtime() == nullptr) return;
  Served served(looping());
  Scheduler& scheduler = served.engine.runtime->scheduler;
  served.send({2e9f, 1}, 1, now_ns() / 1000 + 200'000);
  served.take();
  std::atomic<bool> was_heard{false}, was_unheard{false};
  std::thread other([&] {
    for (int tries = 0; tries < 10'000; ++tries) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
      const WorkersLook seen = scheduler.look();
      if (seen.runs.empty()) continue;
      if (!seen.runs[0].is_unheard) {
        was_heard = true;
        continue;
      }
      was_unheard = true;
      scheduler.stop_run(0, seen.runs[0].start_ns);
      return;
    }
  });
  CLAIM(served.runner.run(*served.session, served.engine.slot, {0, 1, 1}) == ort::kStoppedText);
  other.join();
  CLAIM(was_heard && was_unheard);
  served.complete();
}

int main() {
  return run_all();
}

// Claims under threads: two I/O threads submit to one pipeline, three workers run and one comes and goes in the
// background, one thread cancels, another redeploys and changes the limits of what serves. Every accepted request is
// answered exactly once and right, and nothing is left in flight. Run under TSan and ASan.
#include "log/logging_runtime.hpp"
#include "test/engine_fixture.hpp"
#include "test/memory_files.hpp"
#include "test/testing.hpp"

#include <climits>
#include <random>

using namespace penstock;
using namespace penstock::testing;

namespace {
constexpr int kRequestsPerThread = 3000;

struct Counters {
  size_t answered = 0;
  size_t aborted = 0;
  size_t refused = 0;
  size_t wrong = 0;
};

// One version adds 10 (+100 in the second stage), the next 20 (+200): an answer of mixed versions shows.
std::shared_ptr<Plan> make_version(const std::shared_ptr<Runtime>& runtime, uint32_t version,
                                   const std::array<std::shared_ptr<RowLog>, 2>& logs) {
  auto first = make_queue(runtime, version * 10, 16);
  auto second = make_queue(runtime, version * 100, 16);
  auto shadow = make_queue(runtime, 7, 16);
  shadow->is_in_background_workers.store(true);
  shadow->note_cost(1, 1000.0);
  auto plan = make_plan({{one_model(first, from_request()), one_model(shadow, from_request(), true)},
                         {one_model(second, from_stage(0, 0, 1))}});
  plan->log = logs[version % 2];
  return plan;
}

// An asynchronous log and a committed one; each serves many plans in turn.
std::shared_ptr<RowLog> open_log(LogWriter& writer, const Pipeline& pipeline, Durability durability) {
  LogOptions options;
  options.directory = "log";
  options.schema.resize(8);
  options.durability = durability;
  options.segment_bytes_max = 100'000;
  LogColumn elapsed;
  elapsed.kind = ColumnKind::kElapsed;
  elapsed.elements = 3;
  LogColumn input;
  input.kind = ColumnKind::kTensor;
  input.elements = kWidth;
  input.source = {0, 0, SourceSide::kInputs, {0}};
  LogColumn challenger = input;
  challenger.source = {0, 1, SourceSide::kOutputs, {0}};
  challenger.is_nullable = true;
  options.columns = {LogColumn{}, elapsed, input, challenger};
  return writer.open(pipeline.log_stats, std::move(options));
}

void run_batches(const std::shared_ptr<Runtime>& runtime, WorkerSlot& slot, int batches_max) {
  for (int batch = 0; batch < batches_max && runtime->scheduler.take(slot, -1) != Take::kClosed; ++batch) {
    const bool has_rows = drop_dead_rows(slot) > 0;
    complete_batch(slot, has_rows ? std::optional(run_for(slot, 5000)) : std::nullopt);
  }
}

void read_answers(Port& port, Counters& counters) {
  for (const Outcome& outcome : drain(port)) {
    if (outcome.code == StatusCode::kAborted) {
      ++counters.aborted;
      continue;
    }
    ++counters.answered;
    if (outcome.code != StatusCode::kOk) ++counters.wrong;
    for (size_t i = 0; i < outcome.values.size(); ++i) {
      const float shift = outcome.values[i] - (static_cast<float>(outcome.tag) + static_cast<float>(i));
      if (shift != 110.0f && shift != 220.0f) ++counters.wrong;
      if (outcome.values[i] - outcome.values[0] != static_cast<float>(i)) ++counters.wrong;  // one version for all rows
    }
  }
}

void io_thread(const std::shared_ptr<Runtime>& runtime, Pipeline& pipeline, uint32_t seed, Counters& counters) {
  auto port = std::make_shared<Port>(runtime, 512, [] {});
  std::mt19937 random(seed);
  for (int i = 0; i < kRequestsPerThread; ++i) {
    const std::vector<float> rows = rows_of(1 + random() % 5, static_cast<float>(i));
    const auto* const data = reinterpret_cast<const std::byte*>(rows.data());
    const size_t row_bytes = kWidth * 4;
    Submission submission;
    submission.inputs = &data;
    submission.row_bytes = &row_bytes;
    submission.rows = static_cast<uint32_t>(rows.size() / kWidth);
    submission.origin.tag = i;
    Failure failure;
    Request* const request = submit(*port, pipeline, pipeline.plan(), submission, failure);
    if (request == nullptr) {
      ++counters.refused;
    } else if (random() % 16 == 0) {
      Completions completions;
      end_request(*request, StatusCode::kAborted, completions);
      completions.flush();
    }
    if (i % 8 == 0) port->publisher.flush();
    if (i % 32 == 0) read_answers(*port, counters);
  }
  port->publisher.flush();
  while (port->in_flight() > 0) {
    read_answers(*port, counters);
    std::this_thread::yield();
  }
  port->close();
}
}  // namespace

TEST(
    "runtime: two I/O threads, three workers and a background one, cancels and redeploys lose nothing and mix no "
    "versions") {
  MemoryFiles files;
  const auto runtime = std::make_shared<LoggingRuntime>(true, files);
  runtime->scheduler.spin_ns = 20'000;  // workers spin, sleep and are woken, all within the run
  Pipeline pipeline;
  const std::array<std::shared_ptr<RowLog>, 2> logs = {open_log(runtime->log_writer, pipeline, Durability::kCommitted),
                                                       open_log(runtime->log_writer, pipeline, Durability::kAsync)};
  auto plan = make_version(runtime, 1, logs);
  CLAIM(plan->seal().empty());
  pipeline.set_plan(plan);
  std::array<WorkerSlot, 3> slots;
  std::vector<std::thread> workers;
  for (uint32_t i = 0; i < slots.size(); ++i) {
    slots[i].index = i;
    runtime->scheduler.add_worker(slots[i]);
    workers.emplace_back([&, i] { run_batches(runtime, slots[i], INT_MAX); });
  }
  workers.emplace_back([&] {
    while (!runtime->scheduler.is_closed()) {
      WorkerSlot background;
      background.index = 3;
      background.is_for_background = true;
      runtime->scheduler.add_worker(background);
      run_batches(runtime, background, 10);
      runtime->scheduler.remove_worker(background);
    }
  });
  std::atomic<bool> is_over{false};
  std::thread deployer([&] {
    for (uint32_t version = 2; !is_over.load(); ++version) {
      auto next = make_version(runtime, 1 + version % 2, logs);
      CLAIM(next->seal().empty());
      const std::shared_ptr<ModelQueue> queue = next->stages[0].positions[0].options[0].queue;
      pipeline.set_plan(std::move(next));
      std::this_thread::sleep_for(std::chrono::microseconds(300));
      // What calibration does to a model that serves.
      runtime->scheduler.limit_instances(*queue, 1 + version % 3);
      queue->limit_batches((1 + version % 5) * kWidth * sizeof(float));
    }
  });
  std::array<Counters, 2> counters;
  std::thread other([&] { io_thread(runtime, pipeline, 2, counters[1]); });
  io_thread(runtime, pipeline, 1, counters[0]);
  other.join();
  is_over.store(true);
  deployer.join();
  runtime->scheduler.close();
  for (std::thread& worker : workers) worker.join();
  for (const Counters& of_thread : counters) {
    CLAIM(of_thread.wrong == 0);
    CLAIM(of_thread.answered + of_thread.aborted + of_thread.refused == kRequestsPerThread);
    CLAIM(of_thread.answered > kRequestsPerThread / 10);
  }
  CLAIM(pipeline.stats->in_flight.load() == 0);
  CLAIM(runtime->budget.used_bytes() == 0);
  // Whoever was answered is logged; who was aborted may be.
  auto port = std::make_shared<Port>(runtime, 1, [] {});
  for (const auto& log : logs) log->close({port, 1, false});
  for (size_t replies = 0; replies < logs.size(); std::this_thread::yield()) replies += port->collect().replies.size();
  CLAIM(pipeline.log_stats->rows.load() >= counters[0].answered + counters[1].answered);
  CLAIM(pipeline.log_stats->dropped_rows.load() == 0);
}

int main() {
  return run_all();
}

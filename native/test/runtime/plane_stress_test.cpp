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

struct Tally {
  size_t answered = 0;
  size_t aborted = 0;
  size_t refused = 0;
  size_t wrong = 0;
};

// One version adds 10 (+100 in the second stage), the next 20 (+200): an answer of mixed versions shows.
std::shared_ptr<Plan> make_version(const std::shared_ptr<Plane>& plane, uint32_t version,
                                   const std::array<std::shared_ptr<RowLog>, 2>& logs) {
  auto first = make_queue(plane, version * 10, 16);
  auto second = make_queue(plane, version * 100, 16);
  auto shadow = make_queue(plane, 7, 16);
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

void run_batches(const std::shared_ptr<Plane>& plane, WorkerSeat& seat, int batches_max) {
  for (int batch = 0; batch < batches_max && plane->scheduler.take(seat, -1) != Take::kClosed; ++batch) {
    const bool has_rows = drop_dead_rows(seat) > 0;
    complete_batch(seat, has_rows ? std::optional(run_for(seat, 5000)) : std::nullopt);
  }
}

void read_answers(Port& port, Tally& tally) {
  for (const Outcome& outcome : drain(port)) {
    if (outcome.code == StatusCode::kAborted) {
      ++tally.aborted;
      continue;
    }
    ++tally.answered;
    if (outcome.code != StatusCode::kOk) ++tally.wrong;
    for (size_t i = 0; i < outcome.values.size(); ++i) {
      const float shift = outcome.values[i] - (static_cast<float>(outcome.tag) + static_cast<float>(i));
      if (shift != 110.0f && shift != 220.0f) ++tally.wrong;
      if (outcome.values[i] - outcome.values[0] != static_cast<float>(i)) ++tally.wrong;  // one version for all rows
    }
  }
}

void io_thread(const std::shared_ptr<Plane>& plane, Pipeline& pipeline, uint32_t seed, Tally& tally) {
  auto port = std::make_shared<Port>(plane, 512, [] {});
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
      ++tally.refused;
    } else if (random() % 16 == 0) {
      Deliveries deliveries;
      end_request(*request, StatusCode::kAborted, deliveries);
      deliveries.flush();
    }
    if (i % 8 == 0) port->publisher.flush();
    if (i % 32 == 0) read_answers(*port, tally);
  }
  port->publisher.flush();
  while (port->in_flight() > 0) {
    read_answers(*port, tally);
    std::this_thread::yield();
  }
  port->close();
}
}  // namespace

TEST(
    "plane: two I/O threads, three workers and a background one, cancels and redeploys lose nothing and mix no "
    "versions") {
  MemoryFiles files;
  auto runtime = std::make_shared<LoggingRuntime>(true, files);
  const std::shared_ptr<Plane> plane = runtime;
  plane->scheduler.watch_ns = 20'000;  // workers watch, sleep and are woken, all within the run
  Pipeline pipeline;
  const std::array<std::shared_ptr<RowLog>, 2> logs = {open_log(runtime->log_writer, pipeline, Durability::kCommitted),
                                                       open_log(runtime->log_writer, pipeline, Durability::kAsync)};
  auto plan = make_version(plane, 1, logs);
  CLAIM(plan->seal().empty());
  pipeline.set_plan(plan);
  std::array<WorkerSeat, 3> seats;
  std::vector<std::thread> workers;
  for (uint32_t i = 0; i < seats.size(); ++i) {
    seats[i].index = i;
    plane->scheduler.add_worker(seats[i]);
    workers.emplace_back([&, i] { run_batches(plane, seats[i], INT_MAX); });
  }
  workers.emplace_back([&] {
    while (!plane->scheduler.is_closed()) {
      WorkerSeat background;
      background.index = 3;
      background.is_for_background = true;
      plane->scheduler.add_worker(background);
      run_batches(plane, background, 10);
      plane->scheduler.remove_worker(background);
    }
  });
  std::atomic<bool> is_over{false};
  std::thread deployer([&] {
    for (uint32_t version = 2; !is_over.load(); ++version) {
      auto next = make_version(plane, 1 + version % 2, logs);
      CLAIM(next->seal().empty());
      const std::shared_ptr<ModelQueue> queue = next->stages[0].positions[0].options[0].queue;
      pipeline.set_plan(std::move(next));
      std::this_thread::sleep_for(std::chrono::microseconds(300));
      // What calibration does to a model that serves.
      plane->scheduler.limit_instances(*queue, 1 + version % 3);
      queue->limit_batches((1 + version % 5) * kWidth * sizeof(float));
    }
  });
  std::array<Tally, 2> tallies;
  std::thread other([&] { io_thread(plane, pipeline, 2, tallies[1]); });
  io_thread(plane, pipeline, 1, tallies[0]);
  other.join();
  is_over.store(true);
  deployer.join();
  plane->scheduler.close();
  for (std::thread& worker : workers) worker.join();
  for (const Tally& tally : tallies) {
    CLAIM(tally.wrong == 0);
    CLAIM(tally.answered + tally.aborted + tally.refused == kRequestsPerThread);
    CLAIM(tally.answered > kRequestsPerThread / 10);
  }
  CLAIM(pipeline.stats->in_flight.load() == 0);
  CLAIM(plane->budget.used_bytes() == 0);
  // Whoever was answered is logged; who was aborted may be.
  auto port = std::make_shared<Port>(plane, 1, [] {});
  for (const auto& log : logs) log->close({port, 1, false});
  for (size_t replies = 0; replies < logs.size(); std::this_thread::yield()) replies += port->collect().replies.size();
  CLAIM(pipeline.log_stats->rows.load() >= tallies[0].answered + tallies[1].answered);
  CLAIM(pipeline.log_stats->dropped_rows.load() == 0);
}

int main() {
  return run_all();
}

// Claims about the bytes that requests are charged, and about the memory of their batches.
#include "queue/scheduler.hpp"
#include "runtime/held_bytes.hpp"
#include "test/engine_fixture.hpp"
#include "test/testing.hpp"

using namespace penstock;
using namespace penstock::testing;

namespace {
constexpr int64_t kRowBytes = 2 * kWidth * 4;  // of the fixture's models: two floats in, two out

std::shared_ptr<Runtime> make_runtime(int64_t budget_bytes) {
  return std::make_shared<Runtime>(true, budget_bytes);
}

struct Budgeted : Engine {
  explicit Budgeted(int64_t budget_bytes) { use_runtime(make_runtime(budget_bytes)); }
  int64_t used() const { return runtime->budget.used_bytes(); }
  StatusCode submit(size_t rows, double tag, Priority priority = Priority::kInteractive) {
    return submit_rows(rows_of(rows, 0), tag, failure, 0, priority) == nullptr ? failure.code : StatusCode::kOk;
  }
  Failure failure;
};

// A queue of rows of `input_floats` whose output is known only after the run, unless its floats are given.
std::shared_ptr<ModelQueue> wide_queue(const std::shared_ptr<Runtime>& runtime, int64_t output_floats,
                                       uint32_t rows_max, size_t batch_bytes_max = size_t{1} << 24) {
  QueueOptions options;
  options.model_key = 1;
  options.inputs = {Field{Dtype::kFloat32, {kWidth}}};
  options.outputs = {Field{Dtype::kFloat32, {output_floats}}};
  options.batch_rows_max = rows_max;
  options.batch_bytes_max = batch_bytes_max;
  options.pending_rows_max = {4096, 64};
  options.owner = runtime;
  return std::make_shared<ModelQueue>(runtime->scheduler, std::move(options));
}

// Runs the batch in hand: each row is answered by `floats` of them.
void answer_with(Batch& batch, size_t floats) {
  DynamicOutput& out = batch.dynamic_outputs[0];
  out.dims = {static_cast<int64_t>(floats)};
  out.row_bytes = floats * 4;
  CLAIM(out.reserve(out.row_bytes * batch.rows));
  std::memset(out.data(), 1, out.row_bytes * batch.rows);
  out.is_set = true;
  batch.bucket.queue.note_resident(batch);
}

// Takes a batch, runs it and hands it back. 0: nothing was waiting, or nothing was left to run; else its rows.
uint32_t run_wide(Budgeted& engine, size_t floats) {
  engine.port->publisher.flush();
  if (engine.runtime->scheduler.take(engine.slot, 0) != Take::kBatch) return 0;
  const uint32_t rows = drop_dead_rows(engine.slot);
  if (rows == 0) return complete_batch(engine.slot, std::nullopt), 0;
  answer_with(*engine.slot.batch, floats);
  complete_batch(engine.slot, RunSpan{engine.slot.taken_ns, engine.slot.taken_ns + 1000});
  return rows;
}

// Answers, which are not read.
std::vector<StatusCode> answers(Port& port) {
  std::vector<StatusCode> codes;
  PortCompletions completions = port.collect();
  while (completions.answers != nullptr) {
    Request& request = *std::exchange(completions.answers, completions.answers->next_answer);
    codes.push_back(request.status());
    Port::unref(request);
  }
  return codes;
}
}  // namespace

TEST("budget: a request is charged for its inputs and outputs, until its answer was read") {
  Budgeted engine(1000);
  CLAIM(engine.deploy(make_plan({{one_model(make_queue(engine.runtime, 10), from_request())}})).empty());
  CLAIM(engine.submit(10, 1) == StatusCode::kOk);
  CLAIM(engine.used() == 10 * kRowBytes);
  engine.run_all();
  CLAIM(engine.used() == 10 * kRowBytes);
  CLAIM(drain(*engine.port).size() == 1);
  CLAIM(engine.used() == 0);
}

TEST("budget: what does not fit is refused with the bytes it wanted, and leaves nothing behind") {
  Budgeted engine(100);
  CLAIM(engine.deploy(make_plan({{one_model(make_queue(engine.runtime, 10), from_request())}})).empty());
  CLAIM(engine.submit(6, 1) == StatusCode::kOk);
  CLAIM(engine.submit(1, 2) == StatusCode::kQueueFull);
  const auto& details = engine.failure.details;
  CLAIM(details[0] == 96 && details[1] == 100 && details[2] > 0 && details[3] == kRowBytes);
  CLAIM(engine.used() == 96 && engine.port->in_flight() == 1);
  engine.run_all();
  CLAIM(drain(*engine.port).size() == 1);
  CLAIM(engine.submit(1, 3) == StatusCode::kOk);
  // Alone it is let in, whatever its size: other limits are for that.
  engine.run_all();
  CLAIM(drain(*engine.port).size() == 1 && engine.used() == 0);
  CLAIM(engine.submit(100, 4) == StatusCode::kOk);
  engine.run_all();
  CLAIM(drain(*engine.port).size() == 1 && engine.used() == 0);
}

TEST("budget: who no longer waits is charged until the rows come back") {
  Budgeted engine(1000);
  CLAIM(engine.deploy(make_plan({{one_model(make_queue(engine.runtime, 10), from_request())}})).empty());
  Request* const request = engine.submit_rows(rows_of(2, 0), 1, engine.failure);
  CLAIM(request != nullptr);
  engine.port->publisher.flush();
  CLAIM(engine.runtime->scheduler.take(engine.slot, 0) == Take::kBatch);
  CLAIM(drop_dead_rows(engine.slot) == 2);
  Completions completions;
  CLAIM(end_request(*request, StatusCode::kAborted, completions));
  completions.flush();
  CLAIM(drain(*engine.port).size() == 1);
  CLAIM(engine.used() == 2 * kRowBytes);
  complete_batch(engine.slot, run_for(engine.slot, 1000));
  CLAIM(engine.used() == 0);
}

TEST("budget: an expired request, a failed one, one whose worker ended and one of a closed runtime give all back") {
  Budgeted engine(1000);
  CLAIM(engine.deploy(make_plan({{one_model(make_queue(engine.runtime, 10), from_request())}})).empty());
  CLAIM(engine.submit_rows(rows_of(2, 0), 1, engine.failure, now_us() + 1'000'000'000) != nullptr);
  expire_requests(*engine.port, now_us() + 2'000'000'000);
  engine.run_all();
  CLAIM(drain(*engine.port).size() == 1 && engine.used() == 0);
  for (const StatusCode code : {StatusCode::kRunFailed, StatusCode::kWorkerLost}) {
    CLAIM(engine.submit(3, 2) == StatusCode::kOk);
    engine.port->publisher.flush();
    CLAIM(engine.runtime->scheduler.take(engine.slot, 0) == Take::kBatch);
    fail_all_entries(*engine.slot.batch, code, "");
    complete_batch(engine.slot, std::nullopt);
    const auto outcomes = drain(*engine.port);
    CLAIM(outcomes.size() == 1 && outcomes[0].code == code && engine.used() == 0);
  }
  CLAIM(engine.submit(3, 3) == StatusCode::kOk);
  engine.port->publisher.flush();
  engine.runtime->scheduler.close();
  CLAIM(drain(*engine.port).size() == 1 && engine.used() == 0);
}

TEST("budget: of several stages the two that hold most are charged") {
  Budgeted engine(10'000);
  const auto stage = [&](uint16_t s) {
    InputBinding binding = s == 0 ? from_request() : from_stage(static_cast<uint16_t>(s - 1), 0, 1);
    return std::vector<Position>{one_model(make_queue(engine.runtime, s), std::move(binding))};
  };
  CLAIM(engine.deploy(make_plan({stage(0), stage(1), stage(2), stage(3)})).empty());
  CLAIM(engine.submit(1, 1) == StatusCode::kOk);
  CLAIM(engine.used() == 2 * kRowBytes);
  engine.run_all();
  CLAIM(drain(*engine.port).size() == 1 && engine.used() == 0);
}

TEST("budget: a challenger is charged beside the champion, and shed where it would fill more than half") {
  Budgeted engine(200);
  CLAIM(engine
            .deploy(make_plan({{one_model(make_queue(engine.runtime, 10), from_request()),
                                one_model(make_queue(engine.runtime, 20), from_request(), true)}}))
            .empty());
  CLAIM(engine.submit(3, 1) == StatusCode::kOk);
  CLAIM(engine.used() == 6 * kRowBytes);  // 96 of 200
  CLAIM(engine.submit(3, 2) == StatusCode::kOk);
  CLAIM(engine.used() == 9 * kRowBytes);  // the challenger's rows found no room
  CLAIM(engine.pipeline.stats->shed_rows[1].load() == 3);
  engine.run_all();
  CLAIM(drain(*engine.port).size() == 2 && engine.used() == 0);
  CLAIM(engine.submit(3, 3) == StatusCode::kOk);
  CLAIM(engine.submit(1, 4, Priority::kBackground) == StatusCode::kQueueFull);
  engine.run_all();
  CLAIM(drain(*engine.port).size() == 1 && engine.used() == 0);
}

TEST("budget: answers of unknown size are learnt from the first runs, which have few rows") {
  Budgeted engine(int64_t{100} << 20);
  auto queue = wide_queue(engine.runtime, -1, 1024);
  CLAIM(engine.deploy(make_plan({{one_model(queue, from_request())}})).empty());
  constexpr size_t kFloats = size_t{1} << 18;  // a MiB a row
  CLAIM(engine.submit(40, 1) == StatusCode::kOk);
  CLAIM(engine.used() < 1 << 20);
  CLAIM(run_wide(engine, kFloats) == 16);
  // Charged when it is there; the rest of the request when it is taken.
  CLAIM(engine.used() > int64_t{16} << 20);
  CLAIM(run_wide(engine, kFloats) == 16);
  CLAIM(engine.used() > int64_t{32} << 20);
  CLAIM(run_wide(engine, kFloats) == 8);
  CLAIM(answers(*engine.port) == std::vector{StatusCode::kOk});
  CLAIM(engine.used() == 0);
  // Known now: a batch of at most its bytes, charged at admission.
  CLAIM(engine.submit(40, 2) == StatusCode::kOk);
  CLAIM(engine.used() > int64_t{40} << 20);
  CLAIM(engine.submit(61, 3) == StatusCode::kQueueFull);
  CLAIM(run_wide(engine, kFloats) == 15);
  while (run_wide(engine, kFloats) > 0) {
  }
  CLAIM(answers(*engine.port).size() == 1 && engine.used() == 0);
}

TEST("budget: rows that wait are refused, not run, when their answers turn out not to fit") {
  Budgeted engine(int64_t{20} << 20);
  auto queue = wide_queue(engine.runtime, -1, 1024);
  CLAIM(engine.deploy(make_plan({{one_model(queue, from_request())}})).empty());
  for (int i = 0; i < 64; ++i) CLAIM(engine.submit(1, i) == StatusCode::kOk);
  uint32_t rows_run = 0;
  for (int batch = 0; batch < 4; ++batch) rows_run += run_wide(engine, size_t{1} << 18);
  CLAIM(rows_run >= 16 && rows_run <= 20);
  const auto codes = answers(*engine.port);
  CLAIM(codes.size() == 64);
  CLAIM(std::count(codes.begin(), codes.end(), StatusCode::kQueueFull) == 64 - int64_t{rows_run});
  CLAIM(engine.used() == 0);
}

TEST("arenas: touched rows are counted, and given back when the budget is short") {
  // A MiB a row and four rows a batch; a quarter of the budget is what idle batches may keep.
  Budgeted engine(int64_t{64} << 20);
  auto queue = wide_queue(engine.runtime, int64_t{1} << 18, 4, size_t{4} * ((size_t{1} << 20) + 8));
  CLAIM(engine.deploy(make_plan({{one_model(queue, from_request())}})).empty());
  Arenas& arenas = engine.runtime->scheduler.arenas;
  const auto run_rows = [&](size_t requests, size_t rows) {
    for (size_t i = 0; i < requests; ++i) CLAIM(engine.submit(rows, static_cast<double>(i)) == StatusCode::kOk);
    engine.port->publisher.flush();
    while (engine.runtime->scheduler.take(engine.slot, 0) == Take::kBatch) {
      CLAIM(drop_dead_rows(engine.slot) > 0);
      complete_batch(engine.slot, RunSpan{engine.slot.taken_ns, engine.slot.taken_ns + 1000});
    }
  };
  run_rows(1, 1);
  CLAIM(arenas.resident_bytes() > 1 << 20 && arenas.resident_bytes() < 2 << 20);
  CLAIM(answers(*engine.port).size() == 1);
  run_rows(12, 4);
  CLAIM(arenas.resident_bytes() > int64_t{48} << 20 && !arenas.is_exhausted());
  CLAIM(queue->arena_bytes.load() == static_cast<uint64_t>(arenas.resident_bytes()));
  CLAIM(answers(*engine.port).size() == 12);
  CLAIM(arenas.resident_bytes() <= int64_t{17} << 20);
  // Idle: all of it goes, for a batch of this size is too large to be kept.
  CLAIM(arenas.trim(now_ns()) > 0);
  CLAIM(arenas.resident_bytes() == 0 && queue->batches_allocated.load() == 0 && queue->arena_bytes.load() == 0);
  run_rows(2, 4);
  CLAIM(answers(*engine.port).size() == 2);
}

TEST("arenas: a queue that is idle keeps one small batch, and what was used since") {
  Budgeted engine(int64_t{64} << 20);
  auto queue = make_queue(engine.runtime, 1, 8);
  CLAIM(engine.deploy(make_plan({{one_model(queue, from_request())}})).empty());
  CLAIM(engine.submit(64, 1) == StatusCode::kOk);
  engine.run_all();
  CLAIM(drain(*engine.port).size() == 1);
  CLAIM(queue->batches_allocated.load() == 8);
  engine.runtime->scheduler.arenas.trim(0);
  CLAIM(queue->batches_allocated.load() == 8);
  engine.runtime->scheduler.arenas.trim(now_ns());
  CLAIM(queue->batches_allocated.load() == 1);
}

TEST("arenas: no batch is opened while one row each holds the pages of many") {
  Budgeted engine(int64_t{8} << 20);
  auto queue = wide_queue(engine.runtime, int64_t{1} << 18, 4, size_t{4} * ((size_t{1} << 20) + 8));
  CLAIM(engine.deploy(make_plan({{one_model(queue, from_request())}})).empty());
  engine.runtime->scheduler.arenas.add(int64_t{10} << 20);
  CLAIM(engine.runtime->scheduler.arenas.is_exhausted() == false);
  engine.runtime->scheduler.arenas.add(1);
  CLAIM(engine.submit(1, 1) == StatusCode::kOk);
  engine.runtime->scheduler.arenas.add(-(int64_t{10} << 20) - 1);
  const auto codes = answers(*engine.port);
  CLAIM(codes == std::vector{StatusCode::kQueueFull} && engine.used() == 0);
}

int main() {
  return run_all();
}

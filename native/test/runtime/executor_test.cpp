// Claims about requests on their way through a plan, on one thread and therefore repeatable.
#include "test/engine_fixture.hpp"
#include "test/testing.hpp"

#include <cstdlib>
#include <new>

// Counts heap allocations of this program, to show that a warm data path makes none per request.
static std::atomic<size_t> allocations{0};
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"  // both sides are replaced here
void* operator new(size_t size) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  if (void* const memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, size_t) noexcept {
  std::free(memory);
}

using namespace penstock;
using namespace penstock::testing;

namespace {
bool is_shifted(const std::vector<float>& out, const std::vector<float>& in, float by) {
  if (out.size() != in.size()) return false;
  for (size_t i = 0; i < in.size(); ++i)
    if (out[i] != in[i] + by) return false;
  return true;
}
}  // namespace

TEST("executor: rows come back in order, however many batches they took") {
  Engine engine;
  CLAIM(engine.deploy(make_plan({{one_model(make_queue(engine.runtime, 10), from_request())}})).empty());
  Failure failure;
  const auto rows = rows_of(21, 0);  // 8 + 8 + 5
  CLAIM(engine.submit_rows(rows, 1, failure) != nullptr);
  engine.run_all();
  const auto outcomes = drain(*engine.port);
  CLAIM(outcomes.size() == 1 && is_shifted(outcomes[0].values, rows, 10));
  CLAIM(engine.port->in_flight() == 0);
}

TEST("executor: requests that arrive before a worker is free share one batch") {
  Engine engine;
  auto queue = make_queue(engine.runtime, 10);
  CLAIM(engine.deploy(make_plan({{one_model(queue, from_request())}})).empty());
  Failure failure;
  for (int i = 0; i < 5; ++i) engine.submit_rows(rows_of(1, static_cast<float>(i)), i, failure);
  engine.run_all();
  const auto outcomes = drain(*engine.port);
  HistogramSum batch_rows;
  CLAIM(outcomes.size() == 5 && batches_of(*queue, batch_rows) == 1);
  for (const Outcome& outcome : outcomes)
    CLAIM(is_shifted(outcome.values, rows_of(1, static_cast<float>(outcome.tag)), 10));
}

TEST("executor: a pipeline of steps hands rows from batch to batch") {
  Engine engine;
  auto first = make_queue(engine.runtime, 10);
  auto second = make_queue(engine.runtime, 100, 3);
  CLAIM(
      engine.deploy(make_plan({{one_model(first, from_request())}, {one_model(second, from_stage(0, 0, 1))}})).empty());
  Failure failure;
  const auto rows = rows_of(13, 1);
  engine.submit_rows(rows, 1, failure);
  engine.run_all();
  const auto outcomes = drain(*engine.port);
  CLAIM(outcomes.size() == 1 && is_shifted(outcomes[0].values, rows, 110));
}

TEST("executor: a split routes row by row and the answer keeps the rows' order") {
  Engine engine;
  Position position;
  position.split = 0;
  position.options.push_back({make_queue(engine.runtime, 10), {from_request()}});
  position.options.push_back({make_queue(engine.runtime, 20), {from_request()}});
  auto plan = make_plan({{position}});
  Split split;
  split.cumulative = {0.5, 1.0};
  split.seed = 7;
  plan->splits.push_back(std::move(split));
  plan->route_split = 0;
  CLAIM(engine.deploy(plan).empty());
  Failure failure;
  const auto rows = rows_of(400, 0);
  Request* const request = engine.submit_rows(rows, 1, failure);
  CLAIM(request != nullptr);
  const std::vector<uint16_t> routes(request->routes.begin(), request->routes.end());
  engine.run_all();
  const auto outcomes = drain(*engine.port);
  CLAIM(outcomes.size() == 1 && outcomes[0].values.size() == rows.size());
  size_t second = 0;
  for (size_t r = 0; r < 400; ++r) {
    second += routes[r];
    CLAIM(outcomes[0].values[r * kWidth] == rows[r * kWidth] + (routes[r] == 0 ? 10.0f : 20.0f));
  }
  CLAIM(second > 150 && second < 250);  // binomial(400, 0.5): five standard deviations, and the seed is fixed
}

TEST("executor: the answer does not wait for challengers, the request does") {
  Engine engine;
  auto champion = make_queue(engine.runtime, 10);
  auto challenger = make_queue(engine.runtime, 20);
  auto plan = make_plan({{one_model(champion, from_request()), one_model(challenger, from_request(), true)}});
  CLAIM(engine.deploy(plan).empty());
  Failure failure;
  engine.submit_rows(rows_of(2, 0), 1, failure);
  engine.port->publisher.flush();
  CLAIM(run_one(engine.slot, engine.runtime->scheduler));  // interactive first: the champion
  CLAIM(drain(*engine.port).size() == 1);
  CLAIM(engine.port->in_flight() == 1);
  CLAIM(run_one(engine.slot, engine.runtime->scheduler));
  CLAIM(drain(*engine.port).empty());
  CLAIM(engine.port->in_flight() == 0);
}

TEST("executor: a request for audited outputs waits for them, unless they were shed or the request is cancelled") {
  Engine engine;
  auto champion = make_queue(engine.runtime, 10);
  auto challenger = make_queue(engine.runtime, 20, 8, {4096, 4});
  auto plan = make_plan({{one_model(champion, from_request()), one_model(challenger, from_request(), true)}});
  plan->audited_outputs = {Source{.stage = 0, .position = 1, .side = SourceSide::kOutputs, .slots = {0}}};
  CLAIM(engine.deploy(plan).empty());
  Failure failure;
  const auto ask = [&](size_t rows, double tag) {
    return engine.submit_rows(rows_of(rows, 0), tag, failure, 0, Priority::kInteractive, true);
  };
  ask(2, 1);
  engine.submit_rows(rows_of(2, 0), 2, failure);
  engine.port->publisher.flush();
  CLAIM(run_one(engine.slot, engine.runtime->scheduler));  // the champion's batch of both
  CLAIM(drain(*engine.port).size() == 1);                  // who did not ask
  CLAIM(run_one(engine.slot, engine.runtime->scheduler));
  CLAIM(drain(*engine.port).size() == 1);
  CLAIM(engine.port->in_flight() == 0);

  ask(8, 3);  // more than the challenger's queue takes beside the next one's
  ask(8, 4);
  engine.run_all();
  CLAIM(drain(*engine.port).size() == 2);
  CLAIM(engine.port->in_flight() == 0);

  Request* const cancelled = ask(2, 5);
  engine.port->publisher.flush();
  CLAIM(run_one(engine.slot, engine.runtime->scheduler));
  CLAIM(drain(*engine.port).empty());
  Completions completions;
  CLAIM(end_request(*cancelled, StatusCode::kAborted, completions));
  completions.flush();
  CLAIM(drain(*engine.port).size() == 1);
  engine.run_all();
  CLAIM(drain(*engine.port).empty() && engine.port->in_flight() == 0);
}

TEST("executor: a full challenger queue sheds and the champion answers") {
  Engine engine;
  auto champion = make_queue(engine.runtime, 10);
  auto challenger = make_queue(engine.runtime, 20, 8, {4096, 4});
  CLAIM(engine.deploy(make_plan({{one_model(champion, from_request()), one_model(challenger, from_request(), true)}}))
            .empty());
  Failure failure;
  for (int i = 0; i < 10; ++i) CLAIM(engine.submit_rows(rows_of(1, 0), i, failure) != nullptr);
  engine.run_all();
  CLAIM(drain(*engine.port).size() == 10);
  CLAIM(engine.pipeline.stats->shed_rows[1].load() == 6);
  CLAIM(engine.port->in_flight() == 0);
}

TEST("executor: a full queue refuses at once and takes nothing") {
  Engine engine;
  auto queue = make_queue(engine.runtime, 10, 8, {4, 4});
  CLAIM(engine.deploy(make_plan({{one_model(queue, from_request())}})).empty());
  Failure failure;
  CLAIM(engine.submit_rows(rows_of(4, 0), 1, failure) != nullptr);
  CLAIM(engine.submit_rows(rows_of(1, 0), 2, failure) == nullptr && failure.code == StatusCode::kQueueFull);
  CLAIM(failure.details[0] == 4 && failure.details[1] == 4 && failure.details[2] >= 1);
  engine.run_all();
  CLAIM(drain(*engine.port).size() == 1 && queue->pending_rows[0].load() == 0);
  CLAIM(engine.submit_rows(rows_of(1, 0), 3, failure) != nullptr);
  engine.run_all();
  CLAIM(drain(*engine.port).size() == 1);
}

TEST("executor: expired and cancelled rows leave their batch, the others are answered right") {
  Engine engine;
  auto queue = make_queue(engine.runtime, 10);
  CLAIM(engine.deploy(make_plan({{one_model(queue, from_request())}})).empty());
  Failure failure;
  Request* const cancelled = engine.submit_rows(rows_of(2, 0), 1, failure);
  CLAIM(engine.submit_rows(rows_of(1, 50), 2, failure) != nullptr);
  CLAIM(engine.submit_rows(rows_of(1, 70), 3, failure, now_us() + 1000) != nullptr);
  CLAIM(engine.submit_rows(rows_of(2, 90), 4, failure) != nullptr);
  Completions completions;
  CLAIM(end_request(*cancelled, StatusCode::kAborted, completions));
  CLAIM(!end_request(*cancelled, StatusCode::kAborted, completions));
  completions.flush();
  std::this_thread::sleep_for(std::chrono::milliseconds(2));
  engine.run_all();
  const auto outcomes = drain(*engine.port);
  CLAIM(outcomes.size() == 4);
  for (const Outcome& outcome : outcomes) {
    if (outcome.tag == 1) CLAIM(outcome.code == StatusCode::kAborted);
    if (outcome.tag == 2) CLAIM(is_shifted(outcome.values, rows_of(1, 50), 10));
    if (outcome.tag == 3) CLAIM(outcome.code == StatusCode::kDeadlineExceeded);
    if (outcome.tag == 4) CLAIM(is_shifted(outcome.values, rows_of(2, 90), 10));
  }
  HistogramSum batch_rows;
  batches_of(*queue, batch_rows);
  CLAIM(batch_rows.sum == 3);
  CLAIM(engine.port->in_flight() == 0);
}

TEST("executor: a deadline that the queue cannot meet is refused at admission") {
  Engine engine;
  auto queue = make_queue(engine.runtime, 10);
  CLAIM(engine.deploy(make_plan({{one_model(queue, from_request())}})).empty());
  queue->note_cost(1, 1e6);  // a second a row
  Failure failure;
  CLAIM(engine.submit_rows(rows_of(3, 0), 1, failure) != nullptr);
  CLAIM(engine.submit_rows(rows_of(1, 0), 2, failure, now_us() + 10'000) == nullptr);
  CLAIM(failure.code == StatusCode::kDeadlineExceeded && failure.details[0] > failure.details[1]);
  engine.run_all();
  CLAIM(drain(*engine.port).size() == 1);
}

TEST("executor: the run itself counts when a deadline is weighed, not the wait alone") {
  Engine engine;
  auto queue = make_queue(engine.runtime, 10);
  CLAIM(engine.deploy(make_plan({{one_model(queue, from_request())}})).empty());
  queue->note_cost(1, 30'000.0);
  Failure failure;
  CLAIM(engine.submit_rows(rows_of(1, 0), 1, failure) != nullptr);
  // 30 ms of waiting would fit into 50 ms; with a run of 30 ms behind them nothing does.
  CLAIM(engine.submit_rows(rows_of(1, 0), 2, failure, now_us() + 50'000) == nullptr);
  CLAIM(failure.code == StatusCode::kDeadlineExceeded && failure.details[0] > 50'000);
  CLAIM(engine.submit_rows(rows_of(1, 0), 3, failure, now_us() + 500'000) != nullptr);
  engine.run_all();
  CLAIM(drain(*engine.port).size() == 2);
}

TEST("executor: rows that would be late are not run, and those beside them are") {
  Engine engine;
  auto queue = make_queue(engine.runtime, 10);
  CLAIM(engine.deploy(make_plan({{one_model(queue, from_request())}})).empty());
  for (int i = 0; i < 20; ++i) queue->note_cost(1, 100'000.0);
  queue->service.note_end(1, false, now_ns());
  Failure failure;
  CLAIM(engine.submit_rows(rows_of(1, 0), 1, failure) != nullptr);
  CLAIM(engine.submit_rows(rows_of(1, 7), 2, failure, now_us() + 1'000'000) != nullptr);
  Request* const doomed = engine.submit_rows(rows_of(1, 0), 3, failure, now_us() + 1'000'000);
  CLAIM(doomed != nullptr);
  doomed->deadline_us = now_us() + 20'000;  // as if it had waited for long
  engine.run_all();
  for (const Outcome& outcome : drain(*engine.port))
    CLAIM((outcome.code == StatusCode::kDeadlineExceeded) == (outcome.tag == 3));
  HistogramSum batch_rows;
  batches_of(*queue, batch_rows);
  CLAIM(batch_rows.sum == 2);
}

TEST("executor: a batch with deadlines closes before its run holds them back") {
  Engine engine;
  auto queue = make_queue(engine.runtime, 10);
  CLAIM(engine.deploy(make_plan({{one_model(queue, from_request())}})).empty());
  for (int i = 0; i < 20; ++i) queue->note_cost(1, 10'000.0);
  Failure failure;
  // A third of 100 ms is three rows of 10 ms.
  for (int i = 0; i < 4; ++i) CLAIM(engine.submit_rows(rows_of(1, 0), i, failure, now_us() + 100'000) != nullptr);
  engine.run_all();
  CLAIM(drain(*engine.port).size() == 4);
  HistogramSum batch_rows;
  CLAIM(batches_of(*queue, batch_rows) == 2);
}

TEST("executor: only the guilty entry of a failed batch fails") {
  Engine engine;
  auto queue = make_queue(engine.runtime, 10);
  CLAIM(engine.deploy(make_plan({{one_model(queue, from_request())}})).empty());
  Failure failure;
  for (int i = 0; i < 3; ++i) engine.submit_rows(rows_of(1, static_cast<float>(i)), i, failure);
  engine.port->publisher.flush();
  CLAIM(engine.runtime->scheduler.take(engine.slot, 0) == Take::kBatch);
  CLAIM(drop_dead_rows(engine.slot) == 3);
  const RunSpan run = run_for(engine.slot, 3000);
  fail_entry(*engine.slot.batch, 1, StatusCode::kRunFailed, "index out of bounds");
  complete_batch(engine.slot, run);
  const auto outcomes = drain(*engine.port);
  CLAIM(outcomes.size() == 3);
  for (const Outcome& outcome : outcomes) CLAIM((outcome.code == StatusCode::kRunFailed) == (outcome.tag == 1));
}

TEST("executor: a closed runtime answers what waits with ERR_DRAINING and refuses the rest") {
  Engine engine;
  CLAIM(engine.deploy(make_plan({{one_model(make_queue(engine.runtime, 10), from_request())}})).empty());
  Failure failure;
  engine.submit_rows(rows_of(1, 0), 1, failure);
  engine.port->publisher.flush();
  engine.submit_rows(rows_of(1, 0), 2, failure);
  engine.runtime->scheduler.close();
  engine.port->publisher.flush();
  const auto outcomes = drain(*engine.port);
  CLAIM(outcomes.size() == 2);
  for (const Outcome& outcome : outcomes) CLAIM(outcome.code == StatusCode::kDraining);
  CLAIM(engine.submit_rows(rows_of(1, 0), 3, failure) == nullptr && failure.code == StatusCode::kDraining);
  CLAIM(engine.port->in_flight() == 0);
}

TEST("executor: a redeploy binds later requests to the new plan and lets the earlier ones finish on theirs") {
  Engine engine;
  CLAIM(engine.deploy(make_plan({{one_model(make_queue(engine.runtime, 10), from_request())}})).empty());
  const std::shared_ptr<Plan> old = engine.pipeline.plan();
  Failure failure;
  engine.submit_rows(rows_of(1, 0), 1, failure);
  CLAIM(engine.deploy(make_plan({{one_model(make_queue(engine.runtime, 20), from_request())}})).empty());
  engine.submit_rows(rows_of(1, 0), 2, failure);
  CLAIM(old->in_flight.load() == 1);
  engine.run_all();
  for (const Outcome& outcome : drain(*engine.port))
    CLAIM(is_shifted(outcome.values, rows_of(1, 0), outcome.tag == 1 ? 10.f : 20.f));
  CLAIM(old->in_flight.load() == 0 && old.use_count() == 1);
}

TEST("queue: batches change their size while rows are on their way, and the old memory goes") {
  Engine engine;
  auto queue = make_queue(engine.runtime, 10, 8);
  CLAIM(engine.deploy(make_plan({{one_model(queue, from_request())}})).empty());
  Failure failure;
  engine.submit_rows(rows_of(3, 0), 1, failure);
  queue->limit_batches(2 * kWidth * sizeof(float));
  const auto rows = rows_of(5, 1);
  engine.submit_rows(rows, 2, failure);
  engine.run_all();
  auto outcomes = drain(*engine.port);
  CLAIM(outcomes.size() == 2);
  for (const Outcome& outcome : outcomes)
    CLAIM(is_shifted(outcome.values, outcome.tag == 1 ? rows_of(3, 0) : rows, 10));
  HistogramSum first_rows;
  CLAIM(batches_of(*queue, first_rows) == 4);  // 3 rows in the old size, then 2 + 2 + 1
  CLAIM(queue->batches_allocated.load() == 3);
  queue->limit_batches(1);  // less than a row: one row
  engine.submit_rows(rows, 3, failure);
  engine.run_all();
  outcomes = drain(*engine.port);
  HistogramSum all_rows;
  CLAIM(outcomes.size() == 1 && is_shifted(outcomes[0].values, rows, 10) && batches_of(*queue, all_rows) == 9);
}

TEST("executor: more shapes in flight than buckets are refused for now, not blamed on the caller") {
  Engine engine;
  QueueOptions options;
  options.inputs = {Field{Dtype::kFloat32, {-1}}};
  options.outputs = {Field{Dtype::kFloat32, {1}}};
  options.batch_rows_max = 4;
  options.batch_bytes_max = size_t{1} << 20;
  options.pending_rows_max = {4096, 64};
  options.owner = engine.runtime;
  auto queue = std::make_shared<ModelQueue>(engine.runtime->scheduler, std::move(options));
  auto plan = make_plan({{one_model(queue, from_request())}});
  plan->inputs = {Field{Dtype::kFloat32, {-1}}};
  CLAIM(engine.deploy(plan).empty());
  const std::vector<float> values(ModelQueue::kShapeBucketsMax + 2);
  const auto* const data = reinterpret_cast<const std::byte*>(values.data());
  Failure failure;
  size_t full = 0;
  for (int64_t width = 1; width <= static_cast<int64_t>(ModelQueue::kShapeBucketsMax) + 2; ++width) {
    const size_t row_bytes = static_cast<size_t>(width) * 4;
    Submission submission;
    submission.inputs = &data;
    submission.row_bytes = &row_bytes;
    submission.free_dims = &width;
    CLAIM(submit(*engine.port, engine.pipeline, engine.pipeline.plan(), submission, failure) != nullptr);
  }
  PortCompletions completions = engine.port->collect();
  while (completions.answers != nullptr) {
    Request& request = *std::exchange(completions.answers, completions.answers->next_answer);
    full += request.failure.code == StatusCode::kQueueFull ? 1 : 0;
    Port::unref(request);
  }
  CLAIM(full == 2);
  engine.runtime->scheduler.close();
  engine.port->publisher.flush();
  drain(*engine.port);
  CLAIM(engine.port->in_flight() == 0 && queue->pending_rows[0].load() == 0);
}

TEST("executor: a warm data path allocates nothing per request") {
  Engine engine;
  auto queue = make_queue(engine.runtime, 10, 64);
  CLAIM(engine.deploy(make_plan({{one_model(queue, from_request())}})).empty());
  Failure failure;
  const auto rows = rows_of(1, 0);
  const auto burst = [&] {
    for (int i = 0; i < 64; ++i) engine.submit_rows(rows, i, failure);
    const size_t before_flush = allocations.load();
    engine.run_all();
    PortCompletions completions = engine.port->collect();
    while (completions.answers != nullptr)
      Port::unref(*std::exchange(completions.answers, completions.answers->next_answer));
    return before_flush;
  };
  for (int i = 0; i < 8; ++i) burst();
  const size_t before = allocations.load();
  for (int i = 0; i < 100; ++i) burst();
  const size_t made = allocations.load() - before;
  // 6,400 requests in 100 batches: a handful per batch (the lists of completions), none per request.
  CLAIM(made <= 100 * 8);
  CLAIM(queue->batches_allocated.load() <= 2);
}

int main() {
  return run_all();
}

namespace {
// Fails where out[0] > limit; reads what `position` gave.
Check exceeds(double limit, uint16_t position = 0) {
  Check check;
  check.program.code = {{Opcode::kLoad, 0, 0}, {Opcode::kConstant, 0, 0}, {Opcode::kGreater, 0, 0}};
  check.program.constants = {limit};
  check.sources = {{0, position, SourceSide::kOutputs, {0}}};
  return check;
}
}  // namespace

TEST("executor: checks note the rows of whoever they failed for, and of nobody else in the batch") {
  Engine engine;
  auto queue = make_queue(engine.runtime, 10, 256);
  auto plan = make_plan({{one_model(queue, from_request())}});
  plan->checks = {exceeds(60), exceeds(1e9)};
  CLAIM(engine.deploy(plan).empty());
  CLAIM(plan->has_batch_checks && !plan->has_scattered_checks);
  auto unchecked = make_plan({{one_model(queue, from_request())}});
  CLAIM(unchecked->seal().empty());
  Failure failure;
  std::vector<Request*> requests;
  // 1, 2, 3 … rows each, so that blocks of 32 rows begin and end within requests; every fifth is under another plan.
  for (uint32_t i = 0; i < 15; ++i) {
    const auto rows = rows_of(1 + i % 7, static_cast<float>(i * 8));
    engine.pipeline.set_plan(i % 5 == 4 ? unchecked : plan);
    requests.push_back(engine.submit_rows(rows, i, failure));
    CLAIM(requests.back() != nullptr);
  }
  Completions completions;
  end_request(*requests[7], StatusCode::kAborted, completions);
  completions.flush();
  engine.run_all();
  uint64_t failed = 0;
  for (uint32_t i = 0; i < 15; ++i) {
    const Request& request = *requests[i];
    if (i % 5 == 4) {
      CLAIM(request.check_bits.empty());
      continue;
    }
    for (uint32_t row = 0; row < request.rows; ++row) {
      const bool fails = i != 7 && static_cast<float>(i * 8 + row * 2) + 10 > 60;
      CLAIM(request.check_bits[row] == (fails ? 1u : 0u));
      failed += fails;
    }
  }
  CLAIM(failed > 10);
  CLAIM(engine.pipeline.stats->check_failures[0] == failed && engine.pipeline.stats->check_failures[1] == 0);
  HistogramSum batch_rows;
  CLAIM(batches_of(*queue, batch_rows) == 1);
  drain(*engine.port);
}

TEST("executor: a check that reads two models is judged when both are there") {
  Engine engine;
  auto plan = make_plan({{one_model(make_queue(engine.runtime, 10), from_request()),
                          one_model(make_queue(engine.runtime, 20), from_request())}});
  Check both = exceeds(35);
  both.program.code = {{Opcode::kLoad, 0, 0},
                       {Opcode::kLoad, 1, 0},
                       {Opcode::kAdd, 0, 0},
                       {Opcode::kConstant, 0, 0},
                       {Opcode::kGreater, 0, 0}};
  both.sources.push_back({0, 1, SourceSide::kOutputs, {0}});
  plan->checks = {both, exceeds(23, 1)};
  CLAIM(engine.deploy(plan).empty());
  CLAIM(plan->has_batch_checks && plan->has_scattered_checks);
  Failure failure;
  Request* const request = engine.submit_rows(rows_of(11, 0), 1, failure);
  engine.run_all();
  for (uint32_t row = 0; row < 11; ++row) {
    const uint64_t sum_fails = row * 4 + 30 > 35;
    const uint64_t second_fails = row * 2 + 20 > 23;
    CLAIM(request->check_bits[row] == (sum_fails | second_fails << 1));
  }
  drain(*engine.port);
}

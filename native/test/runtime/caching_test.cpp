// Requests of a plan with a prediction cache: when the models run and when they do not, and that an answer from the
// cache is in nothing but its times another than the one that was run.
#include "runtime/caching.hpp"

#include "log/log_rows.hpp"
#include "test/engine_fixture.hpp"
#include "test/testing.hpp"

using namespace penstock;
using namespace penstock::testing;

namespace {
// One model that adds 10, its output cached.
struct CachedEngine : Engine {
  std::shared_ptr<ModelQueue> queue = make_queue(runtime, 10, 8);
  Failure failure;

  std::shared_ptr<Plan> with_cache(std::shared_ptr<Plan> plan, CacheOptions options = {int64_t{1} << 40, 1 << 20}) {
    plan->cache = std::make_shared<PredictionCache>(runtime, runtime->budget, options, contract::SipKey{3, 4});
    return plan;
  }
  std::shared_ptr<Plan> one_model_plan() { return with_cache(make_plan({{one_model(queue, from_request())}})); }
  uint64_t batches() {
    HistogramSum rows;
    return batches_of(*queue, rows);
  }
  // Asks, runs what is to be run and reads the answer.
  Outcome ask(const std::vector<float>& rows, double tag = 1, Priority priority = Priority::kInteractive) {
    CLAIM(submit_rows(rows, tag, failure, 0, priority) != nullptr);
    run_all();
    auto outcomes = drain(*port);
    CLAIM(outcomes.size() == 1);
    return outcomes.empty() ? Outcome{} : outcomes[0];
  }
  uint64_t hits() const { return pipeline.stats->cache.hits; }
  uint64_t misses() const { return pipeline.stats->cache.misses; }
};

Check exceeds(double limit) {
  Check check;
  check.program.code = {{Opcode::kLoad, 0, 0}, {Opcode::kConstant, 0, 0}, {Opcode::kGreater, 0, 0}};
  check.program.constants = {limit};
  check.sources = {Source{.stage = 0, .position = 0, .side = SourceSide::kOutputs, .slots = {0}}};
  return check;
}
}  // namespace

TEST("caching: the second identical request is answered without a run, by the same bits and under its own tag") {
  CachedEngine engine;
  CLAIM(engine.deploy(engine.one_model_plan()).empty());
  const auto rows = rows_of(21, 0);  // several batches
  const Outcome first = engine.ask(rows, 1);
  const uint64_t batches = engine.batches();
  const Outcome second = engine.ask(rows, 2);
  CLAIM(second.tag == 2 && second.code == StatusCode::kOk && second.values == first.values);
  CLAIM(engine.batches() == batches && engine.hits() == 1 && engine.misses() == 1);
  engine.ask(rows_of(21, 1));
  CLAIM(engine.batches() > batches && engine.hits() == 1 && engine.misses() == 2);
  CLAIM(engine.port->in_flight() == 0);
}

TEST("caching: a plan without a cache asks none") {
  CachedEngine engine;
  CLAIM(engine.deploy(make_plan({{one_model(engine.queue, from_request())}})).empty());
  engine.ask(rows_of(1, 0));
  engine.ask(rows_of(1, 0));
  CLAIM(engine.batches() == 2 && engine.hits() + engine.misses() == 0);
}

TEST("caching: another deployment has another cache, and what it held is given back") {
  CachedEngine engine;
  CLAIM(engine.deploy(engine.one_model_plan()).empty());
  engine.ask(rows_of(1, 0));
  CLAIM(engine.runtime->budget.used_bytes() > 0);
  CLAIM(engine.deploy(engine.one_model_plan()).empty());
  CLAIM(engine.runtime->budget.used_bytes() == 0);
  engine.ask(rows_of(1, 0));
  CLAIM(engine.batches() == 2 && engine.misses() == 2);
}

TEST("caching: failures and cancelled requests are not kept") {
  CachedEngine engine;
  CLAIM(engine.deploy(engine.one_model_plan()).empty());
  CLAIM(engine.submit_rows(rows_of(1, 0), 1, engine.failure) != nullptr);
  engine.port->publisher.flush();
  CLAIM(engine.runtime->scheduler.take(engine.slot, 0) == Take::kBatch && drop_dead_rows(engine.slot) == 1);
  fail_all_entries(*engine.slot.batch, StatusCode::kRunFailed, "no");
  complete_batch(engine.slot, run_for(engine.slot, 1));
  CLAIM(drain(*engine.port)[0].code == StatusCode::kRunFailed);
  Request* const cancelled = engine.submit_rows(rows_of(1, 0), 2, engine.failure);
  Completions completions;
  end_request(*cancelled, StatusCode::kAborted, completions);
  completions.flush();
  engine.run_all();
  drain(*engine.port);
  CLAIM(engine.ask(rows_of(1, 0)).values == rows_of(1, 10));
  CLAIM(engine.hits() == 0 && engine.misses() == 3);
  CLAIM(engine.runtime->budget.used_bytes() == engine.pipeline.plan()->cache->bytes());
}

TEST("caching: checks that failed are the answer's, and are counted with each request") {
  CachedEngine engine;
  auto plan = engine.one_model_plan();
  plan->checks = {exceeds(11), exceeds(1e9)};
  CLAIM(engine.deploy(plan).empty());
  for (uint64_t asked = 1; asked <= 2; ++asked) {
    Request* const request = engine.submit_rows(rows_of(2, 0), 1, engine.failure);
    engine.run_all();
    CLAIM(request->is_cached == (asked == 2));
    CLAIM(request->check_bits.size() == 2 && request->check_bits[0] == 0 && request->check_bits[1] == 1);
    CLAIM(engine.pipeline.stats->check_failures[0] == asked && engine.pipeline.stats->check_failures[1] == 0);
    drain(*engine.port);
  }
}

TEST("caching: rows that a split sent elsewhere are not the same request") {
  CachedEngine engine;
  Position position;
  position.split = 0;
  position.options.push_back({engine.queue, {from_request()}});
  position.options.push_back({make_queue(engine.runtime, 20), {from_request()}});
  auto plan = engine.with_cache(make_plan({{position}}));
  Split split;
  split.cumulative = {0.5, 1.0};
  split.seed = 7;
  plan->splits.push_back(std::move(split));
  plan->route_split = 0;
  CLAIM(engine.deploy(plan).empty());
  for (int i = 0; i < 64; ++i) {
    Request* const request = engine.submit_rows(rows_of(1, 0), i, engine.failure);
    const float added = request->routes[0] == 0 ? 10.0F : 20.0F;
    engine.run_all();
    CLAIM(drain(*engine.port)[0].values[0] == added);
  }
  CLAIM(engine.hits() == 62 && engine.misses() == 2);
}

TEST("caching: challengers are not run again, and their outputs come with the answer") {
  CachedEngine engine;
  auto challenger = make_queue(engine.runtime, 20, 8, {4096, 4});
  auto plan = engine.with_cache(
      make_plan({{one_model(engine.queue, from_request()), one_model(challenger, from_request(), true)}}));
  const Source challenged{.stage = 0, .position = 1, .side = SourceSide::kOutputs, .slots = {0}};
  plan->audited_outputs = {challenged};
  CLAIM(engine.deploy(plan).empty());
  engine.ask(rows_of(2, 0));
  Request* const request = engine.submit_rows(rows_of(2, 0), 2, engine.failure, 0, Priority::kInteractive, true);
  std::vector<float> values(4);
  TensorShape shape;
  CLAIM(request->is_cached && shape_of(*request, challenged, shape) && shape.row_bytes == 8);
  gather(*request, challenged, 8, reinterpret_cast<std::byte*>(values.data()));
  CLAIM(values == rows_of(2, 20) && drain(*engine.port).size() == 1 && engine.batches() == 1);

  // Shed: its queue takes no more rows beside another request's. The champion's answer is kept, without it.
  engine.submit_rows(rows_of(8, 500), 1, engine.failure);
  engine.submit_rows(rows_of(8, 100), 1, engine.failure);
  engine.run_all();
  CLAIM(drain(*engine.port).size() == 2);
  Request* const without = engine.submit_rows(rows_of(8, 100), 2, engine.failure, 0, Priority::kInteractive, true);
  CLAIM(without->is_cached);
  CLAIM(!shape_of(*without, challenged, shape));
  CLAIM(drain(*engine.port)[0].values == rows_of(8, 110));
}

TEST("caching: what nobody waits for is found, and not kept") {
  CachedEngine engine;
  CLAIM(engine.deploy(engine.one_model_plan()).empty());
  engine.ask(rows_of(1, 0), 1, Priority::kBackground);
  engine.ask(rows_of(1, 0), 1, Priority::kInteractive);
  CLAIM(engine.hits() == 0 && engine.misses() == 2);
  engine.ask(rows_of(1, 0), 1, Priority::kBackground);
  CLAIM(engine.hits() == 1 && engine.batches() == 2);
}

TEST("caching: a request without rows asks no cache") {
  CachedEngine engine;
  CLAIM(engine.deploy(engine.one_model_plan()).empty());
  engine.ask({});
  engine.ask({});
  CLAIM(engine.hits() + engine.misses() == 0 && engine.pipeline.plan()->cache->entries() == 0);
}

TEST("caching: a slot that answered from the cache runs its next request") {
  CachedEngine engine;
  CLAIM(engine.deploy(engine.one_model_plan()).empty());
  engine.ask(rows_of(1, 0));
  for (int i = 1; i < 20; ++i) {
    CLAIM(engine.ask(rows_of(1, 0)).values == rows_of(1, 10));
    CLAIM(engine.ask(rows_of(1, static_cast<float>(i))).values == rows_of(1, static_cast<float>(i) + 10));
  }
  CLAIM(engine.batches() == 20 && engine.hits() == 19);
}

TEST("caching: the log has the same rows of an answer from the cache as of one that was run, and says so") {
  CachedEngine engine;
  auto plan = engine.one_model_plan();
  const Source in{.stage = 0, .position = 0, .side = SourceSide::kInputs, .slots = {0}};
  LogColumn input;
  input.kind = ColumnKind::kTensor;
  input.source = in;
  input.elements = kWidth;
  LogColumn output = input;
  output.source.side = SourceSide::kOutputs;
  LogColumn times;
  times.kind = ColumnKind::kElapsed;
  times.elements = 2;
  LogColumn cache;
  cache.kind = ColumnKind::kCache;
  const std::vector<LogColumn> columns = {input, output, times, cache};
  plan->keep_in_cache(in);  // as the log's bind does
  CLAIM(engine.deploy(plan).empty());
  LogRows rows(columns);
  for (int asked = 0; asked < 2; ++asked) {
    CLAIM(engine.submit_rows(rows_of(11, 0), 1, engine.failure) != nullptr);
    engine.run_all();
    Request& request = *engine.port->collect().answers;
    CLAIM(rows.has_room_for(request));
    rows.append_request(request, 1, WallClock::now());
    Port::unref(request);
  }
  for (const size_t column : {0, 1}) {
    const std::byte* const values = rows.data(column).values.data();
    const auto expected = rows_of(11, column == 0 ? 0 : 10);
    CLAIM(rows.data(column).values.size() == 2 * 11 * 8);
    CLAIM(std::memcmp(values, expected.data(), 11 * 8) == 0);
    CLAIM(std::memcmp(values, values + 11 * 8, 11 * 8) == 0);
  }
  std::vector<int16_t> uses(22);
  CLAIM(rows.data(3).values.size() == uses.size() * 2);
  std::memcpy(uses.data(), rows.data(3).values.data(), uses.size() * 2);
  for (size_t row = 0; row < uses.size(); ++row) CLAIM(uses[row] == (row < 11 ? 0 : 1));
}

int main() {
  return penstock::testing::run_all();
}

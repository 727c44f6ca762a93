// Claims about what is counted: buckets are those of the schema, sums over writers lose nothing, every phase is found
// where it was spent, and a runtime that does not measure counts nothing.
#include "runtime/answer_counters.hpp"
#include "test/engine_fixture.hpp"
#include "test/testing.hpp"

#include <cmath>
#include <random>

using namespace penstock;
using namespace penstock::testing;

namespace {
constexpr int64_t kMillisecond = 1'000'000;

uint64_t count_of(const Histogram& histogram) {
  HistogramSum sum;
  sum.add(histogram);
  return sum.count();
}

// The upper bound of the bucket in which the share `quantile` of the values lies.
double quantile_of(const HistogramSum& sum, double quantile) {
  const double rank = quantile * static_cast<double>(sum.count());
  double seen = static_cast<double>(sum.zeros);
  for (uint32_t bucket = 0; bucket < Histogram::kBuckets; ++bucket) {
    seen += static_cast<double>(sum.counts[bucket]);
    if (seen >= rank) return std::exp2(static_cast<double>(bucket) / Histogram::kSteps);
  }
  return 0.0;
}

HistogramSum phase_of(const ModelQueue& queue, Histogram PhaseTimes::* phase) {
  HistogramSum sum;
  queue.phases.for_each([&](const PhaseTimes& times) { sum.add(times.*phase); });
  return sum;
}

struct AnswerSums {
  uint64_t results = 0;
  uint64_t rows = 0;
  HistogramSum total;
  HistogramSum send;
};
AnswerSums answers_of(const Pipeline& pipeline) {
  AnswerSums sums;
  pipeline.stats->answers.for_each([&](const AnswerTimes& times) {
    sums.results += times.results.get();
    sums.rows += times.rows.get();
    sums.total.add(times.total);
    sums.send.add(times.send);
  });
  return sums;
}

// Hands all that waits to the counters, as a drain does, and drops it.
size_t emit_all(Port& port, AnswerCounters& counters) {
  size_t answered = 0;
  int64_t ready_ns = 0;
  PortCompletions completions = port.collect();
  while (completions.answers != nullptr) {
    Request& request = *std::exchange(completions.answers, completions.answers->next_answer);
    if (request.ready_ns != 0) ready_ns = request.ready_ns;
    CLAIM(ready_ns >= request.admitted_ns);
    counters.add(request, ready_ns);
    Port::unref(request);
    ++answered;
  }
  return answered;
}

void sleep_ms(int milliseconds) {
  std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds));
}
}  // namespace

TEST("histogram: every bucket ends exactly where schema 3 says, for whole numbers") {
  for (uint32_t bucket = 0; bucket + 1 < Histogram::kBuckets; ++bucket) {
    const auto bound = static_cast<uint64_t>(std::floor(std::exp2(static_cast<long double>(bucket) / 8)));
    const auto next = static_cast<uint64_t>(std::floor(std::exp2(static_cast<long double>(bucket + 1) / 8)));
    if (next == bound) continue;  // a bucket between two whole numbers
    CLAIM(Histogram::bucket_of(next) == bucket + 1);
    CLAIM(Histogram::bucket_of(bound + 1) <= bucket + 1 && Histogram::bucket_of(bound) <= bucket);
    if (bound >= 16) CLAIM(Histogram::bucket_of(bound + 1) == bucket + 1 && Histogram::bucket_of(bound) == bucket);
  }
  CLAIM(Histogram::bucket_of(1) == 0 && Histogram::bucket_of(2) == 8 && Histogram::bucket_of(1024) == 80);
  CLAIM(Histogram::bucket_of(UINT64_MAX) == Histogram::kBuckets - 1);
}

TEST("histogram: nanoseconds become units of 2^-30 s, less than one unit too few") {
  std::mt19937_64 random(30);
  for (int round = 0; round < 100'000; ++round) {
    const uint64_t ns = random() >> (random() % 64);
    if (ns > uint64_t{1} << 60) continue;
    const auto exact = static_cast<uint64_t>((static_cast<unsigned __int128>(ns) << 30) / 1'000'000'000u);
    const uint64_t units = Histogram::units_of(ns);
    CLAIM(units == exact || units + 1 == exact);
  }
  CLAIM(Histogram::units_of(0) == 0 && Histogram::units_of(1) == 1);
}

TEST("histogram: a quantile is at most one bucket, 9.05 %, too high") {
  std::mt19937_64 random(7);
  std::lognormal_distribution<double> latencies(11.0, 1.5);
  Histogram histogram;
  std::vector<double> values;
  for (int i = 0; i < 100'000; ++i) {
    const auto ns = static_cast<int64_t>(latencies(random)) + 100;
    histogram.record_ns(ns);
    values.push_back(static_cast<double>(ns));
  }
  std::sort(values.begin(), values.end());
  HistogramSum sum;
  sum.add(histogram);
  for (const double quantile : {0.5, 0.9, 0.99, 0.999}) {
    const double exact = values[static_cast<size_t>(std::ceil(quantile * 100'000)) - 1];
    const double found = quantile_of(sum, quantile) / std::exp2(30) * 1e9;
    CLAIM(found >= exact * (1 - 1e-6) && found <= exact * 1.0906);
  }
}

TEST("histogram: what is no time at all, negative or endless is counted at the ends") {
  Histogram histogram;
  histogram.record_ns(0);
  histogram.record_ns(-5, 2);
  histogram.record_ns(INT64_MAX, 1);
  CLAIM(histogram.zeros() == 3 && histogram.count_of(Histogram::kBuckets - 1) == 1 && count_of(histogram) == 4);
}

TEST("shards: the sum over writers is what one writer would have counted, and numbers are lent one by one") {
  WriterNumbers numbers;
  CLAIM(numbers.take() == 0 && numbers.take() == 1 && numbers.take() == 2);
  numbers.give_back(1);
  CLAIM(numbers.take() == 1 && numbers.take() == 3);
  Shards<Histogram> shards;
  Histogram single;
  std::mt19937_64 random(3);
  for (int i = 0; i < 10'000; ++i) {
    const uint64_t rows = random() % 2000;
    shards.of(static_cast<uint32_t>(random() % 3)).record(rows);
    single.record(rows);
  }
  HistogramSum merged, expected;
  shards.for_each([&](const Histogram& histogram) { merged.add(histogram); });
  expected.add(single);
  CLAIM(merged.counts == expected.counts && merged.sum == expected.sum && merged.zeros == expected.zeros);
}

TEST("shards: three writers and a reader at once lose nothing, and no count ever falls") {
  constexpr uint64_t kEach = 50'000;
  Shards<Histogram> shards;
  std::atomic<int> writing{3};
  std::vector<std::thread> writers;
  for (uint32_t writer = 0; writer < 3; ++writer) {
    writers.emplace_back([&, writer] {
      for (uint64_t i = 1; i <= kEach; ++i) shards.of(writer).record(i);
      writing.fetch_sub(1);
    });
  }
  uint64_t before = 0;
  while (writing.load() > 0) {
    HistogramSum sum;
    shards.for_each([&](const Histogram& histogram) { sum.add(histogram); });
    CLAIM(sum.count() >= before);
    before = sum.count();
  }
  for (std::thread& writer : writers) writer.join();
  HistogramSum sum;
  shards.for_each([&](const Histogram& histogram) { sum.add(histogram); });
  CLAIM(sum.count() == 3 * kEach && sum.sum == 3 * kEach * (kEach + 1) / 2);
}

TEST("phases: time is found in the phase in which it was spent, at both steps of a pipeline") {
  Engine engine;
  auto first = make_queue(engine.runtime, 10);
  auto second = make_queue(engine.runtime, 20);
  auto plan = make_plan({{one_model(first, from_request())}, {one_model(second, from_stage(0, 0, 1))}});
  CLAIM(engine.deploy(plan).empty());
  AnswerCounters counters(engine.port->writer);
  Failure failure;
  for (int i = 0; i < 3; ++i) engine.submit_rows(rows_of(2, 0), i, failure);
  engine.port->flush();
  sleep_ms(8);  // in the queue of the first
  CLAIM(engine.runtime->scheduler.take(engine.slot, 0) == Take::kBatch && drop_dead_rows(engine.slot) == 6);
  const int64_t start_ns = now_ns();
  sleep_ms(4);  // in the run of the first
  run_model(*engine.slot.batch);
  complete_batch(engine.slot, RunSpan{start_ns, now_ns()});
  sleep_ms(2);  // in the queue of the second
  CLAIM(run_one(engine.slot, engine.runtime->scheduler));
  sleep_ms(6);  // in the completion queue
  CLAIM(emit_all(*engine.port, counters) == 3);
  CLAIM(answers_of(engine.pipeline).results == 0);  // not handed over yet
  counters.record_handed_over(now_ns());

  const HistogramSum waited = phase_of(*first, &PhaseTimes::queue);
  CLAIM(waited.count() == 3 && waited.sum >= 3u * 8 * kMillisecond);
  const HistogramSum ran = phase_of(*first, &PhaseTimes::run);
  CLAIM(ran.count() == 1 && ran.sum >= 4u * kMillisecond && ran.sum < waited.sum);
  const HistogramSum again = phase_of(*second, &PhaseTimes::queue);
  CLAIM(again.count() == 3 && again.sum >= 3u * 2 * kMillisecond && again.sum < 3u * 8 * kMillisecond);
  for (const ModelQueue* const queue : {first.get(), second.get()}) {
    CLAIM(phase_of(*queue, &PhaseTimes::assemble).count() == 1 && phase_of(*queue, &PhaseTimes::scatter).count() == 1);
    CLAIM(phase_of(*queue, &PhaseTimes::batch_rows).sum == 6);
  }
  const AnswerSums answers = answers_of(engine.pipeline);
  CLAIM(answers.results == 3 && answers.rows == 6 && answers.total.count() == 3 && answers.send.count() == 3);
  CLAIM(answers.send.sum >= 3u * 6 * kMillisecond && answers.total.sum >= 3u * 20 * kMillisecond);
}

TEST("phases: failures are answers too, and are not counted as results") {
  Engine engine;
  CLAIM(engine.deploy(make_plan({{one_model(make_queue(engine.runtime, 10), from_request())}})).empty());
  AnswerCounters counters(engine.port->writer);
  Failure failure;
  Request* const cancelled = engine.submit_rows(rows_of(1, 0), 1, failure);
  engine.submit_rows(rows_of(1, 0), 2, failure);
  Completions completions;
  CLAIM(end_request(*cancelled, StatusCode::kAborted, completions));
  completions.flush();
  engine.run_all();
  CLAIM(emit_all(*engine.port, counters) == 2);
  counters.record_handed_over(now_ns());
  const AnswerSums answers = answers_of(engine.pipeline);
  CLAIM(answers.total.count() == 2 && answers.results == 1 && answers.rows == 1);
  CLAIM(engine.pipeline.stats->failure_counts[static_cast<size_t>(StatusCode::kAborted)].load() == 1);
}

TEST("phases: a runtime that does not measure keeps no times of batches") {
  Engine engine;
  engine.use_runtime(std::make_shared<Runtime>(false));
  auto queue = make_queue(engine.runtime, 10);
  CLAIM(engine.deploy(make_plan({{one_model(queue, from_request())}})).empty());
  Failure failure;
  engine.submit_rows(rows_of(1, 0), 1, failure);
  engine.run_all();
  CLAIM(drain(*engine.port).size() == 1);
  size_t shards = 0;
  queue->phases.for_each([&](const PhaseTimes&) { ++shards; });
  CLAIM(shards == 0 && queue->us_per_row.load() > 0.0);  // what admission estimates with is known all the same
}

int main() {
  return run_all();
}

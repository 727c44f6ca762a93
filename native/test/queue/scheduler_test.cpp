// Claims about which worker takes which batch, and when.
#include "core/thread_priority.hpp"
#include "test/engine_fixture.hpp"
#include "test/testing.hpp"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <thread>

using namespace penstock;
using namespace penstock::testing;

namespace {
// Enough runs that the model is taken for what they were.
void trust(ModelQueue& queue, double run_us) {
  for (uint32_t run = 0; run < kTrustedRuns; ++run) queue.note_cost(1, run_us);
}

// One row, published in a batch of the queue.
void submit_row(Engine& engine, const std::shared_ptr<ModelQueue>& queue, int tag) {
  Failure failure;
  CLAIM(engine.deploy(make_plan({{one_model(queue, from_request())}})).empty());
  CLAIM(engine.submit_rows(rows_of(1, 0), tag, failure) != nullptr);
  engine.port->publisher.flush();
}
}  // namespace

TEST("scheduler: one worker of two is kept out of long background runs") {
  Engine engine;
  WorkerSlot second;
  second.index = 1;
  engine.runtime->scheduler.add_worker(second);
  auto champion = make_queue(engine.runtime, 10);
  trust(*champion, 1000.0);
  auto challenger = make_queue(engine.runtime, 20, 1);
  challenger->note_cost(1, 50'000.0);
  CLAIM(engine.deploy(make_plan({{one_model(champion, from_request()), one_model(challenger, from_request(), true)}}))
            .empty());
  Failure failure;
  engine.submit_rows(rows_of(1, 0), 1, failure);
  engine.submit_rows(rows_of(1, 0), 2, failure);
  engine.port->publisher.flush();
  CLAIM(run_one(engine.slot, engine.runtime->scheduler));  // both champions share a batch
  CLAIM(engine.runtime->scheduler.take(engine.slot, 0) == Take::kBatch && engine.slot.is_background);
  CLAIM(engine.runtime->scheduler.take(second, 0) == Take::kTimeout);
  engine.submit_rows(rows_of(1, 0), 3, failure);
  engine.port->publisher.flush();
  CLAIM(run_one(second, engine.runtime->scheduler));  // the champion of 3, at once
  CLAIM(drain(*engine.port).size() == 3);
  drop_dead_rows(engine.slot);
  complete_batch(engine.slot, run_for(engine.slot, 50'000'000));
  engine.run_all();
  CLAIM(engine.port->in_flight() == 0);
  engine.runtime->scheduler.remove_worker(second);
}

TEST("scheduler: a queue held to one batch at a time leaves the other worker to others, in order of publication") {
  Engine engine;
  auto held = make_queue(engine.runtime, 10, 1);
  auto other = make_queue(engine.runtime, 20, 1);
  for (const auto& queue : {held, other}) trust(*queue, 1000.0);
  Scheduler& scheduler = engine.runtime->scheduler;
  WorkerSlot second;
  second.index = 1;
  scheduler.add_worker(second);
  scheduler.limit_instances(*held, 1);
  const auto submit_to = [&](const auto& queue, int tag) { submit_row(engine, queue, tag); };
  for (int tag = 1; tag <= 3; ++tag) submit_to(held, tag);
  submit_to(other, 4);
  submit_to(held, 5);

  CLAIM(scheduler.take(engine.slot, 0) == Take::kBatch && &engine.slot.batch->bucket.queue == held.get());
  CLAIM(!engine.slot.is_alone);  // four others wait
  CLAIM(scheduler.take(second, 0) == Take::kBatch && &second.batch->bucket.queue == other.get());
  CLAIM(held->running == 1 && other->running == 1);
  run_model(*second.batch);
  complete_batch(second, run_for(second, 5000));
  CLAIM(scheduler.take(second, 0) == Take::kTimeout);
  run_model(*engine.slot.batch);
  complete_batch(engine.slot, run_for(engine.slot, 5000));
  // A batch of the other queue that came later must not overtake the one that was throttled.
  submit_to(other, 6);
  CLAIM(scheduler.take(second, 0) == Take::kBatch && &second.batch->bucket.queue == held.get());
  run_model(*second.batch);
  complete_batch(second, run_for(second, 5000));
  while (run_one(second, scheduler)) {
  }
  std::vector<int> order;
  for (const Outcome& outcome : drain(*engine.port)) order.push_back(static_cast<int>(outcome.tag));
  CLAIM((order == std::vector<int>{4, 1, 2, 6, 3, 5}));
  scheduler.remove_worker(second);
}

TEST("scheduler: a model that is asked now and then does not wait behind the queue of another; each keeps its order") {
  Engine engine;
  auto busy = make_queue(engine.runtime, 10, 1);
  auto idle = make_queue(engine.runtime, 20, 1);
  trust(*busy, 20000.0);
  trust(*idle, 5000.0);
  Scheduler& scheduler = engine.runtime->scheduler;
  const auto submit_to = [&](const auto& queue, int tag) { submit_row(engine, queue, tag); };
  for (int tag = 1; tag <= 12; ++tag) submit_to(busy, tag);
  CLAIM(run_one(engine.slot, scheduler));
  for (int tag = 21; tag <= 26; ++tag) submit_to(idle, tag);
  while (run_one(engine.slot, scheduler)) {
  }
  std::vector<int> order;
  for (const Outcome& outcome : drain(*engine.port)) order.push_back(static_cast<int>(outcome.tag));
  CLAIM(order.size() == 18 && order[0] == 1 && order[1] == 21);
  CLAIM(std::find(order.begin(), order.end(), 26) < std::find(order.begin(), order.end(), 5));
  std::vector<int> of_busy;
  std::copy_if(order.begin(), order.end(), std::back_inserter(of_busy), [](int tag) { return tag <= 12; });
  CLAIM(std::is_sorted(of_busy.begin(), of_busy.end()) && of_busy.size() == 12);
}

TEST("scheduler: a queue without a model is held: its first rows ask for it, and wait for it; one in use is not held") {
  Engine engine;
  auto queue = make_queue(engine.runtime, 10, 1);
  auto other = make_queue(engine.runtime, 20, 1);
  Scheduler& scheduler = engine.runtime->scheduler;
  int asked = 0;
  const auto ask = [&] { ++asked; };
  submit_row(engine, queue, 1);
  CLAIM(!scheduler.hold(*queue, false, ask));
  CLAIM(run_one(engine.slot, scheduler) && asked == 0);
  CLAIM(scheduler.hold(*queue, false, ask) && queue->is_held.load());
  submit_row(engine, queue, 2);
  submit_row(engine, queue, 3);
  submit_row(engine, other, 4);
  CLAIM(asked == 1);
  CLAIM(run_one(engine.slot, scheduler) && !run_one(engine.slot, scheduler));
  scheduler.release(*queue);
  CLAIM(run_one(engine.slot, scheduler) && run_one(engine.slot, scheduler));
  std::vector<int> order;
  for (const Outcome& outcome : drain(*engine.port)) order.push_back(static_cast<int>(outcome.tag));
  CLAIM((order == std::vector<int>{1, 4, 2, 3}) && asked == 1);
  CLAIM(queue->published_batches.load() == 3 && queue->published_ns.load() > 0);
  // One whose rows wait is held where that may be, and they ask; closed, what waits is answered.
  submit_row(engine, queue, 5);
  CLAIM(!scheduler.hold(*queue, false, ask) && scheduler.hold(*queue, true, ask) && asked == 2);
  CLAIM(!run_one(engine.slot, scheduler));
  scheduler.close();
  CLAIM(drain(*engine.port).size() == 1);
}

TEST("scheduler: a limit that is lifted lets what is throttled run, and a closed runtime answers it") {
  Engine engine;
  auto queue = make_queue(engine.runtime, 10, 1);
  Scheduler& scheduler = engine.runtime->scheduler;
  CLAIM(engine.deploy(make_plan({{one_model(queue, from_request())}})).empty());
  WorkerSlot second;
  second.index = 1;
  scheduler.add_worker(second);
  scheduler.limit_instances(*queue, 1);
  Failure failure;
  for (int tag = 1; tag <= 4; ++tag) engine.submit_rows(rows_of(1, 0), tag, failure);
  engine.port->publisher.flush();
  CLAIM(scheduler.take(engine.slot, 0) == Take::kBatch);
  CLAIM(scheduler.take(second, 0) == Take::kTimeout);
  scheduler.limit_instances(*queue, 2);
  CLAIM(scheduler.take(second, 0) == Take::kBatch);
  complete_batch(second, std::nullopt);
  scheduler.limit_instances(*queue, 1);
  CLAIM(scheduler.take(second, 0) == Take::kTimeout);
  scheduler.close();
  complete_batch(engine.slot, std::nullopt);
  CLAIM(drain(*engine.port).size() == 4 && engine.port->in_flight() == 0);
  scheduler.remove_worker(second);
}

// Nobody wakes a worker that spins: one that misses what happens hangs this test.
constexpr int64_t kSpinForeverNs = int64_t{3600} * 1'000'000'000;

TEST("scheduler: a spinning worker sees a batch, a job and the end without being woken") {
  Engine engine;
  auto queue = make_queue(engine.runtime, 10, 1);
  Scheduler& scheduler = engine.runtime->scheduler;
  CLAIM(engine.deploy(make_plan({{one_model(queue, from_request())}})).empty());
  scheduler.spin_ns = kSpinForeverNs;
  std::atomic<int> asked{0};
  std::vector<Take> taken;
  std::thread worker([&] {
    do {
      asked.fetch_add(1);
      taken.push_back(scheduler.take(engine.slot, -1));
      if (taken.back() == Take::kBatch) complete_batch(engine.slot, std::nullopt);
    } while (taken.back() != Take::kClosed);
  });
  const auto until_asked = [&](int times) {
    while (asked.load() < times) std::this_thread::yield();
    std::this_thread::sleep_for(std::chrono::milliseconds(2));  // now it spins
  };
  until_asked(1);
  Failure failure;
  engine.submit_rows(rows_of(1, 0), 1, failure);
  engine.port->publisher.flush();
  until_asked(2);
  CLAIM(scheduler.post(-1, Job{}));
  until_asked(3);
  scheduler.close();
  worker.join();
  CLAIM((taken == std::vector<Take>{Take::kBatch, Take::kJob, Take::kClosed}));
  drain(*engine.port);
}

TEST("scheduler: the next step is left to the worker that did the one before, what follows it is not") {
  Engine engine;
  auto first = make_queue(engine.runtime, 10);
  auto second = make_queue(engine.runtime, 100);
  Scheduler& scheduler = engine.runtime->scheduler;
  CLAIM(
      engine.deploy(make_plan({{one_model(first, from_request())}, {one_model(second, from_stage(0, 0, 1))}})).empty());
  Failure failure;
  engine.submit_rows(rows_of(1, 0), 1, failure);
  engine.port->publisher.flush();
  CLAIM(scheduler.take(engine.slot, 0) == Take::kBatch);
  WorkerSlot other;
  CLAIM(scheduler.add_worker(other));
  std::atomic<bool> is_woken{false};
  std::thread sleeper([&] {
    CLAIM(scheduler.take(other, -1) == Take::kBatch);
    is_woken.store(true);
    complete_batch(other, std::nullopt);
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(20));  // now it sleeps
  run_model(*engine.slot.batch);
  complete_batch(engine.slot, std::nullopt);
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  CLAIM(!is_woken.load());
  // A second batch is not what the returning worker was left.
  engine.submit_rows(rows_of(1, 0), 2, failure);
  engine.port->publisher.flush();
  sleeper.join();
  CLAIM(scheduler.take(engine.slot, 0) == Take::kBatch);
  complete_batch(engine.slot, std::nullopt);
  scheduler.remove_worker(other);
  engine.run_all();
  drain(*engine.port);
}

TEST("scheduler: a worker that is lost before it returns leaves its next step to another") {
  Engine engine;
  auto first = make_queue(engine.runtime, 10);
  auto second = make_queue(engine.runtime, 100);
  Scheduler& scheduler = engine.runtime->scheduler;
  CLAIM(
      engine.deploy(make_plan({{one_model(first, from_request())}, {one_model(second, from_stage(0, 0, 1))}})).empty());
  Failure failure;
  const auto rows = rows_of(1, 0);
  engine.submit_rows(rows, 1, failure);
  engine.port->publisher.flush();
  WorkerSlot lost;
  CLAIM(scheduler.add_worker(lost) && scheduler.take(lost, 0) == Take::kBatch);
  std::thread sleeper([&] { CLAIM(run_one(engine.slot, scheduler, -1)); });
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  run_model(*lost.batch);
  complete_batch(lost, std::nullopt);
  scheduler.remove_worker(lost);
  sleeper.join();
  const auto outcomes = drain(*engine.port);
  CLAIM(outcomes.size() == 1 && outcomes[0].code == StatusCode::kOk);
}

TEST("scheduler: a batch is alone when nothing else runs or waits") {
  Engine engine;
  auto queue = make_queue(engine.runtime, 10, 1);
  Scheduler& scheduler = engine.runtime->scheduler;
  CLAIM(engine.deploy(make_plan({{one_model(queue, from_request())}})).empty());
  WorkerSlot second;
  second.index = 1;
  scheduler.add_worker(second);
  Failure failure;
  engine.submit_rows(rows_of(1, 0), 1, failure);
  engine.port->publisher.flush();
  CLAIM(scheduler.take(engine.slot, 0) == Take::kBatch && engine.slot.is_alone);
  engine.submit_rows(rows_of(1, 0), 2, failure);
  engine.port->publisher.flush();
  CLAIM(scheduler.take(second, 0) == Take::kBatch && !second.is_alone);
  complete_batch(second, std::nullopt);
  complete_batch(engine.slot, std::nullopt);
  drain(*engine.port);
  scheduler.remove_worker(second);
}

namespace {
constexpr int64_t kLongNs = static_cast<int64_t>(Scheduler::kLongRunUs * 1000.0);

// Two workers, a model that is long or may be, and one that is short.
struct Mixed {
  Engine engine;
  Scheduler& scheduler = engine.runtime->scheduler;
  std::shared_ptr<ModelQueue> slow = make_queue(engine.runtime, 10, 1);
  std::shared_ptr<ModelQueue> quick = make_queue(engine.runtime, 20, 1);
  WorkerSlot second;
  Failure failure;

  Mixed() {
    second.index = 1;
    scheduler.add_worker(second);
    trust(*quick, 1000.0);
  }
  ~Mixed() { scheduler.remove_worker(second); }
  void submit_to(const std::shared_ptr<ModelQueue>& queue, int tag) { submit_row(engine, queue, tag); }
  bool takes(WorkerSlot& slot, const std::shared_ptr<ModelQueue>& queue) {
    return scheduler.take(slot, 0) == Take::kBatch && &slot.batch->bucket.queue == queue.get();
  }
  void complete(WorkerSlot& slot, int64_t run_ns) {
    drop_dead_rows(slot);
    complete_batch(slot, run_for(slot, run_ns));
  }
  // As if the worker had been inside of it for long.
  static void age(WorkerSlot& slot) { slot.taken_ns -= 2 * kLongNs; }
};
}  // namespace

TEST("scheduler: long runs, and those of which nothing is known, leave the last free worker to other models") {
  Mixed mixed;
  // Unknown first, then known to be long.
  for (const double cost_us : {0.0, 2 * Scheduler::kLongRunUs}) {
    if (cost_us > 0.0) trust(*mixed.slow, cost_us);
    mixed.submit_to(mixed.slow, 1);
    mixed.submit_to(mixed.slow, 2);
    mixed.submit_to(mixed.quick, 3);
    CLAIM(mixed.takes(mixed.engine.slot, mixed.slow));
    CLAIM(mixed.takes(mixed.second, mixed.quick));  // although another was there before
    mixed.complete(mixed.second, 1000);
    CLAIM(mixed.scheduler.take(mixed.second, 0) == Take::kTimeout);
    mixed.complete(mixed.engine.slot, 1000);
    CLAIM(mixed.takes(mixed.engine.slot, mixed.slow));
    mixed.complete(mixed.engine.slot, 1000);
    CLAIM(drain(*mixed.engine.port).size() == 3);
  }
}

TEST("scheduler: a batch of a model that is only suspected waits for two seconds, then it has the last worker") {
  Mixed mixed;
  mixed.slow->note_cost(1, 1000.0);
  mixed.submit_to(mixed.slow, 1);
  mixed.submit_to(mixed.slow, 2);
  CLAIM(mixed.takes(mixed.engine.slot, mixed.slow) && mixed.scheduler.take(mixed.second, 0) == Take::kTimeout);
  std::this_thread::sleep_for(std::chrono::nanoseconds(Scheduler::kHeldBackNsMax));
  CLAIM(mixed.takes(mixed.second, mixed.slow));
  mixed.complete(mixed.engine.slot, 1000);
  mixed.complete(mixed.second, 1000);
  drain(*mixed.engine.port);
}

TEST("scheduler: a model that is alone, or among long ones, uses all workers") {
  Mixed mixed;
  trust(*mixed.slow, 2 * Scheduler::kLongRunUs);
  trust(*mixed.quick, 2 * Scheduler::kLongRunUs);
  for (const bool is_alone : {false, true}) {
    if (is_alone) {
      CLAIM(mixed.engine.deploy(make_plan({{one_model(mixed.slow, from_request())}})).empty());
      mixed.quick.reset();
    }
    mixed.submit_to(mixed.slow, 1);
    mixed.submit_to(mixed.slow, 2);
    CLAIM(mixed.takes(mixed.engine.slot, mixed.slow) && mixed.takes(mixed.second, mixed.slow));
    mixed.complete(mixed.engine.slot, 1000);
    mixed.complete(mixed.second, 1000);
    CLAIM(drain(*mixed.engine.port).size() == 2);
  }
}

TEST("scheduler: a look finds runs that take long, and their model is long until they end") {
  Mixed mixed;
  trust(*mixed.slow, 1000.0);
  mixed.submit_to(mixed.slow, 1);
  mixed.submit_to(mixed.slow, 2);
  CLAIM(mixed.takes(mixed.engine.slot, mixed.slow));
  CLAIM(mixed.scheduler.look().runs.empty() && mixed.slow->overruns == 0);
  Mixed::age(mixed.engine.slot);
  const WorkersLook seen = mixed.scheduler.look();
  CLAIM(seen.runs.size() == 1 && seen.runs[0].worker == 0 && seen.runs[0].model_key == 10);
  CLAIM(seen.runs[0].elapsed_ns >= 2 * kLongNs && seen.runs[0].expected_us > 0.0 && !seen.runs[0].is_aside);
  CLAIM(seen.without_free_ns == 0 && mixed.slow->overruns == 1);
  CLAIM(mixed.scheduler.take(mixed.second, 0) == Take::kTimeout);  // held back
  CLAIM(mixed.scheduler.look().held_back_ns > 0 && mixed.scheduler.look().waiting_ns == 0);
  mixed.complete(mixed.engine.slot, 1000);
  CLAIM(mixed.slow->overruns == 0 && mixed.takes(mixed.second, mixed.slow));
  mixed.submit_to(mixed.quick, 3);
  CLAIM(mixed.takes(mixed.engine.slot, mixed.quick));
  Mixed::age(mixed.engine.slot);
  Mixed::age(mixed.second);
  CLAIM(mixed.scheduler.look().without_free_ns >= 2 * kLongNs);
  mixed.complete(mixed.engine.slot, 1000);
  mixed.complete(mixed.second, 1000);
  drain(*mixed.engine.port);
}

TEST("scheduler: a run that takes far longer than its model is known to take yields its core until it ends") {
  const int niceness = niceness_of(this_thread_id());
  const int yielding = may_raise_threads() ? std::max(niceness, kNicer) : niceness;
  Mixed mixed;
  for (const auto& [known_us, expected] : {std::pair{1000.0, yielding}, {Scheduler::kLongRunUs, niceness}}) {
    trust(*mixed.slow, known_us);
    mixed.submit_to(mixed.slow, 1);
    CLAIM(mixed.takes(mixed.engine.slot, mixed.slow));
    mixed.scheduler.look();
    CLAIM(niceness_of(this_thread_id()) == niceness);
    Mixed::age(mixed.engine.slot);
    mixed.scheduler.look();
    CLAIM(niceness_of(this_thread_id()) == expected);
    mixed.complete(mixed.engine.slot, 1000);
    CLAIM(niceness_of(this_thread_id()) == niceness);
  }
  drain(*mixed.engine.port);
}

TEST("scheduler: a worker that is set aside counts nowhere, is answered when its run ends, and ends itself") {
  Mixed mixed;
  trust(*mixed.slow, 1000.0);
  for (int tag = 1; tag <= 4; ++tag) mixed.submit_to(mixed.slow, tag);
  CLAIM(mixed.takes(mixed.engine.slot, mixed.slow) && mixed.takes(mixed.second, mixed.slow));
  const int64_t start_ns = mixed.engine.slot.taken_ns;
  CLAIM(!mixed.scheduler.set_aside(0, start_ns + 1) && !mixed.scheduler.set_aside(7, start_ns));
  CLAIM(mixed.scheduler.set_aside(0, start_ns) && !mixed.scheduler.set_aside(0, start_ns));
  CLAIM(mixed.scheduler.set_aside(1, mixed.second.taken_ns));
  CLAIM(mixed.scheduler.worker_count() == 0 && mixed.slow->stuck == 2 && mixed.slow->running == 2);
  CLAIM(!mixed.scheduler.post(0, Job{}));
  WorkerSlot substitute;
  CLAIM(mixed.scheduler.add_worker(substitute) && mixed.scheduler.post(0, Job{}));
  CLAIM(mixed.scheduler.take(substitute, 0) == Take::kJob);
  // Two of its workers are stuck: the model gets no third.
  CLAIM(mixed.scheduler.take(substitute, 0) == Take::kTimeout);
  mixed.submit_to(mixed.quick, 5);
  CLAIM(mixed.takes(substitute, mixed.quick));
  mixed.complete(substitute, 1000);
  CLAIM(drain(*mixed.engine.port).size() == 1);
  const double known_us = mixed.slow->us_per_run.load();
  mixed.complete(mixed.engine.slot, 20'000'000'000);
  CLAIM(drain(*mixed.engine.port).size() == 1 && mixed.slow->stuck == 1 && mixed.slow->running == 1);
  CLAIM(mixed.slow->us_per_run.load() == known_us);
  CLAIM(mixed.scheduler.take(mixed.engine.slot, 0) == Take::kRetired);
  CLAIM(mixed.takes(substitute, mixed.slow));
  mixed.complete(substitute, 1000);
  mixed.scheduler.remove_worker(mixed.engine.slot);
  CLAIM(mixed.scheduler.worker_count() == 1);
  mixed.complete(mixed.second, 1000);
  CLAIM(mixed.scheduler.take(mixed.second, 0) == Take::kRetired && mixed.slow->stuck == 0);
  while (run_one(substitute, mixed.scheduler)) {
  }
  CLAIM(drain(*mixed.engine.port).size() == 3 && mixed.engine.port->in_flight() == 0);
  mixed.scheduler.remove_worker(substitute);
}

TEST("queue: one run past its limit makes no short model a long one, several in a row do") {
  Engine engine;
  auto queue = make_queue(engine.runtime, 10);
  queue->note_overdue_cost(1, 3000.0);  // nothing else is known
  CLAIM(queue->us_per_run.load() == 3000.0);
  for (int run = 0; run < 50; ++run) queue->note_cost(1, 1000.0);
  const double known_us = queue->us_per_run.load();
  queue->note_overdue_cost(1, 1e7);
  queue->note_overdue_cost(1, 1e7);
  CLAIM(queue->us_per_run.load() == known_us);
  queue->note_cost(1, known_us);
  queue->note_overdue_cost(1, 1e7);
  queue->note_overdue_cost(1, 1e7);
  CLAIM(queue->us_per_run.load() < 2 * known_us);
  queue->note_overdue_cost(1, 1e7);
  CLAIM(queue->us_per_run.load() > 1e6);
}

TEST("scheduler: jobs of any worker take turns with batches, and long ones leave the last free worker") {
  Mixed mixed;
  Job long_job;
  long_job.is_long = true;
  CLAIM(mixed.scheduler.post(-1, long_job) && mixed.scheduler.post(-1, long_job) && mixed.scheduler.post(-1, Job{}));
  mixed.submit_to(mixed.quick, 1);
  CLAIM(mixed.scheduler.take(mixed.engine.slot, 0) == Take::kJob && mixed.engine.slot.job.is_long);
  CLAIM(mixed.scheduler.take(mixed.second, 0) == Take::kJob && !mixed.second.job.is_long);
  CLAIM(mixed.takes(mixed.second, mixed.quick));
  mixed.complete(mixed.second, 1000);
  CLAIM(mixed.scheduler.take(mixed.second, 0) == Take::kTimeout);
  CLAIM(mixed.scheduler.look().held_back_ns > 0);
  CLAIM(mixed.scheduler.set_aside(0, mixed.engine.slot.taken_ns));
  CLAIM(mixed.scheduler.take(mixed.second, 0) == Take::kJob && mixed.second.job.is_long);  // the only one now
  CLAIM(mixed.scheduler.take(mixed.engine.slot, 0) == Take::kRetired);
  CLAIM(mixed.scheduler.take(mixed.second, 0) == Take::kTimeout);
  drain(*mixed.engine.port);
}

TEST("scheduler: a worker that loads or unloads for long keeps long runs out of no other worker") {
  Mixed mixed;
  trust(*mixed.slow, 2 * Scheduler::kLongRunUs);
  CLAIM(mixed.scheduler.post(0, Job{}) && mixed.scheduler.take(mixed.engine.slot, 0) == Take::kJob);
  Mixed::age(mixed.engine.slot);
  CLAIM(mixed.scheduler.look().runs.size() == 1);
  mixed.submit_to(mixed.slow, 1);
  CLAIM(mixed.takes(mixed.second, mixed.slow));
  mixed.complete(mixed.second, 1000);
  CLAIM(mixed.scheduler.take(mixed.engine.slot, 0) == Take::kTimeout);
  // A run of JavaScript's tensors, which any worker takes, is a run like others.
  CLAIM(mixed.scheduler.post(-1, Job{}) && mixed.scheduler.take(mixed.engine.slot, 0) == Take::kJob);
  Mixed::age(mixed.engine.slot);
  mixed.scheduler.look();
  mixed.submit_to(mixed.slow, 2);
  CLAIM(mixed.scheduler.take(mixed.second, 0) == Take::kTimeout);
  CLAIM(mixed.scheduler.take(mixed.engine.slot, 0) == Take::kBatch);
  mixed.complete(mixed.engine.slot, 1000);
  CLAIM(drain(*mixed.engine.port).size() == 2);
}

TEST("scheduler: a worker that is retired ends instead of taking, and leaves what waits to others") {
  Mixed mixed;
  CLAIM(mixed.scheduler.retire(1) && !mixed.scheduler.retire(7));
  mixed.submit_to(mixed.quick, 1);
  CLAIM(mixed.scheduler.take(mixed.second, 0) == Take::kRetired);
  CLAIM(mixed.takes(mixed.engine.slot, mixed.quick));
  mixed.complete(mixed.engine.slot, 1000);
  drain(*mixed.engine.port);
  std::atomic<bool> has_ended{false};
  WorkerSlot sleeper_slot;
  sleeper_slot.index = 2;
  CLAIM(mixed.scheduler.add_worker(sleeper_slot));
  std::thread sleeper([&] { has_ended.store(mixed.scheduler.take(sleeper_slot, -1) == Take::kRetired); });
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  CLAIM(mixed.scheduler.retire(2));
  sleeper.join();
  CLAIM(has_ended.load());
  mixed.scheduler.remove_worker(sleeper_slot);
}

int main() {
  return run_all();
}

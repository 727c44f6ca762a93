// Claims about background workers, played on one thread: what they take and leave, what becomes of it when they go, and
// when rows in the background are shed because they would wait too long.
#include <chrono>
#include <optional>
#include <thread>

#include "test/engine_fixture.hpp"
#include "test/testing.hpp"

using namespace penstock;
using namespace penstock::testing;

namespace {
struct BackgroundWorkerSlot : WorkerSlot {
  BackgroundWorkerSlot() {
    index = 1;
    is_for_background = true;
  }
};

std::shared_ptr<Plan> make_shadow(const std::shared_ptr<ModelQueue>& champion,
                                  const std::shared_ptr<ModelQueue>& challenger) {
  return make_plan({{one_model(champion, from_request()), one_model(challenger, from_request(), true)}});
}

void complete_after(WorkerSlot& slot, int64_t run_ns) {
  drop_dead_rows(slot);
  complete_batch(slot, run_for(slot, run_ns));
}
}  // namespace

TEST("scheduler: a closed runtime answers all that waited for a background worker") {
  Engine engine;
  Scheduler& scheduler = engine.runtime->scheduler;
  BackgroundWorkerSlot background;
  CLAIM(scheduler.add_worker(background));
  auto model = make_queue(engine.runtime, 20, 1);
  CLAIM(engine.deploy(make_plan({{one_model(model, from_request())}})).empty());
  model->note_cost(1, 10 * Scheduler::kCheapRunUs);
  model->is_in_background_workers.store(true);
  // More than a queue has among those that are chosen from.
  constexpr size_t kWaiting = 2 * ReadyQueue::kReadyBatches;
  Failure failure;
  for (size_t tag = 1; tag <= kWaiting; ++tag) {
    CLAIM(engine.submit_rows(rows_of(1, 0), static_cast<double>(tag), failure, 0, Priority::kBackground) != nullptr);
    engine.port->publisher.flush();
  }
  scheduler.close();
  CLAIM(drain(*engine.port).size() == kWaiting && engine.port->in_flight() == 0);
  scheduler.remove_worker(background);
}

TEST("scheduler: a background worker alone takes long background runs of what it has loaded, as long as it is there") {
  Engine engine;
  Scheduler& scheduler = engine.runtime->scheduler;
  BackgroundWorkerSlot background;
  CLAIM(scheduler.add_worker(background) && scheduler.worker_count() == 1);
  auto challenger = make_queue(engine.runtime, 20, 1);
  CLAIM(engine.deploy(make_shadow(make_queue(engine.runtime, 10), challenger)).empty());
  Failure failure;
  const auto submit = [&](int tag) {
    engine.submit_rows(rows_of(1, 0), tag, failure);
    engine.port->publisher.flush();
  };
  submit(1);
  CLAIM(scheduler.take(background, 0) == Take::kTimeout);  // the model is not loaded in it
  engine.run_all();
  CLAIM(drain(*engine.port).size() == 1 && engine.port->in_flight() == 0);

  challenger->note_cost(1, 1e6);
  challenger->is_in_background_workers.store(true);
  scheduler.limit_instances(*challenger, 1);
  submit(2);
  submit(3);
  CLAIM(scheduler.take(background, 0) == Take::kBatch && background.is_background && challenger->running == 0);
  CLAIM(run_one(engine.slot, scheduler));                   // the champion's
  CLAIM(scheduler.take(engine.slot, 0) == Take::kTimeout);  // a challenger's waits, but not for this worker
  complete_after(background, 50'000'000);
  CLAIM(scheduler.take(background, 0) == Take::kBatch);
  CLAIM(scheduler.post(1, Job{}) && !scheduler.post(2, Job{}));
  complete_after(background, 50'000'000);
  CLAIM(scheduler.take(background, 0) == Take::kJob);
  CLAIM(scheduler.post(-1, Job{}) && scheduler.take(background, 0) == Take::kTimeout);  // anybody's job is not for it
  CLAIM(scheduler.take(engine.slot, 0) == Take::kJob);

  submit(4);
  submit(5);
  scheduler.remove_worker(background);
  CLAIM(run_one(engine.slot, scheduler));
  CLAIM(scheduler.take(engine.slot, 0) == Take::kBatch && engine.slot.is_background);
  complete_after(engine.slot, 50'000'000);
  engine.run_all();
  CLAIM(drain(*engine.port).size() == 4 && engine.port->in_flight() == 0);
  for (const auto& rows : engine.pipeline.stats->lost_rows[1]) CLAIM(rows.load() == 0);
}

TEST("scheduler: short background runs are left to the others, and a closed runtime answers what waits for the rest") {
  Engine engine;
  Scheduler& scheduler = engine.runtime->scheduler;
  BackgroundWorkerSlot background;
  scheduler.add_worker(background);
  auto challenger = make_queue(engine.runtime, 20, 1);
  challenger->is_in_background_workers.store(true);
  challenger->note_cost(1, 20.0);
  CLAIM(engine.deploy(make_shadow(make_queue(engine.runtime, 10), challenger)).empty());
  Failure failure;
  engine.submit_rows(rows_of(1, 0), 1, failure);
  engine.port->publisher.flush();
  CLAIM(scheduler.take(background, 0) == Take::kTimeout);
  engine.run_all();
  // What a background worker measures may have waited for a core: it makes no short run a long one.
  challenger->note_background_cost(1, 1e6);
  CLAIM(challenger->us_per_run.load() < 1000.0 && challenger->us_per_background_row.load() == 1e6);

  for (int sample = 0; sample < 50; ++sample) challenger->note_cost(1, 50'000.0);
  engine.submit_rows(rows_of(1, 0), 2, failure);
  engine.port->publisher.flush();
  scheduler.close();
  CLAIM(scheduler.take(background, 0) == Take::kClosed);
  CLAIM(drain(*engine.port).size() == 2 && engine.port->in_flight() == 0);
  scheduler.remove_worker(background);
}

TEST("queue: background rows that would wait for seconds are shed and counted, interactive ones are not") {
  Engine engine;
  auto champion = make_queue(engine.runtime, 10);
  auto challenger = make_queue(engine.runtime, 20, 8, {4096, 4096});
  CLAIM(engine.deploy(make_shadow(champion, challenger)).empty());
  Failure failure;
  const auto submit = [&](size_t rows) { CLAIM(engine.submit_rows(rows_of(rows, 0), 0, failure) != nullptr); };
  submit(8);
  submit(8);  // of unknown cost: the limit of rows alone counts
  CLAIM(engine.pipeline.stats->shed_rows[1].load() == 0);
  challenger->note_cost(1, ModelQueue::kBackgroundWaitUsMax / 10);
  submit(3);
  CLAIM(engine.pipeline.stats->shed_rows[1].load() == 3);
  CLAIM(challenger->try_reserve(Priority::kInteractive, 100) && challenger->try_reserve(Priority::kInteractive, 1));
  // Where background workers do them, their rate counts.
  BackgroundWorkerSlot background;
  engine.runtime->scheduler.add_worker(background);
  challenger->is_in_background_workers.store(true);
  challenger->note_background_cost(1, 1000.0);
  submit(2);
  CLAIM(engine.pipeline.stats->shed_rows[1].load() == 3);
  challenger->unreserve(Priority::kInteractive, 101);
  engine.run_all();
  CLAIM(run_one(background, engine.runtime->scheduler) && challenger->pending_rows[1].load() == 0);
  challenger->note_background_cost(1, ModelQueue::kBackgroundWaitUsMax * 100);
  submit(100);  // an empty queue takes anything
  CLAIM(engine.pipeline.stats->shed_rows[1].load() == 3);
  engine.runtime->scheduler.remove_worker(background);
  engine.run_all();
  CLAIM(drain(*engine.port).size() == 5 && engine.port->in_flight() == 0);
}

int main() {
  return run_all();
}

TEST("executor: rows of a challenger that fails are counted by the reason, once, and the answer stays") {
  Engine engine;
  auto challenger = make_queue(engine.runtime, 20);
  CLAIM(engine.deploy(make_shadow(make_queue(engine.runtime, 10), challenger)).empty());
  Failure failure;
  engine.submit_rows(rows_of(3, 0), 1, failure);
  engine.port->publisher.flush();
  CLAIM(run_one(engine.slot, engine.runtime->scheduler));
  CLAIM(engine.runtime->scheduler.take(engine.slot, 0) == Take::kBatch);
  CLAIM(drop_dead_rows(engine.slot) == 3);
  const RunSpan run = run_for(engine.slot, 3000);
  CLAIM(fail_entry(*engine.slot.batch, 0, StatusCode::kRunFailed, "index out of bounds"));
  CLAIM(!fail_entry(*engine.slot.batch, 0, StatusCode::kRunFailed, "again"));
  complete_batch(engine.slot, run);
  const auto outcomes = drain(*engine.port);
  CLAIM(outcomes.size() == 1 && outcomes[0].code == StatusCode::kOk);
  const auto& lost = engine.pipeline.stats->lost_rows[1];
  CLAIM(lost[static_cast<size_t>(StatusCode::kRunFailed)].load() == 3);
}

TEST("executor: rows of a challenger that nobody waits for any more are counted as too late, not as failed runs") {
  Engine engine;
  CLAIM(engine.deploy(make_shadow(make_queue(engine.runtime, 10), make_queue(engine.runtime, 20))).empty());
  Failure failure;
  const int64_t deadline_us = now_ns() / 1000 + 200'000;
  engine.submit_rows(rows_of(2, 0), 1, failure, deadline_us);
  engine.port->publisher.flush();
  CLAIM(run_one(engine.slot, engine.runtime->scheduler));
  while (now_ns() / 1000 <= deadline_us) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  CLAIM(engine.runtime->scheduler.take(engine.slot, 0) == Take::kBatch);
  CLAIM(drop_dead_rows(engine.slot) == 0);
  complete_batch(engine.slot, std::nullopt);
  const auto outcomes = drain(*engine.port);
  CLAIM(outcomes.size() == 1 && outcomes[0].code == StatusCode::kOk && engine.port->in_flight() == 0);
  const auto& lost = engine.pipeline.stats->lost_rows[1];
  CLAIM(lost[static_cast<size_t>(StatusCode::kDeadlineExceeded)].load() == 2);
  CLAIM(lost[static_cast<size_t>(StatusCode::kRunFailed)].load() == 0);
}

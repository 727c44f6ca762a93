// Claims about which worker takes which batch, and when.
#include "engine_fixture.hpp"
#include "testing.hpp"

#include <chrono>
#include <thread>

using namespace penstock;
using namespace penstock::testing;

TEST("scheduler: one worker of two is kept out of long background runs") {
  Engine engine;
  WorkerSeat second;
  second.index = 1;
  engine.plane->scheduler.add_worker(second);
  auto champion = make_queue(engine.plane, 10);
  auto challenger = make_queue(engine.plane, 20, 1);
  challenger->note_cost(1, 50'000.0);
  CLAIM(engine.deploy(make_plan({{one_model(champion, from_request()), one_model(challenger, from_request(), true)}}))
            .empty());
  Failure failure;
  engine.submit_rows(rows_of(1, 0), 1, failure);
  engine.submit_rows(rows_of(1, 0), 2, failure);
  engine.port->publisher.flush();
  CLAIM(run_one(engine.seat, engine.plane->scheduler));  // both champions share a batch
  CLAIM(engine.plane->scheduler.take(engine.seat, 0) == Take::kBatch && engine.seat.is_background);
  CLAIM(engine.plane->scheduler.take(second, 0) == Take::kTimeout);
  engine.submit_rows(rows_of(1, 0), 3, failure);
  engine.port->publisher.flush();
  CLAIM(run_one(second, engine.plane->scheduler));  // the champion of 3, at once
  CLAIM(drain(*engine.port).size() == 3);
  drop_dead_rows(engine.seat);
  complete_batch(engine.seat, run_for(engine.seat, 50'000'000));
  engine.run_all();
  CLAIM(engine.port->in_flight() == 0);
  engine.plane->scheduler.remove_worker(second);
}

TEST("scheduler: a queue held to one batch at a time leaves the other worker to others, in order of publication") {
  Engine engine;
  auto held = make_queue(engine.plane, 10, 1);
  auto other = make_queue(engine.plane, 20, 1);
  Scheduler& scheduler = engine.plane->scheduler;
  WorkerSeat second;
  second.index = 1;
  scheduler.add_worker(second);
  scheduler.limit_instances(*held, 1);
  Failure failure;
  const auto submit_to = [&](const std::shared_ptr<ModelQueue>& queue, int tag) {
    CLAIM(engine.deploy(make_plan({{one_model(queue, from_request())}})).empty());
    engine.submit_rows(rows_of(1, 0), tag, failure);
    engine.port->publisher.flush();
  };
  for (int tag = 1; tag <= 3; ++tag) submit_to(held, tag);
  submit_to(other, 4);
  submit_to(held, 5);

  CLAIM(scheduler.take(engine.seat, 0) == Take::kBatch && &engine.seat.batch->lane.queue == held.get());
  CLAIM(!engine.seat.is_alone);  // four others wait
  CLAIM(scheduler.take(second, 0) == Take::kBatch && &second.batch->lane.queue == other.get());
  CLAIM(held->running == 1 && other->running == 1);
  run_model(*second.batch);
  complete_batch(second, run_for(second, 5000));
  CLAIM(scheduler.take(second, 0) == Take::kTimeout);
  run_model(*engine.seat.batch);
  complete_batch(engine.seat, run_for(engine.seat, 5000));
  // A batch of the other queue that came later must not overtake the one that was parked.
  submit_to(other, 6);
  CLAIM(scheduler.take(second, 0) == Take::kBatch && &second.batch->lane.queue == held.get());
  run_model(*second.batch);
  complete_batch(second, run_for(second, 5000));
  while (run_one(second, scheduler)) {
  }
  std::vector<int> order;
  for (const Outcome& outcome : drain(*engine.port)) order.push_back(static_cast<int>(outcome.tag));
  CLAIM((order == std::vector<int>{4, 1, 2, 3, 5, 6}));
  scheduler.remove_worker(second);
}

TEST("scheduler: a limit that is lifted lets what is parked run, and a closed plane answers it") {
  Engine engine;
  auto queue = make_queue(engine.plane, 10, 1);
  Scheduler& scheduler = engine.plane->scheduler;
  CLAIM(engine.deploy(make_plan({{one_model(queue, from_request())}})).empty());
  WorkerSeat second;
  second.index = 1;
  scheduler.add_worker(second);
  scheduler.limit_instances(*queue, 1);
  Failure failure;
  for (int tag = 1; tag <= 4; ++tag) engine.submit_rows(rows_of(1, 0), tag, failure);
  engine.port->publisher.flush();
  CLAIM(scheduler.take(engine.seat, 0) == Take::kBatch);
  CLAIM(scheduler.take(second, 0) == Take::kTimeout);
  scheduler.limit_instances(*queue, 2);
  CLAIM(scheduler.take(second, 0) == Take::kBatch);
  complete_batch(second, std::nullopt);
  scheduler.limit_instances(*queue, 1);
  CLAIM(scheduler.take(second, 0) == Take::kTimeout);
  scheduler.close();
  complete_batch(engine.seat, std::nullopt);
  CLAIM(drain(*engine.port).size() == 4 && engine.port->in_flight() == 0);
  scheduler.remove_worker(second);
}

// Nobody wakes a worker that watches: one that misses what happens hangs this test.
constexpr int64_t kWatchForeverNs = int64_t{3600} * 1'000'000'000;

TEST("scheduler: a watching worker sees a batch, a job and the end without being woken") {
  Engine engine;
  auto queue = make_queue(engine.plane, 10, 1);
  Scheduler& scheduler = engine.plane->scheduler;
  CLAIM(engine.deploy(make_plan({{one_model(queue, from_request())}})).empty());
  scheduler.watch_ns = kWatchForeverNs;
  std::atomic<int> asked{0};
  std::vector<Take> taken;
  std::thread worker([&] {
    do {
      asked.fetch_add(1);
      taken.push_back(scheduler.take(engine.seat, -1));
      if (taken.back() == Take::kBatch) complete_batch(engine.seat, std::nullopt);
    } while (taken.back() != Take::kClosed);
  });
  const auto until_asked = [&](int times) {
    while (asked.load() < times) std::this_thread::yield();
    std::this_thread::sleep_for(std::chrono::milliseconds(2));  // now it watches
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
  auto first = make_queue(engine.plane, 10);
  auto second = make_queue(engine.plane, 100);
  Scheduler& scheduler = engine.plane->scheduler;
  CLAIM(
      engine.deploy(make_plan({{one_model(first, from_request())}, {one_model(second, from_stage(0, 0, 1))}})).empty());
  Failure failure;
  engine.submit_rows(rows_of(1, 0), 1, failure);
  engine.port->publisher.flush();
  CLAIM(scheduler.take(engine.seat, 0) == Take::kBatch);
  WorkerSeat other;
  CLAIM(scheduler.add_worker(other));
  std::atomic<bool> is_woken{false};
  std::thread sleeper([&] {
    CLAIM(scheduler.take(other, -1) == Take::kBatch);
    is_woken.store(true);
    complete_batch(other, std::nullopt);
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(20));  // now it sleeps
  run_model(*engine.seat.batch);
  complete_batch(engine.seat, std::nullopt);
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  CLAIM(!is_woken.load());
  // A second batch is not what the returning worker was left.
  engine.submit_rows(rows_of(1, 0), 2, failure);
  engine.port->publisher.flush();
  sleeper.join();
  CLAIM(scheduler.take(engine.seat, 0) == Take::kBatch);
  complete_batch(engine.seat, std::nullopt);
  scheduler.remove_worker(other);
  engine.run_all();
  drain(*engine.port);
}

TEST("scheduler: a worker that is lost before it returns leaves its next step to another") {
  Engine engine;
  auto first = make_queue(engine.plane, 10);
  auto second = make_queue(engine.plane, 100);
  Scheduler& scheduler = engine.plane->scheduler;
  CLAIM(
      engine.deploy(make_plan({{one_model(first, from_request())}, {one_model(second, from_stage(0, 0, 1))}})).empty());
  Failure failure;
  const auto rows = rows_of(1, 0);
  engine.submit_rows(rows, 1, failure);
  engine.port->publisher.flush();
  WorkerSeat lost;
  CLAIM(scheduler.add_worker(lost) && scheduler.take(lost, 0) == Take::kBatch);
  std::thread sleeper([&] { CLAIM(run_one(engine.seat, scheduler, -1)); });
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
  auto queue = make_queue(engine.plane, 10, 1);
  Scheduler& scheduler = engine.plane->scheduler;
  CLAIM(engine.deploy(make_plan({{one_model(queue, from_request())}})).empty());
  WorkerSeat second;
  second.index = 1;
  scheduler.add_worker(second);
  Failure failure;
  engine.submit_rows(rows_of(1, 0), 1, failure);
  engine.port->publisher.flush();
  CLAIM(scheduler.take(engine.seat, 0) == Take::kBatch && engine.seat.is_alone);
  engine.submit_rows(rows_of(1, 0), 2, failure);
  engine.port->publisher.flush();
  CLAIM(scheduler.take(second, 0) == Take::kBatch && !second.is_alone);
  complete_batch(second, std::nullopt);
  complete_batch(engine.seat, std::nullopt);
  drain(*engine.port);
  scheduler.remove_worker(second);
}

int main() {
  return run_all();
}

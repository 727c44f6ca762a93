// What a queue knows of its own speed: the fit of a run's cost, the drain time a row, batches within a budget.
#include "queue/service_time.hpp"

#include <cmath>

#include "test/testing.hpp"

using namespace penstock;

namespace {
bool is_close(double actual, double expected, double share) {
  return std::abs(actual - expected) <= share * expected;
}
}  // namespace

TEST("service time: nothing is known at first, so nothing is refused for it") {
  const ServiceTime service;
  CLAIM(service.run_us(10) == 0.0 && service.drain_us_per_row(2) == 0.0);
  CLAIM(service.rows_within(1000.0, 64) == 64);
  CLAIM(service.is_stale(2 * ServiceTime::kStaleNs));
}

TEST("service time: a run's cost is divided into that of the run and that of its rows") {
  ServiceTime service;
  for (uint32_t i = 0; i < 200; ++i) {
    const uint32_t rows = 1 + (i * 7) % 32;
    service.note_run(rows, 500.0 + 20.0 * rows);
  }
  CLAIM(is_close(service.run_us(1), 520.0, 0.02));
  CLAIM(is_close(service.run_us(1000), 20'500.0, 0.02));
}

TEST("service time: batches of one size are taken to cost by the row") {
  ServiceTime service;
  for (int i = 0; i < 50; ++i) service.note_run(16, 1600.0);
  CLAIM(is_close(service.run_us(1), 100.0, 0.01) && is_close(service.run_us(32), 3200.0, 0.01));
}

TEST("service time: one hiccup of seconds does not refuse what comes for seconds") {
  ServiceTime service;
  for (int i = 0; i < 50; ++i) service.note_run(1, 1000.0);
  service.note_run(1, 5e6);
  CLAIM(service.run_us(1) < 1300.0);
  // A model that has become slower is believed all the same.
  for (int i = 0; i < 50; ++i) service.note_run(1, 20'000.0);
  CLAIM(service.run_us(1) > 15'000.0);
}

TEST("service time: rows drain as fast as the ends of batches follow each other while others wait") {
  ServiceTime service;
  service.note_run(10, 10'000.0);
  CLAIM(is_close(service.drain_us_per_row(2), 500.0, 0.01));  // until more is known: the cost, by the workers
  int64_t now = 1'000'000'000;
  service.note_end(10, true, now);
  // Two workers that run for 10 ms each, and take twice as long because others need the cores.
  for (int i = 0; i < 100; ++i) service.note_end(10, true, now += 10'000'000);
  CLAIM(is_close(service.drain_us_per_row(2), 1000.0, 0.01));
  // A pause in which nobody waited says nothing.
  service.note_end(10, false, now += 10'000'000);
  service.note_end(10, true, now += 60'000'000'000);
  CLAIM(is_close(service.drain_us_per_row(2), 1000.0, 0.01));
}

TEST("service time: a batch takes a third of its shortest budget, and one row at least") {
  ServiceTime service;
  for (int i = 0; i < 50; ++i) service.note_run(10, 10'000.0);
  CLAIM(service.rows_within(100'000.0, 1024) == 33);
  CLAIM(service.rows_within(100'000.0, 16) == 16);
  CLAIM(service.rows_within(1'000.0, 1024) == 1);
}

TEST("service time: runs that cost much beside their rows do not end in batches of one row") {
  ServiceTime service;
  for (uint32_t i = 0; i < 200; ++i) service.note_run(1 + i % 64, 20'000.0 + 10.0 * (1 + i % 64));
  CLAIM(service.rows_within(60'000.0, 1024) > 500);
}

TEST("service time: waits that become longer than expected are allowed for, and shorter ones are not") {
  ServiceTime service;
  for (int i = 0; i < 100; ++i) service.note_wait(50'000.0, 40'000.0);
  CLAIM(service.spread() < 0.01);
  for (int i = 0; i < 100; ++i) service.note_wait(50'000.0, 60'000.0);
  CLAIM(service.spread() > 0.5);
}

int main() {
  return penstock::testing::run_all();
}
